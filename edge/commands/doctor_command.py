"""`limen doctor`: whether everything is there that the door needs, and what mends what is not."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import Any, Final

from edge.clock import Clock, SystemClock
from edge.commands.configuration import chosen_settings
from edge.commands.conversation import ask
from edge.errors import LimenError, ModelError, StoreBusyError
from edge.service.doctor import parts
from edge.service.doctor.broker import broker, port, wall_clock
from edge.service.doctor.bundle import write_bundle
from edge.service.doctor.finding import Finding, fail
from edge.service.doctor.pins import pins
from edge.service.doctor.system import system
from edge.service.doctor.unit import unit
from edge.service.rule import embedder_card
from edge.settings import Settings

_MARKS: Final = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


def execute(options: Namespace) -> int:
    """0 when nothing failed, 1 when something did."""
    settings = chosen_settings(options)
    findings: list[Finding] = []
    status: dict[str, Any] = {}
    clock = SystemClock()
    looked = parts.models(settings, clock) if options.only == "models" else _look(settings, clock, status)
    for finding in looked:
        findings.append(finding)
        print(json.dumps(_plain(finding)) if options.json else _line(finding), flush=True)
    if options.bundle is not None:
        _bundle(options, settings, findings, status)
    return int(any(finding.state == "fail" for finding in findings))


def _look(settings: Settings, clock: Clock, status: dict[str, Any]) -> Iterator[Finding]:
    yield from system(settings.state)
    yield from wall_clock(clock)
    yield from pins(settings.door)
    yield from broker(settings, clock)
    try:
        yield from parts.store(settings, clock)
    except StoreBusyError:
        yield from _ask_daemon(settings, status)
    else:
        yield from port(settings)
        yield from parts.models(settings, clock)
        yield from parts.camera(settings, clock)
    yield from unit()


def _ask_daemon(settings: Settings, status: dict[str, Any]) -> Iterator[Finding]:
    try:
        status.update(ask(settings, "selftest"))
    except LimenError as error:
        yield fail("door", "it runs, and does not answer", "look at its log: journalctl -u limen", private=str(error))
        return
    yield from parts.of_daemon(status)


def _bundle(options: Namespace, settings: Settings, findings: list[Finding], status: dict[str, Any]) -> None:
    try:
        cards = {"embedder": embedder_card(settings)}
    except ModelError:
        cards = {}
    try:
        write_bundle(options.bundle, findings, settings, cards, status)
    except OSError as error:
        raise LimenError(f"{options.bundle}: {error.strerror}") from error
    print(f"{options.bundle.absolute()}: what was found, without faces, names and secrets; look into it, then send it")


def _line(finding: Finding) -> str:
    colours = {"ok": "32", "warn": "33", "fail": "31"}
    mark = _MARKS[finding.state]
    mark = f"\033[{colours[finding.state]}m{mark}\033[0m" if sys.stdout.isatty() else mark
    cure = f"\n       {'':18}-> {finding.fix}" if finding.fix else ""
    return f"{mark}   {finding.what:18}{finding.whole}{cure}"


def _plain(finding: Finding) -> dict[str, str]:
    return {"what": finding.what, "state": finding.state, "text": finding.whole, "fix": finding.fix}

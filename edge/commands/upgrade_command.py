"""`limen upgrade`: a newer version beside the one in use, and back again when it does not hold."""

from __future__ import annotations

import signal
from argparse import Namespace
from contextlib import suppress
from pathlib import Path

from edge.clock import SystemClock
from edge.deploy.actions import DeployError
from edge.deploy.layout import Layout
from edge.deploy.machine import look_around
from edge.deploy.upgrade import upgrade


def execute(options: Namespace) -> int:
    """Upgrade this machine from a checkout. Raises DeployError; then the earlier version works on."""
    layout = Layout()
    machine = look_around(layout)
    problems = machine.problems()
    if problems:
        raise DeployError("; ".join(problems))
    source: Path = options.source.resolve()
    if not (source / "edge/__init__.py").is_file():
        raise DeployError(f"{source} is no checkout of Limen")
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C does: the earlier version comes back
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)
    upgrade(layout, machine, source, SystemClock(), _say)
    return 0


def _say(text: str) -> None:
    with suppress(OSError):  # the terminal is gone: no reason to stop half-way
        print(text, flush=True)

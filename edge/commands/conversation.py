"""Asking a running door something over MQTT, from the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from edge.clock import SystemClock
from edge.errors import LimenError, MessageError
from edge.mqtt.ask import Session
from edge.mqtt.authority import COMMANDS
from edge.mqtt.credentials import client_login
from edge.mqtt.keys import read_signer
from edge.mqtt.messages import Progress, Response
from edge.mqtt.topics import Topics
from edge.settings import Settings

_ANSWER_SECONDS: Final = 10.0


def ask(
    settings: Settings,
    command: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    timeout: float = _ANSWER_SECONDS,
    key: Path | None = None,
    heard: Callable[[Progress | Response], None] = lambda _: None,
) -> dict[str, Any]:
    """Send `command` and return the `data` of its final answer; `heard` gets everything on the way there.

    `key`: the private key to sign with; a command that only reads is never signed.

    Raises MessageError with the door's own words when it refuses, LimenError when there is no door to ask.
    """
    rule = COMMANDS.get(command)
    reads = rule is not None and rule.authority == "read"
    signer = None if key is None or reads else read_signer(key)
    with Session(client_login(settings), Topics.of(settings), SystemClock()) as session:
        for answer in session.request(command, arguments, timeout=timeout, signer=signer):
            heard(answer)
            if isinstance(answer, Response) and answer.error is not None:
                error = answer.error
                raise MessageError(error.code, f"{error.message} ({error.code})", retryable=error.retryable)
            if isinstance(answer, Response) and answer.status == "ok":
                return answer.data or {}
    raise LimenError(f"{command}: the door did not finish its answer")

"""The dashboard's way to give commands: a short connection for each, signed with its own key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from edge.clock import Clock
from edge.mqtt.ask import Session
from edge.mqtt.credentials import Login
from edge.mqtt.keys import Signer
from edge.mqtt.messages import Progress, Response
from edge.mqtt.topics import Topics

_ANSWER_SECONDS: Final = 10.0
_ENROLMENT_SECONDS: Final = 130.0  # the longest window a door opens, and a little


class Sending:
    """A Sender of the dashboard. `login` is asked for anew each time. Without a `signer`: what only reads."""

    def __init__(self, login: Callable[[], Login], base: str, clock: Clock, signer: Signer | None) -> None:
        self._login, self._base, self._clock, self._signer = login, base, clock, signer

    @property
    def signs(self) -> bool:
        return self._signer is not None

    def send(
        self, door: str, command: str, arguments: Mapping[str, Any], *, signed: bool
    ) -> Iterator[Progress | Response]:
        """What the door says, its last word last. Raises LimenError when it says none."""
        timeout = _ENROLMENT_SECONDS if command == "enroll" else _ANSWER_SECONDS
        signer = self._signer if signed else None
        with Session(self._login(), Topics(self._base, door), self._clock) as session:
            yield from session.request(command, arguments, timeout=timeout, signer=signer)

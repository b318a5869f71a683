"""The other end of the contract, for the command line: ask the door, see progress and answers, follow events."""

from __future__ import annotations

import queue
import secrets
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from paho.mqtt.client import topic_matches_sub

from edge.clock import Clock
from edge.errors import LimenError, MessageError
from edge.mqtt.commands import Incoming
from edge.mqtt.credentials import Login
from edge.mqtt.keys import Signer
from edge.mqtt.link import Link, Wiring
from edge.mqtt.messages import ONLINE, VERSION, Progress, Response, decode
from edge.mqtt.topics import Topics

_CONNECT_SECONDS: Final = 6.0
_DOOR_SECONDS: Final = 3.0
_POLL_SECONDS: Final = 0.2
_MOST_UNREAD: Final = 1000


class Session:
    """A client's connection; use as a context manager. Entering raises LimenError saying why there is none.

    `listen`: topic filters that `follow` yields from, subscribed from the start, so that nothing in between is missed.
    `patience`: seconds to wait for a door that is not there yet.
    """

    def __init__(
        self, login: Login, topics: Topics, clock: Clock, *, listen: Sequence[str] = (), patience: float = _DOOR_SECONDS
    ) -> None:
        self._patience = patience
        self._topics, self._clock, self._listen = topics, clock, tuple(listen)
        own = (topics.availability, topics.response("#"), topics.progress("#"))
        wiring = Wiring(f"limen-client-{secrets.token_hex(8)}", own + self._listen, most_unread=_MOST_UNREAD)
        self._link = Link(login, wiring, clock)
        self._aside: deque[Incoming] = deque(maxlen=_MOST_UNREAD)
        self._door_online = False
        self._arrivals = 0

    def __enter__(self) -> Self:
        self._link.__enter__()
        if not self._link.wait(_CONNECT_SECONDS):
            problem = self._link.problem or "the broker does not answer"
            self._link.__exit__(None, None, None)
            raise LimenError(problem)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._link.__exit__(kind, error, trace)

    def wait_for_door(self) -> None:
        """Return once the door is online. Raises LimenError when it is not within `patience`."""
        give_up = self._clock.now() + self._patience
        while not self._door_online:
            if self._clock.now() > give_up:
                raise LimenError(f"no door answers as {self._topics.root}: is `limen run` running?")
            self._answer(self._next(), "")

    def request(
        self, command: str, arguments: Mapping[str, Any] | None = None, *, timeout: float, signer: Signer | None = None
    ) -> Iterator[Progress | Response]:
        """Send a command under a fresh transaction, signed if asked for; yield what the door says until it is final.

        When either side lost its connection the same bytes are sent again once the door is seen online: it acts at
        most once on a transaction. Raises LimenError when no door is there, the broker refuses, or nothing is heard
        for `timeout` seconds.
        """
        self.wait_for_door()
        transaction = secrets.token_hex(16)
        document = {"v": VERSION, "transaction": transaction} | dict(arguments or {})
        if signer is None:
            payload = msgspec.json.encode(document)
        else:
            challenge = self._challenge(signer, timeout)
            address = {"door": self._topics.door, "command": command, "challenge": challenge}
            payload = signer.envelope(document | address)
        heard_at, sent_at = self._clock.now(), 0
        while self._clock.now() - heard_at <= timeout:
            if self._arrivals != sent_at and self._link.publish(self._topics.request(command), payload):
                sent_at = self._arrivals
            if self._link.connected and self._link.problem:
                raise LimenError(self._link.problem)
            answer = self._answer(self._next(), transaction)
            if answer is not None:
                heard_at = self._clock.now()
                yield answer
            if isinstance(answer, Response) and answer.status != "accepted":
                return
        raise LimenError(self._link.problem or f"no answer to {command} from {self._topics.root} in {timeout:.0f} s")

    def follow(self, *, silence: float | None = None) -> Iterator[Incoming]:
        """What arrives on the `listen` filters, oldest first; ends after `silence` seconds without any. None: never."""
        heard_at = self._clock.now()
        while silence is None or self._clock.now() - heard_at <= silence:
            incoming = self._aside.popleft() if self._aside else self._next()
            if incoming is not None and self._is_listened_to(incoming):
                yield incoming
                heard_at = self._clock.now()

    def _challenge(self, signer: Signer, timeout: float) -> str:
        for answer in self.request("challenge", {"key": signer.id}, timeout=timeout):
            if isinstance(answer, Response) and answer.error is not None:
                raise MessageError(answer.error.code, f"{answer.error.message} ({answer.error.code})")
            if isinstance(answer, Response) and answer.data and isinstance(answer.data.get("challenge"), str):
                return str(answer.data["challenge"])
        raise LimenError("the door gave no challenge to sign")

    def _next(self) -> Incoming | None:
        """The next message, None when there is none for a moment."""
        try:
            incoming = self._link.inbox.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            return None
        if incoming.topic == self._topics.availability:
            self._door_online = incoming.payload == ONLINE
            self._arrivals += self._door_online
        return incoming

    def _answer(self, incoming: Incoming | None, transaction: str) -> Progress | Response | None:
        """`incoming` if it belongs to `transaction`; anything else that is listened to is laid aside."""
        if incoming is None:
            return None
        message = self._read(incoming)
        if message is not None and message.transaction == transaction:
            return message
        if self._is_listened_to(incoming):
            self._aside.append(incoming)
        return None

    def _read(self, incoming: Incoming) -> Progress | Response | None:
        try:
            if incoming.topic.startswith(self._topics.response("")):
                return decode(Response, incoming.payload)
            if incoming.topic.startswith(self._topics.progress("")):
                return decode(Progress, incoming.payload)
        except (ValueError, msgspec.MsgspecError):
            pass  # something else was published there: not for us
        return None

    def _is_listened_to(self, incoming: Incoming) -> bool:
        return any(topic_matches_sub(name, incoming.topic) for name in self._listen)

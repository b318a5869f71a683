"""From the watcher's thread to the open pages: each gets its own bounded queue, and a slow one loses its oldest.

What is published is encoded once. A page that lost something is told how much (`missed`), and nobody waits for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from edge.dashboard.told import told
from edge.dashboard.values import Connection, DoorView, EventView, Job, Missed, Update

MOST_STREAMS: Final = 20
MOST_OF_A_SESSION: Final = 5  # a browser holds six connections to a server: one must be left for the page itself
MOST_WAITING: Final = 256
_NAMES: Final[dict[type[Update], str]] = {
    DoorView: "door",
    EventView: "event",
    Connection: "connection",
    Job: "job",
    Missed: "missed",
}


@dataclass(frozen=True, slots=True)
class Packet:
    """One server-sent event; `login`: for whom alone."""

    data: bytes
    login: str | None = None


def packet(update: Update) -> Packet:
    number = update.number if isinstance(update, EventView) and update.number else None
    head = f"event: {_NAMES[type(update)]}\n" + (f"id: {number}\n" if number else "")
    # The value, and beside it the same in words. JSON here has no line break: those in texts are escaped.
    value = msgspec.to_builtins(update, builtin_types=(datetime,)) | {"told": told(update)}
    body = head.encode() + b"data: " + msgspec.json.encode(value) + b"\n\n"
    return Packet(body, update.login if isinstance(update, Job) else None)


class Stream:
    """What waits for one page. Belongs to the event loop."""

    def __init__(self, session_id: str, login: str) -> None:
        self.session_id, self.login = session_id, login
        self.ended = False
        self._waiting: deque[Packet] = deque()
        self._missed = 0
        self._something = asyncio.Event()

    def put(self, packets: Sequence[Packet]) -> None:
        self._waiting.extend(one for one in packets if one.login in {None, self.login})
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._missed += 1
        self._something.set()

    def end(self) -> None:
        self.ended = True
        self._something.set()

    async def take(self, patience: float) -> bytes:
        """All that waits, or nothing after `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                await self._something.wait()
        except TimeoutError:
            return b""
        self._something.clear()
        missed, self._missed = self._missed, 0
        packets = ([packet(Missed(missed))] if missed else []) + list(self._waiting)
        self._waiting.clear()
        return b"".join(one.data for one in packets)


class Hub:
    """`publish` may be called from any thread; the rest belongs to the event loop that it is attached to."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._streams: list[Stream] = []
        self._closed = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def publish(self, updates: Sequence[Update]) -> None:
        packets = [packet(update) for update in updates] if self._streams else []
        if packets:
            self._call(lambda: self._spread(packets))

    def end_session(self, session_id: str) -> None:
        """Whoever was logged out sees nothing more."""
        self._call(lambda: self._end(session_id))

    def close(self) -> None:
        """End all streams; from now on there are none."""
        self._call(lambda: self._end(None))

    def open(self, session_id: str, login: str) -> Stream | None:
        """None: there are enough. Of too many of one session the oldest ends: its page may be long gone."""
        own = [stream for stream in self._streams if stream.session_id == session_id]
        if len(own) >= MOST_OF_A_SESSION:
            self._streams.remove(own[0])
            own[0].end()
        if self._closed or len(self._streams) >= MOST_STREAMS:
            return None
        stream = Stream(session_id, login)
        self._streams.append(stream)
        return stream

    def leave(self, stream: Stream) -> None:
        if stream in self._streams:
            self._streams.remove(stream)

    def _call(self, action: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # it was closed just now, and all streams with it
                self._loop.call_soon_threadsafe(action)

    def _spread(self, packets: Sequence[Packet]) -> None:
        for stream in self._streams:
            stream.put(packets)

    def _end(self, session_id: str | None) -> None:
        self._closed = self._closed or session_id is None
        for stream in self._streams:
            if session_id in {None, stream.session_id}:
                stream.end()

"""The event stream: what a page that is open sees happen, as server-sent events."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from edge.dashboard.gate import refused
from edge.dashboard.hub import Hub, Stream, packet
from edge.dashboard.records import Records
from edge.dashboard.services import Refused, Watch
from edge.dashboard.sessions import Sessions
from edge.dashboard.values import Update
from edge.errors import StoreError

HEARTBEAT_SECONDS: Final = 10.0
_SEND_SECONDS: Final = 30.0
_MOST_CAUGHT_UP: Final = 200
_BEGIN: Final = b"retry: 2000\n\n"
# A page that hears nothing for longer than this knows that the line is dead.
_HEARTBEAT: Final = b"event: ping\ndata: {}\n\n"


class EventStream:
    """An ASGI application behind the gate. A browser that takes nothing for half a minute is hung up on."""

    def __init__(self, hub: Hub, watch: Watch, records: Records, sessions: Sessions) -> None:
        self._hub, self._watch, self._records, self._sessions = hub, watch, records, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method != "GET":
            await refused(Refused("bad_method", "GET only"))(scope, receive, send)
            return
        session = request.state.session
        stream = self._hub.open(session.id, session.login)
        if stream is None:
            await refused(Refused("too_many", "enough pages are open: close one"))(scope, receive, send)
            return
        sending = asyncio.create_task(self._send_all(stream, request, send))
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(stream)
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_all(self, stream: Stream, request: Request, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _send(send, _BEGIN + await run_in_threadpool(self._beginning, request.headers.get("last-event-id", "")))
        while not stream.ended:
            news = await stream.take(HEARTBEAT_SECONDS)
            # Also where there is always news: no busy door keeps a session alive.
            if not await run_in_threadpool(self._alive, stream.session_id):
                break
            await _send(send, news or _HEARTBEAT)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _beginning(self, last_event_id: str) -> bytes:
        """How everything is, and what a browser that was here before has not seen."""
        updates: list[Update] = [self._watch.connection(), *(replace(door, info=None) for door in self._watch.doors())]
        if last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 15:
            with suppress(StoreError):  # `connection` says so
                updates += self._records.since(int(last_event_id), _MOST_CAUGHT_UP)
        return b"".join(packet(update).data for update in updates)

    def _alive(self, session_id: str) -> bool:
        try:
            return self._sessions.alive(session_id)
        except StoreError:
            return True  # nobody is logged out because a disk is full; the session's own end comes all the same


async def _send(send: Send, data: bytes) -> None:
    # Not wait_for, which may swallow that this task is cancelled.
    async with asyncio.timeout(_SEND_SECONDS):
        await send({"type": "http.response.body", "body": data, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

"""The dashboard's thread: from its link with the broker to its watcher, and the watcher's questions back."""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Callable
from typing import Final, Self

import msgspec

from edge.clock import Clock
from edge.dashboard.hearing import FILTERS
from edge.dashboard.watcher import Request, Watcher
from edge.errors import LimenError
from edge.mqtt.credentials import Login, dashboard_login
from edge.mqtt.link import Link, Wiring
from edge.mqtt.messages import VERSION
from edge.mqtt.topics import Topics
from edge.settings import Settings

_TURN_SECONDS: Final = 0.1
_MOST_UNREAD: Final = 4000
_MOST_A_TURN: Final = 1000
_LARGEST_PACKET: Final = 1 << 18
_RENEW_SECONDS: Final = 2.0
_FAREWELL_SECONDS: Final = 10.0


class Watching:
    """Use as a context manager. Entering raises LimenError when there is no login for the broker.

    If the thread ends by itself it calls `ended`: a page that stands still would lie.
    """

    def __init__(self, settings: Settings, watcher: Watcher, clock: Clock, ended: Callable[[], None]) -> None:
        self._settings, self._watcher, self._clock, self._ended = settings, watcher, clock, ended
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def __enter__(self) -> Self:
        self._login = dashboard_login(self._settings)
        self._link = self._linked(self._login)
        self._renew_at = self._clock.now() + _RENEW_SECONDS
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_FAREWELL_SECONDS)

    def _watch(self) -> None:
        try:
            while not self._stop.is_set():
                self._turn()
        finally:
            self._link.__exit__(None, None, None)
            self._ended()

    def _turn(self) -> None:
        self._hear()
        link, base = self._link, self._settings.mqtt.base
        requests = self._watcher.step(
            connected=link.connected, problem=link.problem, generation=link.generation, dropped=link.dropped
        )
        for request in requests:
            link.publish(Topics(base, request.door).request(request.command), _payload(request))
        if not link.connected:
            self._renew_login()

    def _hear(self) -> None:
        """Wait for something, then take what there is, but never more than can be stored and shown in between."""
        try:
            self._watcher.hear(self._link.inbox.get(timeout=_TURN_SECONDS))
            for _ in range(_MOST_A_TURN):
                self._watcher.hear(self._link.inbox.get_nowait())
        except queue.Empty:
            return

    def _renew_login(self) -> None:
        """The embedded broker makes new passwords whenever it is started."""
        if self._settings.mqtt.broker != "embedded" or self._clock.now() < self._renew_at:
            return
        self._renew_at = self._clock.now() + _RENEW_SECONDS
        try:
            login = dashboard_login(self._settings)
        except LimenError:  # it is not running: the link says so
            return
        if login != self._login:
            self._link.__exit__(None, None, None)
            self._login, self._link = login, self._linked(login)

    def _linked(self, login: Login) -> Link:
        """Under a name of its own each time: two dashboards on one broker must not throw each other out."""
        every = Topics(self._settings.mqtt.base, "+")
        filters = tuple(f"{every.root}/{name}" for name in FILTERS)
        client_id = f"limen-dashboard-{secrets.token_hex(8)}"
        wiring = Wiring(client_id, filters, largest_packet=_LARGEST_PACKET, most_unread=_MOST_UNREAD)
        return Link(login, wiring, self._clock).__enter__()


def _payload(request: Request) -> bytes:
    return msgspec.json.encode({"v": VERSION, "transaction": request.transaction} | request.arguments)

"""What the dashboard's tests share: made-up doors that speak the contract, a watcher, and a server with its parts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from argon2 import PasswordHasher
from msgspec import Struct

from edge.clock import rfc3339
from edge.dashboard.accounts import Accounts
from edge.dashboard.app import Parts, make_app
from edge.dashboard.database import Database
from edge.dashboard.forgetting import Keeping
from edge.dashboard.hub import Hub
from edge.dashboard.operating import Operating
from edge.dashboard.records import Records
from edge.dashboard.sessions import Lifetime, Sessions
from edge.dashboard.site import Site
from edge.dashboard.trail import Trail
from edge.dashboard.values import DoorView, EventView, Update
from edge.dashboard.watcher import Request, Watcher
from edge.mqtt.messages import AccessEvent, Info, Percentiles, Response, Status, SystemEvent, encode
from edge.service.impatience import ImpatientConnection
from tests.edge.brokers import until

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
LONG = 20.0


class HandClock:
    """Stands still until a test moves it: `pass_by` for both hands, `wall_moves` for the one on the wall alone."""

    def __init__(self) -> None:
        self.monotonic = 1000.0
        self.moment = NOON

    def pass_by(self, seconds: float) -> None:
        self.monotonic += seconds
        self.moment += timedelta(seconds=seconds)

    def now(self) -> float:
        return self.monotonic

    def cpu(self) -> float:
        return 0.0

    def wall(self) -> datetime:
        return self.moment

    def trusted(self) -> bool:
        return True

    def sleep(self, seconds: float) -> None:
        self.pass_by(seconds)


@dataclass(frozen=True)
class Said:
    """A message as a broker hands it over."""

    topic: str
    payload: bytes
    retain: bool = False


def stamped(at: datetime = NOON) -> dict[str, Any]:
    return {"ts": rfc3339(at), "ts_trusted": True, "boot_id": "boot"}


def visit(seq: int, at: datetime = NOON, **changes: Any) -> AccessEvent:
    """Ada is let in; or, with a `verdict` of refused, somebody who resembled her is not."""
    facts: dict[str, Any] = {"id": f"event-{seq}", "seq": seq, "visit": f"visit-{seq}", "verdict": "granted"}
    facts |= {"reason": "verified", "person": "Ada", "person_id": "ada", "similarity": 0.8, "votes": 9}
    facts |= {"references": 10, "detection_threshold": 0.53, "verification_threshold": 0.5, "frames": 3}
    facts |= {"frames_seen": 3, "frames_needed": 3, "latency_ms": 40.0}
    if changes.get("verdict") == "refused":
        facts |= {"reason": "unknown", "person": None, "person_id": None, "nearest": "Ada", "nearest_id": "ada"}
        facts |= {"similarity": 0.3, "votes": 0}
    return AccessEvent(**stamped(at) | facts | changes)


def notice(seq: int, word: str, at: datetime = NOON, **changes: Any) -> SystemEvent:
    return SystemEvent(**stamped(at) | {"id": f"event-{seq}", "seq": seq, "event": word} | changes)


def status(head: int = 0, at: datetime = NOON, **changes: Any) -> Status:
    latency = {"frame": Percentiles(p50=9.0, p95=12.0)}
    return Status(**stamped(at) | {"audit_head": f"{head}:{'0' * 64}", "fps": 15.0, "latency_ms": latency} | changes)


def info(door: str, **changes: Any) -> Info:
    empty: dict[str, Any] = {"models": {}, "thresholds": {}, "capabilities": (), "commands": {}}
    return Info(**stamped() | {"door": door, "version": "1"} | empty | changes)


def answer(transaction: str, data: dict[str, Any] | None, **changes: Any) -> Response:
    return Response(**stamped() | {"transaction": transaction, "status": "ok", "data": data} | changes)


class Watched:
    """A watcher with a database in `folder`, no broker, and everything it published."""

    def __init__(
        self,
        folder: Path,
        *,
        rows: int = 100_000,
        clock: HandClock | None = None,
        publish: Callable[[Sequence[Update]], None] | None = None,
    ) -> None:
        self.clock = clock or HandClock()
        self.database = Database(folder)
        self.records = Records(self.database, self.clock)
        self.published: list[Update] = []
        publish = publish or self.published.extend
        self.watcher = Watcher("limen", self.database, Keeping(rows, 365), self.clock, publish)
        self.link: dict[str, Any] = {"connected": True, "problem": "", "generation": 1, "dropped": 0}

    def hear(self, topic: str, message: Struct | bytes, *, retain: bool = False) -> None:
        """`topic` is below limen/; what is published there."""
        payload = message if isinstance(message, bytes) else encode(message)
        self.watcher.hear(Said(f"limen/{topic}", payload, retain))

    def step(self, seconds: float = 0.0) -> list[Request]:
        self.clock.pass_by(seconds)
        return self.watcher.step(**self.link)

    def visits(self, *events: AccessEvent, door: str = "front", topic: str = "event/access") -> None:
        for event in events:
            self.hear(f"{door}/{topic}", event)
        self.step()

    @property
    def door(self) -> DoorView:
        found = self.watcher.door("front")
        assert found is not None
        return found

    def shown(self) -> list[EventView]:
        """Every event that was published, in order."""
        return [update for update in self.published if isinstance(update, EventView)]


@contextmanager
def watched(folder: Path, **options: Any) -> Iterator[Watched]:
    one = Watched(folder, **options)
    with one.database:
        yield one


class Nobody:
    """The way to no door: what is sent is written down, and answered by `answers`."""

    signs = True

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, Any], bool]] = []
        self.answers: list[Any] = []

    def send(self, door: str, command: str, arguments: Any, *, signed: bool) -> Iterator[Any]:
        self.sent.append((door, command, dict(arguments), signed))
        yield from self.answers


@dataclass
class Served:
    """A server that is up."""

    parts: Parts
    watched: Watched
    password: str
    url: str
    sender: Nobody

    @contextmanager
    def browser(self, **headers: str) -> Iterator[httpx.Client]:
        """A browser of this site's own pages, not logged in."""
        usual = {"origin": self.url, "sec-fetch-site": "same-origin"}
        with httpx.Client(base_url=self.url, headers=usual | headers, timeout=LONG) as client:
            yield client

    @contextmanager
    def logged_in(self, name: str = "admin", password: str = "", **headers: str) -> Iterator[httpx.Client]:
        with self.browser(**headers) as client:
            answer = client.post("/login", data={"name": name, "password": password or self.password})
            assert answer.headers["location"] == "/", answer.headers
            yield client


@contextmanager
def served(folder: Path, *, clock: HandClock | None = None, unlock: bool = False) -> Iterator[Served]:
    """The whole server on a port of its own, but for the broker."""
    hub, sender = Hub(), Nobody()
    one = Watched(folder, clock=clock, publish=hub.publish)
    trail = Trail(one.database, one.clock)
    sessions = Sessions(one.database, one.clock, Lifetime(), hub.end_session)
    accounts = Accounts(one.database, one.clock, sessions, trail, PasswordHasher(time_cost=1, memory_cost=64))
    operating = Operating(sender, one.watcher, accounts, trail, one.clock, hub.publish, unlock=unlock)
    password = accounts.first_password() or ""
    with one.database, socket.create_server(("127.0.0.1", 0)) as listening:
        site = Site(port=listening.getsockname()[1])
        parts = Parts(site, one.watcher, one.records, operating, accounts, sessions, trail, hub, unlock=unlock)
        known = Served(parts, one, password, f"http://127.0.0.1:{site.port}", sender)
        with _running(uvicorn.Server(_config(parts)), listening):
            yield known
            hub.close()


def _config(parts: Parts) -> uvicorn.Config:
    return uvicorn.Config(make_app(parts), http=ImpatientConnection, log_config=None, server_header=False)


@contextmanager
def _running(server: uvicorn.Server, listening: socket.socket) -> Iterator[None]:
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        until(lambda: server.started, "for the server")
        yield
    finally:
        server.should_exit = True
        thread.join(LONG)

"""No event is lost: live while fresh, backfill afterwards, until the broker has taken each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from edge.clock import rfc3339
from edge.mqtt.link import Wiring
from edge.mqtt.outbox import RESEND_SECONDS, WINDOW, Outbox, is_late
from tests.edge.brokers import CLOCK, TOPICS, Mosquitto, linked, plain_client, until

WALL = datetime(2026, 11, 22, 8, tzinfo=UTC)
DOOR = Wiring.of_door(TOPICS)


@dataclass(frozen=True)
class Row:
    seq: int
    ts: str
    kind: Literal["access", "door", "system"] = "system"
    data: dict[str, Any] = field(default_factory=lambda: {"event": "model_loaded"})
    ts_trusted: bool = True
    boot_id: str = "boot-1"

    @property
    def id(self) -> str:
        return f"row-{self.seq}"


class Journal:
    """Rows in memory, as the store keeps them on disk."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.sent: list[str] = []

    def write(self, at: datetime) -> None:
        self.rows.append(Row(len(self.rows), rfc3339(at)))

    def unsent(self, limit: int) -> list[Row]:
        return [row for row in self.rows if row.id not in self.sent][:limit]

    def mark_sent(self, row_id: str) -> None:
        self.sent.append(row_id)


class StillClock:
    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def cpu(self) -> float:
        return 0.0

    def wall(self) -> datetime:
        return WALL + timedelta(seconds=self.at)

    def trusted(self) -> bool:
        return True

    def sleep(self, seconds: float) -> None:
        self.at += seconds


class Wire:
    """A carrier whose acknowledgements come when the test says so."""

    def __init__(self) -> None:
        self.connected, self.generation = True, 1
        self.carried: list[tuple[str, dict[str, Any]]] = []
        self.arrived: list[int] = []

    def publish(self, topic: str, payload: bytes) -> int | None:
        if not self.connected:
            return None
        self.carried.append((topic, json.loads(payload)))
        return self.generation * 1000 + len(self.carried)

    def acknowledged(self) -> tuple[int, ...]:
        arrived, self.arrived = tuple(self.arrived), []
        return arrived

    def acknowledge(self, number: int) -> None:
        self.arrived.append(self.generation * 1000 + number)

    @property
    def sequence(self) -> list[int]:
        return [message["seq"] for _, message in self.carried]


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.mark.parametrize(
    ("age", "boot", "late"),
    [(0, "boot-1", False), (10, "boot-1", False), (11, "boot-1", True), (-5, "boot-1", True), (0, "boot-0", True)],
)
def test_a_row_is_live_only_while_it_is_certainly_fresh(age: int, boot: str, late: bool) -> None:  # noqa: FBT001
    row = Row(1, rfc3339(WALL - timedelta(seconds=age)), boot_id=boot)
    assert is_late(row, WALL, "boot-1") is late


@pytest.mark.parametrize("ts", ["", "yesterday", "2026-11-22T08:00:00"])
def test_a_row_without_a_proper_time_is_late(ts: str) -> None:
    assert is_late(Row(1, ts), WALL, "boot-1")


def test_a_fresh_row_goes_to_its_live_topic_and_an_old_one_to_backfill(clock: StillClock, journal: Journal) -> None:
    journal.write(WALL - timedelta(minutes=1))
    journal.write(WALL)
    wire = Wire()
    Outbox(TOPICS, "full", clock, "boot-1").step(wire, journal)
    assert [(topic, message["late"]) for topic, message in wire.carried] == [
        (TOPICS.backfill, True),
        (TOPICS.event("system"), False),
    ]


def test_only_what_was_acknowledged_is_marked_and_nothing_is_sent_twice_meanwhile(
    clock: StillClock, journal: Journal
) -> None:
    journal.write(WALL)
    journal.write(WALL)
    wire, outbox = Wire(), Outbox(TOPICS, "full", clock, "boot-1")
    outbox.step(wire, journal)
    outbox.step(wire, journal)
    assert wire.sequence == [0, 1]
    assert journal.sent == []
    wire.acknowledge(2)
    wire.arrived.append(5)  # somebody else's
    outbox.step(wire, journal)
    assert journal.sent == ["row-1"]
    assert wire.sequence == [0, 1]


def test_a_new_connection_starts_again_with_the_oldest_unacknowledged(clock: StillClock, journal: Journal) -> None:
    for _ in range(3):
        journal.write(WALL)
    wire, outbox = Wire(), Outbox(TOPICS, "full", clock, "boot-1")
    outbox.step(wire, journal)
    wire.acknowledge(1)
    wire.connected = False
    outbox.step(wire, journal)
    assert journal.sent == ["row-0"]
    wire.connected, wire.generation = True, 2
    outbox.step(wire, journal)
    assert wire.sequence == [0, 1, 2, 1, 2]


def test_only_so_many_rows_are_under_way_at_once(clock: StillClock, journal: Journal) -> None:
    for _ in range(WINDOW + 5):
        journal.write(WALL)
    wire, outbox = Wire(), Outbox(TOPICS, "full", clock, "boot-1")
    outbox.step(wire, journal)
    assert len(wire.carried) == WINDOW
    wire.acknowledge(1)
    outbox.step(wire, journal)
    assert wire.sequence == list(range(WINDOW + 1))


def test_a_broker_that_takes_nothing_is_asked_again_later(clock: StillClock, journal: Journal) -> None:
    wire, outbox = Wire(), Outbox(TOPICS, "full", clock, "boot-1")
    outbox.step(wire, journal)
    clock.sleep(RESEND_SECONDS - 1)  # nothing to send: the patience begins with the first message
    journal.write(clock.wall())
    outbox.step(wire, journal)
    clock.sleep(2)
    outbox.step(wire, journal)
    assert len(wire.carried) == 1
    clock.sleep(RESEND_SECONDS + 1)
    outbox.step(wire, journal)
    outbox.step(wire, journal)
    assert [topic for topic, _ in wire.carried] == [TOPICS.event("system"), TOPICS.backfill]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


def test_every_event_arrives_in_order_over_a_broker_that_comes_and_goes(broker: Mosquitto, journal: Journal) -> None:
    outbox = Outbox(TOPICS, "full", CLOCK, "boot-1")
    received: list[tuple[str, dict[str, Any]]] = []
    # A session that outlives the broker: it misses nothing, however long its own connection takes to come back.
    with (
        plain_client(broker.login, "observer", session_seconds=3600) as observer,
        linked(broker.login, DOOR) as door,
    ):
        observer.on_message = lambda _client, _data, message: received.append(
            (message.topic, json.loads(message.payload))
        )
        subscribed: list[int] = []
        observer.on_subscribe = lambda *_: subscribed.append(1)
        observer.subscribe(TOPICS.events, qos=1)
        until(lambda: subscribed, "for the observer's subscription")
        for _ in range(3):
            until(lambda: door.connected)
            for _ in range(3 * WINDOW):
                journal.write(CLOCK.wall())
            outbox.step(door, journal)
            broker.stop()
            for _ in range(5):
                journal.write(CLOCK.wall() - timedelta(seconds=60))
                outbox.step(door, journal)
            broker.start()
        until(lambda: (outbox.step(door, journal), len(journal.sent) == len(journal.rows))[1])
        until(lambda: received and received[-1][1]["seq"] == len(journal.rows) - 1)
    numbers = list(dict.fromkeys(message["seq"] for _, message in received))
    assert numbers == [row.seq for row in journal.rows]
    old = {topic for topic, message in received if message["seq"] % (3 * WINDOW + 5) >= 3 * WINDOW}
    assert old == {TOPICS.backfill}
    assert {message["late"] for topic, message in received if topic == TOPICS.backfill} == {True}


def test_a_message_that_the_access_list_forbids_stays_unsent_and_is_told(tmp_path: Path, journal: Journal) -> None:
    (tmp_path / "access").write_text("topic read limen/#\n")
    with (
        Mosquitto(tmp_path, "allow_anonymous true", f"acl_file {tmp_path}/access") as broker,
        linked(broker.login, DOOR) as door,
    ):
        journal.write(CLOCK.wall())
        outbox = Outbox(TOPICS, "full", CLOCK, "boot-1")
        outbox.step(door, journal)
        until(lambda: "access list" in door.problem)
        outbox.step(door, journal)
        assert journal.sent == []

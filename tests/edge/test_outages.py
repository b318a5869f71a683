"""Brokers that come and go, a daemon that is killed, a line that goes dead: every event arrives, by its id."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage

from edge.mqtt.messages import ONLINE
from edge.store.audit import check_store
from tests.edge.brokers import Mosquitto, heard, linked, listener, plain_client, until
from tests.edge.doors import CONFIG, RunningDoor, film
from tests.edge.gate import Gate

OUTAGES = 12
KILLS = {3: "while there is no broker", 8: "while there is one"}


@pytest.fixture(scope="module")
def scene(faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stranger comes and goes, and comes and goes."""
    path = tmp_path_factory.mktemp("film") / "scene.avi"
    film(path, [([(faces["stranger"], 290)], 0.8), ([], 0.7)])
    return path


class Reader:
    """What one subscriber was told, over all its connections."""

    def __init__(self, door: RunningDoor, broker: Mosquitto) -> None:
        self._door, self._broker = door, broker
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.retained = 0
        self.greeted = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        with plain_client(self._broker.login, "reader") as client:
            client.on_message = self._hear
            subscribed: list[int] = []
            client.on_subscribe = lambda *_: subscribed.append(1)
            client.subscribe([(self._door.topics.events, 1), (self._door.topics.availability, 1)])
            until(lambda: subscribed, "for the subscription")
            yield

    def ids(self) -> set[str]:
        return {event["id"] for _, event in list(self.heard)}

    def assert_in_order(self) -> None:
        """On each topic events come in the order in which they happened; what was told before may come again."""
        newest: dict[str, int] = {}
        seen: set[tuple[str, str]] = set()
        for topic, event in self.heard:
            if (topic, event["id"]) not in seen:
                assert event["seq"] > newest.get(topic, 0), (topic, event)
                newest[topic] = event["seq"]
                seen.add((topic, event["id"]))

    def _hear(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if message.topic == self._door.topics.availability:
            self.greeted += message.payload == ONLINE and not message.retain
            return
        self.retained += message.retain
        self.heard.append((message.topic, json.loads(message.payload)))


def happened(door: RunningDoor) -> set[str]:
    """The ids of everything in the journal."""
    with closing(sqlite3.connect(f"{(door.settings.state / 'store.db').as_uri()}?mode=ro", uri=True)) as connection:
        return {row_id for (row_id,) in connection.execute("SELECT id FROM journal")}


def wait_for_news(door: RunningDoor) -> None:
    before = len(happened(door))
    door.until(lambda: len(happened(door)) > before)


@contextmanager
def house(home: Path, scene: Path) -> Iterator[tuple[RunningDoor, Mosquitto, Gate]]:
    """A door that reaches its broker only through a gate; it has begun to work, and the broker has not."""
    folder = home / "broker"
    folder.mkdir()
    (home / "scene.avi").symlink_to(scene)
    broker = Mosquitto(folder)
    with Gate(broker.port) as gate:
        config = CONFIG.replace("broker: embedded, port: 0", f"broker: 127.0.0.1, port: {gate.port}")
        config += (
            "access: {gone_seconds: 0.2, refuse_after_seconds: 1, cooldown_seconds: 1, accept_lower_security: true}\n"
        )
        with RunningDoor(home, config) as door:
            door.start().until((door.settings.state / "store.db").exists)
            try:
                yield door, broker, gate
            finally:
                broker.stop()


def test_a_dozen_outages_and_two_kills_lose_no_event(tmp_path: Path, scene: Path) -> None:
    with house(tmp_path, scene) as (door, broker, gate):
        reader = Reader(door, broker)
        for outage in range(OUTAGES):
            if outage % 3 == 0:
                wait_for_news(door)
            if KILLS.get(outage) == "while there is no broker":
                door.kill()
                door.start()
            broker.start()
            with reader.listening():
                greeted = reader.greeted
                gate.is_open = True
                door.until(lambda greeted=greeted: reader.greeted > greeted)
                if KILLS.get(outage) == "while there is one":
                    door.kill()
                    door.start()
                elif outage % 2:
                    gate.deaden()
                    wait_for_news(door)  # which is sent, and does not arrive
                gate.is_open = False  # until the reader is there again
                broker.stop(signal.SIGKILL if outage % 2 else signal.SIGTERM)
                gate.cut()
        broker.start()
        with reader.listening():
            gate.is_open = True
            wait_for_news(door)
            everything = happened(door)
            door.until(lambda: everything <= reader.ids())
        assert len(everything) > OUTAGES
        reader.assert_in_order()
        assert reader.retained == 0
        assert_nothing_waits_for_a_newcomer(door, broker)
        assert_the_published_head_is_in_the_journal(door, broker)


def assert_nothing_waits_for_a_newcomer(door: RunningDoor, broker: Mosquitto) -> None:
    newcomer = Reader(door, broker)
    with newcomer.listening():
        wait_for_news(door)
        door.until(lambda: newcomer.heard)
    assert newcomer.retained == 0


def assert_the_published_head_is_in_the_journal(door: RunningDoor, broker: Mosquitto) -> None:
    with linked(broker.login, listener(door.topics.status)) as link:
        seq, _, newest = json.loads(heard(link).payload)["audit_head"].partition(":")
    assert int(seq) > 1
    assert door.stop() == 0
    assert check_store(door.settings.state, (int(seq), newest))[0].problem is None


def test_a_line_that_goes_dead_is_noticed_and_nothing_is_lost(tmp_path: Path, scene: Path) -> None:
    with house(tmp_path, scene) as (door, broker, gate):
        reader = Reader(door, broker)
        broker.start()
        with reader.listening():
            gate.is_open = True
            door.until(lambda: reader.heard)
            gate.deaden()
            admitted = gate.admitted
            door.until(lambda: gate.admitted > admitted)
            everything = happened(door)
            door.until(lambda: everything <= reader.ids())
        assert any(event["late"] for _, event in reader.heard)
        reader.assert_in_order()
        assert reader.retained == 0

"""A whole door with wires on it, while its camera, its broker or its disk are gone; the pin's trace is the judge."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from edge.mqtt.ask import Session
from tests.edge.brokers import Mosquitto
from tests.edge.doors import CLOCK, PATIENCE, RunningDoor, film
from tests.edge.pins import wait_until
from tests.edge.wires import Circuit, wire

PINS = {"contact": 22, "exit_button": 27, "doorbell": 24, "tamper": 23}
CONFIG = """
door: {{driver: mock, unlock_seconds: 10}}
camera: {{source: "file:scene.avi"}}
inputs: {{contact_pin: 22, exit_button_pin: 27, doorbell_pin: 24, tamper_pin: 23, held_open_seconds: 1,
  opening_seconds: 0.5}}
indicator: {{lamp_pin: 5}}
mqtt: {{broker: 127.0.0.1, port: {port}, allow: [read]}}
home_assistant: {{discovery: false}}
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture(scope="module")
def running(broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    home = tmp_path_factory.mktemp("wired")
    film(home / "scene.avi", [([], 0.5)])  # and then the camera is gone for good
    with RunningDoor(home, CONFIG.format(port=broker.port)) as door:
        door.settings.state.mkdir(mode=0o700)
        at_rest(door)
        yield door.start()


@pytest.fixture
def door(running: RunningDoor) -> RunningDoor:
    """At rest, locked and closed, and without a camera."""
    at_rest(running)
    running.until(lambda: running.ask("selftest")["camera"] == "ended")
    running.until(lambda: running.pin.now() == "locked")
    return running


def at_rest(door: RunningDoor) -> None:
    for name in ("contact", "tamper"):
        turn(door, name, "closed")
    for name in ("exit_button", "doorbell"):
        turn(door, name, "open")


def turn(door: RunningDoor, name: str, circuit: Circuit) -> None:
    wire(door.settings.state, PINS[name], circuit)


def opened(door: RunningDoor) -> int:
    return door.pin.story().count("unlocked")


def press(door: RunningDoor) -> None:
    """Until the strike opens, as people press."""
    before = opened(door)
    deadline = CLOCK.now() + PATIENCE
    while opened(door) == before:
        assert CLOCK.now() < deadline, door.log()
        turn(door, "exit_button", "closed")
        CLOCK.sleep(0.2)
        turn(door, "exit_button", "open")
        CLOCK.sleep(0.2)


def lit(door: RunningDoor) -> int:
    """How often the lamp has been lit."""
    return (door.settings.state / "pin-5.trace").read_text().count(" 1\n")


def walk_out(door: RunningDoor) -> None:
    """Open the closed door, and let it fall shut."""
    topic = door.topics.door_state
    with door.session(topic) as session:
        for circuit in ("closed", "open", "closed"):
            turn(door, "contact", circuit)
            hear(session, topic, circuit.encode())
    door.until(lambda: door.pin.now() == "locked")


def hear(session: Session, topic: str, payload: bytes) -> None:
    """Until `topic` says `payload`."""
    for incoming in session.follow(silence=PATIENCE):
        if (incoming.topic, incoming.payload) == (topic, payload):
            return
    raise AssertionError(f"{topic} never said {payload!r}")


def test_a_door_that_is_forced_says_so_and_says_again_that_it_stands_open(door: RunningDoor) -> None:
    before = opened(door)
    with door.session(door.topics.events, door.topics.door_state) as session:
        hear(session, door.topics.door_state, b"closed")
        turn(door, "contact", "open")
        assert words_until(session, "held_open") == ["forced_open", "held_open"]
    assert opened(door) == before


def test_bell_and_tamper_are_told_and_open_nothing(door: RunningDoor) -> None:
    before = opened(door)
    with door.session() as session:
        turn(door, "doorbell", "closed")
        assert door.event(session, event="doorbell")["topic"] == door.topics.event("door")
        turn(door, "tamper", "open")
        assert door.event(session, event="tamper")
    assert opened(door) == before


def test_the_exit_button_opens_without_a_camera_and_the_door_locks_behind_whoever_left(door: RunningDoor) -> None:
    before = lit(door)
    with door.session() as session:
        press(door)
        assert door.event(session, event="exit_button")
    door.until(lambda: lit(door) > before)
    walk_out(door)
    assert door.pin.longest() < door.settings.door.unlock_seconds, "the rest of the pulse was for nobody"


def test_the_exit_button_opens_while_the_journal_cannot_be_written(door: RunningDoor) -> None:
    with (
        closing(sqlite3.connect(door.settings.state / "store.db", isolation_level=None)) as disk,
        door.session() as ear,
    ):
        disk.execute("BEGIN IMMEDIATE")  # somebody else writes and does not finish
        press(door)
        assert door.event(ear, event="exit_button")["seq"] == 0
    walk_out(door)


def test_the_exit_button_opens_without_a_broker_and_is_told_when_there_is_one(
    door: RunningDoor, broker: Mosquitto
) -> None:
    seen = last_event(door)
    broker.stop()
    press(door)
    broker.start()
    with door.session() as session:
        # It comes by itself, perhaps before this session listened; asked for, it comes again.
        list(session.request("events.query", {"after_seq": seen}, timeout=PATIENCE))
        assert door.event(session, event="exit_button")["seq"] > seen
    walk_out(door)


def test_a_strike_that_hangs_when_somebody_leaves_is_replaced_and_the_next_press_opens(door: RunningDoor) -> None:
    assert door.process is not None
    (strike,) = (
        one for one in psutil.Process(door.process.pid).children() if "strike_process" in " ".join(one.cmdline())
    )
    with door.session() as session:
        strike.suspend()
        press(door)
        words = words_until(session, "exit_button")
    assert {"strike_failed", "strike_jammed"} & set(words)
    walk_out(door)


def test_a_contact_that_cannot_be_read_is_unknown_until_it_can(door: RunningDoor) -> None:
    file = door.settings.state / f"pin-{PINS['contact']}.input"
    with door.session(door.topics.events, door.topics.door_state) as session:
        file.unlink()
        file.mkdir()  # what the mock cannot read
        assert f"GPIO {PINS['contact']}" in door.event(session, event="inputs_failed")["detail"]
        hear(session, door.topics.door_state, b"unknown")
        press(door)  # the other wires go on
        file.rmdir()
        turn(door, "contact", "closed")
        assert door.event(session, event="inputs_recovered")
    walk_out(door)


def test_a_button_that_hangs_opens_nothing_at_a_start_and_a_door_found_open_was_not_forced(door: RunningDoor) -> None:
    seen = last_event(door)
    assert door.stop() == 0
    before = opened(door)
    turn(door, "exit_button", "closed")
    turn(door, "contact", "open")
    door.start()
    with door.session() as session:
        list(session.request("events.query", {"after_seq": seen}, timeout=PATIENCE))
        assert not {"forced_open", "exit_button"} & set(words_until(session, "held_open"))
    assert opened(door) == before
    turn(door, "exit_button", "open")
    press(door)
    walk_out(door)


def test_a_door_that_is_killed_while_somebody_leaves_locks_in_time(door: RunningDoor) -> None:
    press(door)
    door.kill()
    wait_until(lambda: door.pin.now() == "locked")
    door.pin.assert_never_open_too_long()
    door.start()


def last_event(door: RunningDoor) -> int:
    """The `seq` of the newest event."""
    seq: int = door.ask("events.query", limit=1000)["last_seq"]
    return seq


def words_until(session: Session, last: str) -> list[str]:
    """The words of all events up to `last`."""
    words: list[str] = []
    for incoming in session.follow(silence=PATIENCE):
        if "/event/" in incoming.topic:
            words.append(json.loads(incoming.payload).get("event"))
            if words[-1] == last:
                return words
    raise AssertionError(f"{last} never came, only {words}")

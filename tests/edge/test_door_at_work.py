"""The whole door as its users meet it: `limen run`, a broker, a filmed scene, and the pin's own trace as the judge."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

from edge.errors import MessageError
from edge.mqtt.authority import COMMANDS
from edge.mqtt.credentials import client_login
from tests.edge.brokers import Mosquitto, send
from tests.edge.doors import CLOCK, CONFIG, PATIENCE, RunningDoor, film
from tests.edge.eyes import Image


def resident(faces: dict[str, Any]) -> tuple[Image, int]:
    return faces["resident"], 430


def stranger(faces: dict[str, Any]) -> tuple[Image, int]:
    return faces["stranger"], 290


@pytest.fixture(scope="module")
def scene(faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The resident for a while, nobody, the stranger, nobody; again and again."""
    path = tmp_path_factory.mktemp("film") / "scene.avi"
    film(path, [([resident(faces)], 6), ([], 2), ([stranger(faces)], 5), ([], 2)])
    return path


@pytest.fixture
def door(tmp_path: Path, scene: Path) -> Iterator[RunningDoor]:
    (tmp_path / "scene.avi").symlink_to(scene)
    with RunningDoor(tmp_path) as door:
        yield door


def test_a_resident_is_let_in_once_a_visit_and_a_stranger_never(door: RunningDoor) -> None:
    enrolled = door.start().ask("enroll", name="Eileen Collins")
    assert enrolled["person_id"] == "eileen-collins"
    assert enrolled["references"] == 5
    with door.session() as session:
        granted = door.event(session, verdict="granted")
        refused = door.event(session, verdict="refused", reason="unknown")
        again = door.event(session, verdict="granted")
    assert granted["person"] == "Eileen Collins"
    assert granted["similarity"] > granted["detection_threshold"]
    assert granted["votes"] == granted["references"] == 5
    assert granted["frames"] >= 3
    assert refused["person"] is None, "nobody may read a refused stranger's resemblance as an identification"
    assert refused["nearest"] == "Eileen Collins"
    assert granted["visit"] != again["visit"]
    assert granted["seq"] < refused["seq"] < again["seq"]
    assert door.stop() == 0
    assert door.pin.now() == "locked"
    assert door.pin.story().count("unlocked") == len(_journal(door, "granted"))
    door.pin.assert_never_open_too_long()


def test_who_was_enrolled_is_still_known_after_a_restart_and_forgotten_after_a_delete(door: RunningDoor) -> None:
    door.start().ask("enroll", name="Eileen Collins", person_id="eileen")
    door.stop()
    door.start()
    with door.session() as session:
        assert door.event(session, verdict="granted")["person_id"] == "eileen"
    assert [one["person_id"] for one in door.ask("person.list")["people"]] == ["eileen"]
    signer = door.key("people")
    door.ask("person.delete", signer=signer, person_id="eileen")
    assert door.ask("person.list")["people"] == []
    with pytest.raises(MessageError) as again:
        door.ask("person.delete", signer=signer, person_id="eileen")
    assert again.value.code == "no_such_person"
    with door.session() as session:
        assert door.event(session, verdict="refused", reason="nobody_enrolled")
    assert door.stop() == 0
    kept = [path.name for path in door.settings.state.rglob("*") if path.is_file() and b"eileen" in path.read_bytes()]
    assert kept == [], "neither the journal nor a kept answer knows whom the door forgot"


def test_a_kill_in_the_middle_of_a_pulse_locks_the_door(door: RunningDoor) -> None:
    door.start().ask("enroll", name="Eileen Collins")
    door.until(lambda: door.pin.now() == "unlocked")
    door.kill()
    deadline = CLOCK.now() + PATIENCE
    while door.pin.now() == "unlocked":
        assert CLOCK.now() < deadline
    door.pin.assert_never_open_too_long()
    door.start()
    with door.session() as session:
        assert door.event(session, verdict="granted")["person"] == "Eileen Collins"


def test_a_strike_that_dies_in_the_middle_of_a_pulse_is_replaced_by_one_that_locks(door: RunningDoor) -> None:
    door.start().ask("enroll", name="Eileen Collins")
    door.until(lambda: door.pin.now() == "unlocked")
    assert door.process is not None
    children = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(door.process.pid)], capture_output=True, text=True, check=True
    )
    (strike,) = [int(row.split()[0]) for row in children.stdout.splitlines() if "strike_process" in row]
    with door.session() as session:
        os.kill(strike, signal.SIGKILL)
        assert door.event(session, event="strike_jammed")
        door.until(lambda: door.pin.now() == "locked")
        assert door.event(session, verdict="granted"), "the new strike works"


def test_a_second_door_in_the_same_place_does_not_start_and_does_not_touch_the_pin(door: RunningDoor) -> None:
    assert door.start().ask("selftest")["strike"] == "LOCKED"
    before = door.pin.story()
    second = subprocess.run(
        [sys.executable, "-m", "edge", "run", "--config", str(door.home / "config.yaml")],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert second.returncode == 75, second.stderr
    assert "Traceback" not in second.stderr
    assert door.pin.story() == before


def test_a_grant_that_cannot_be_journalled_is_not_a_grant(door: RunningDoor) -> None:
    door.start().ask("enroll", name="Eileen Collins")
    connection = sqlite3.connect(door.settings.state / "store.db", isolation_level=None)
    with closing(connection), door.session(door.topics.events, door.topics.status) as session:
        assert door.event(session, verdict="granted")
        assert door.event(session, verdict="refused")
        pulses = door.pin.story().count("unlocked")
        connection.execute("BEGIN IMMEDIATE")  # somebody else writes and does not finish: the store cannot
        event = door.event(session, reason="store_fault")
        told = (json.loads(one.payload) for one in session.follow(silence=PATIENCE) if one.topic == door.topics.status)
        status = next(one for one in told if one["ts"] > event["ts"])
    assert status["granted"] == pulses, "nor is it counted as one"
    assert event["verdict"] == "refused"
    assert event["seq"] == 0
    assert door.stop() == 0
    assert door.pin.story().count("unlocked") == pulses


def test_events_from_before_the_broker_came_arrive_late_and_the_door_worked_meanwhile(
    door: RunningDoor, tmp_path: Path
) -> None:
    door.start().ask("enroll", name="Eileen Collins")
    door.stop()
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Mosquitto(folder)
    config = CONFIG.replace("broker: embedded, port: 0", f"broker: 127.0.0.1, port: {broker.port}")
    with RunningDoor(tmp_path, config) as offline:
        before = len(_grants(offline))
        offline.start()
        offline.until(lambda: len(_grants(offline)) > before and CLOCK.now() - _grants(offline)[before] > 11)
        with broker, offline.session() as session:
            # They come by themselves, perhaps before this session listened; asked for, they come again.
            list(session.request("events.query", timeout=PATIENCE))
            late = offline.event(session, verdict="granted", late=True)
            assert late["topic"] == offline.topics.backfill
            live = offline.event(session, verdict="granted", late=False)
            assert live["topic"] == offline.topics.event("access")
            assert late["seq"] < live["seq"]


def test_a_command_sent_twice_acts_once_and_another_enrolment_is_busy(door: RunningDoor) -> None:
    door.start()
    with door.session(door.topics.response("#")) as session:
        payload = {"v": 1, "transaction": "once", "name": "Eileen Collins"}
        for _ in range(2):
            send(client_login(door.settings), door.topics.request("enroll"), json.dumps(payload).encode())
        send(
            client_login(door.settings),
            door.topics.request("enroll"),
            json.dumps(payload | {"transaction": "two"}).encode(),
        )
        answers = []
        for incoming in session.follow(silence=PATIENCE):
            answers.append(json.loads(incoming.payload))
            if answers[-1]["status"] == "ok":
                break
    told = [(one["transaction"], one["status"], one["duplicate"]) for one in answers]
    assert told[:3] == [("once", "accepted", False), ("once", "accepted", True), ("two", "error", False)]
    assert answers[2]["error"]["code"] == "busy"
    assert len(door.ask("person.list")["people"]) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"name": "A" * 10_000}, "too_large"),
        ({"name": "A" * 81}, "malformed"),
        ({"name": "Ada\u202eadA"}, "bad_name"),
        ({"name": "Ada\x07"}, "bad_name"),
        ({"name": "Ada", "references": 3}, "malformed"),
        ({"name": "Ada", "person_id": "../ada"}, "malformed"),
        ({}, "malformed"),
    ],
)
def test_an_enrolment_that_makes_no_sense_is_answered_and_stores_nothing(
    quiet_door: RunningDoor, arguments: dict[str, Any], code: str
) -> None:
    with quiet_door.session(quiet_door.topics.response("#")) as session:
        payload = json.dumps({"v": 1, "transaction": os.urandom(8).hex()} | arguments)
        send(client_login(quiet_door.settings), quiet_door.topics.request("enroll"), payload.encode())
        answer = json.loads(next(session.follow(silence=PATIENCE)).payload)
    assert answer["status"] == "error"
    assert answer["error"]["code"] == code
    assert quiet_door.ask("person.list")["people"] == []


@pytest.mark.parametrize("payload", [b"", b"hello", b"[]", b'"x"', b"{" * 4000, b"\xff\xfe", b"[" * 4096, b"nul\x00"])
def test_a_payload_that_is_no_command_leaves_the_door_alive(quiet_door: RunningDoor, payload: bytes) -> None:
    with quiet_door.session(quiet_door.topics.response("#")) as session:
        send(client_login(quiet_door.settings), quiet_door.topics.request("enroll"), payload)
        answer = json.loads(next(session.follow(silence=PATIENCE)).payload)
    assert answer["status"] == "error"
    assert answer["transaction"] is None
    assert quiet_door.ask("selftest")["strike"] == "LOCKED"


def test_every_question_is_answered_as_the_page_tells(quiet_door: RunningDoor) -> None:
    questions = [name for name, rule in COMMANDS.items() if rule.authority == "read" and rule.arguments]
    plain = [name for name in questions if not any(field.required for field in fields(COMMANDS[name].arguments))]
    assert {"person.list", "config.get", "selftest", "challenge", "events.query"} <= set(plain)
    for name in plain:
        quiet_door.ask(name)  # which holds the answer against the page


def test_an_enrolment_that_nobody_comes_to_enrols_nobody(tmp_path: Path) -> None:
    film(tmp_path / "scene.avi", [([], 6)])
    with RunningDoor(tmp_path, CONFIG.replace("window_seconds: 20", "window_seconds: 5")).start() as door:
        with pytest.raises(MessageError) as nobody:
            door.ask("enroll", name="Somebody")
        assert nobody.value.code == "no_face"
        assert door.ask("person.list")["people"] == []


def test_somebody_who_is_there_already_is_not_enrolled_again(door: RunningDoor) -> None:
    door.start().ask("enroll", name="Eileen Collins")
    with pytest.raises(MessageError) as again:
        door.ask("enroll", name="Another Name")
    assert again.value.code == "already_enrolled"
    with pytest.raises(MessageError) as taken:
        door.ask("enroll", name="Eileen", person_id="eileen-collins")
    assert taken.value.code == "person_exists"
    assert len(door.ask("person.list")["people"]) == 1


@pytest.fixture(scope="module")
def quiet_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    """A door that nobody comes to."""
    home = tmp_path_factory.mktemp("quiet")
    film(home / "scene.avi", [([], 3)])
    with RunningDoor(home).start() as door:
        yield door


def _journal(door: RunningDoor, verdict: str) -> list[dict[str, Any]]:
    """The journal's own words, read while the door is stopped."""
    with closing(sqlite3.connect(door.settings.state / "store.db")) as connection:
        rows = [json.loads(text) for (text,) in connection.execute("SELECT data FROM journal WHERE kind = 'access'")]
    return [row for row in rows if row["verdict"] == verdict]


def _grants(door: RunningDoor) -> list[float]:
    """When the pin was energised, monotonic seconds."""
    trace = (door.settings.state / f"pin-{door.settings.door.pin}.trace").read_text().splitlines()
    return [float(row.split()[0]) for row in trace if row.endswith(" 1")]

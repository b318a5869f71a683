"""What happens around a door: people interrupt, brokers die, pictures repeat, and ends come at the wrong moment."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.errors import MessageError
from edge.mqtt.ask import Session
from edge.mqtt.credentials import Login, client_login
from edge.mqtt.embedded import find_program
from edge.mqtt.messages import Response
from tests.edge.brokers import Mosquitto, heard, linked, listener, send
from tests.edge.doors import CLOCK, CONFIG, PATIENCE, RunningDoor, film
from tests.edge.eyes import Image
from tests.edge.slow_end import CLIP, hanging_clip


def resident(faces: dict[str, Any]) -> tuple[Image, int]:
    return faces["resident"], 430


@pytest.fixture
def door(tmp_path: Path, faces: dict[str, Any]) -> Iterator[RunningDoor]:
    """Somebody comes and goes."""
    film(tmp_path / "scene.avi", [([resident(faces)], 5), ([], 2)])
    with RunningDoor(tmp_path) as door:
        yield door


def children(pid: int, word: str) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return [int(row.split()[0]) for row in listed.stdout.splitlines() if word in row]


def listens(login: Login) -> bool:
    try:
        socket.create_connection((login.host, login.port), timeout=1).close()
    except OSError:
        return False
    return True


def test_one_picture_again_and_again_never_opens_the_door(door: RunningDoor, faces: dict[str, Any]) -> None:
    door.start().ask("enroll", name="Eileen Collins")
    door.stop()
    before = door.pin.story().count("unlocked")
    film(door.home / "scene.avi", [([resident(faces)], 0.1)])
    door.start()
    with door.session() as session:
        assert door.event(session, event="camera_frozen")
    assert door.pin.story().count("unlocked") == before


def test_two_people_side_by_side_are_not_enrolled_as_one(tmp_path: Path, faces: dict[str, Any]) -> None:
    config = CONFIG.replace("window_seconds: 20", "window_seconds: 5")
    film(tmp_path / "scene.avi", [([resident(faces), (faces["stranger"], 290)], 6)])
    with RunningDoor(tmp_path, config).start() as door:
        with door.session() as session:
            answers = list(session.request("enroll", {"name": "Somebody"}, timeout=PATIENCE))
        assert "one_person_only" in {getattr(one, "prompt", None) for one in answers}
        last = answers[-1]
        assert isinstance(last, Response)
        assert last.error is not None
        assert last.error.code == "too_few_references"
        assert door.ask("person.list")["people"] == []


def test_whoever_interrupts_an_enrolment_closes_its_window(tmp_path: Path) -> None:
    film(tmp_path / "scene.avi", [([], 3)])
    with RunningDoor(tmp_path).start() as door:
        command = [sys.executable, "-u", "-m", "edge", "enroll", "Ada", "--config", str(tmp_path / "config.yaml")]
        out = tmp_path / "out"
        with out.open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as asking:
            door.until(lambda: b"camera" in out.read_bytes())
            asking.send_signal(signal.SIGINT)
            assert asking.wait(PATIENCE) == 130
        assert b"Traceback" not in out.read_bytes()
        with pytest.raises(MessageError) as nothing:
            door.ask("enroll.cancel")
        assert nothing.value.code == "no_enrolment"


def test_an_embedded_broker_that_dies_comes_back(door: RunningDoor) -> None:
    door.start().ask("person.list")
    assert door.process is not None
    (broker,) = children(door.process.pid, "mosquitto")
    os.kill(broker, signal.SIGKILL)
    daemon = door.process.pid
    door.until(lambda: set(children(daemon, "mosquitto")) - {broker})
    door.until(lambda: listens(client_login(door.settings)))
    assert door.ask("selftest")["strike"] == "LOCKED"


def test_a_door_works_without_an_embedded_broker_that_cannot_come_back(
    door: RunningDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)  # the broker runs as another user
        program = place / "mosquitto"
        program.symlink_to(find_program("mosquitto"))
        monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
        door.start().ask("enroll", name="Eileen Collins")
        assert door.process is not None
        (broker,) = children(door.process.pid, "mosquitto.conf")
        program.rename(place / "removed")
        program.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        program.chmod(0o755)
        os.kill(broker, signal.SIGKILL)
        opened = door.pin.story().count("unlocked")
        door.until(lambda: door.log().count("started again") > 1)
        door.until(lambda: door.pin.story().count("unlocked") > opened)
        (place / "removed").replace(program)
        door.until(lambda: listens(client_login(door.settings)))
        with door.session() as session:
            told = door.event(session, event="broker_restarted")
            list(session.request("events.query", {"after_seq": 0, "limit": 1000}, timeout=PATIENCE))
            again = [one["event"] for one in everything(session, told["seq"]) if "event" in one]
        assert again.count("broker_restarted") == 1, "not once for every attempt"
        assert door.stop() == 0


def everything(session: Session, last: int) -> Iterator[dict[str, Any]]:
    """All events that are sent, up to the one with the number `last`."""
    for incoming in session.follow(silence=PATIENCE):
        if "/event/" in incoming.topic:
            event: dict[str, Any] = json.loads(incoming.payload)
            yield event
            if incoming.topic.endswith("/backfill") and event["seq"] >= last:
                return


def test_a_door_that_is_told_to_stop_in_a_pulse_leaves_the_truth_behind(door: RunningDoor, tmp_path: Path) -> None:
    door.start().ask("enroll", name="Eileen Collins")
    door.stop()
    folder = tmp_path / "broker"
    folder.mkdir()
    with Mosquitto(folder) as broker:
        config = CONFIG.replace("broker: embedded, port: 0", f"broker: 127.0.0.1, port: {broker.port}")
        own = RunningDoor(tmp_path, config.replace("unlock_seconds: 1", "unlock_seconds: 5")).start()
        with own.session() as session:
            for incoming in session.follow(silence=PATIENCE):
                if incoming.topic == own.topics.lock_state and incoming.payload == b"UNLOCKED":
                    break
        assert own.stop() == 0
        assert own.pin.now() == "locked"
        topics = own.topics
        with linked(broker.login, listener(topics.lock_state, topics.availability, topics.camera_availability)) as link:
            kept = {one.topic: one.payload for one in (heard(link) for _ in range(3))}
    assert kept == {
        topics.lock_state: b"LOCKED",
        topics.availability: b"offline",
        topics.camera_availability: b"offline",
    }


def test_a_query_is_busy_while_an_earlier_one_is_still_answered(door: RunningDoor) -> None:
    door.start().ask("person.list")
    with door.session(door.topics.response("#")) as session:
        for number in range(40):
            query = {"v": 1, "transaction": f"q{number}", "limit": 1000}
            send(client_login(door.settings), door.topics.request("events.query"), json.dumps(query).encode())
        seen = []
        deadline = CLOCK.now() + PATIENCE
        for incoming in session.follow(silence=PATIENCE):
            seen.append(json.loads(incoming.payload))
            if len(seen) == 40 or CLOCK.now() > deadline:
                break
    assert {one["error"]["code"] for one in seen if one["status"] == "error"} <= {"busy"}
    assert [one for one in seen if one["status"] == "ok"]


def test_names_that_are_no_text_are_answered_and_harm_nobody(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "config.yaml").chmod(0o600)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")).write_bytes(b"not a picture")
    probe = [sys.executable, "-m", "edge", "probe", "--stdin"]
    done = subprocess.run(
        probe,
        input=b"\xff\n\x00\n" + os.fsencode(tmp_path) + b"/\xff.jpg\n",
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"not a readable picture") == 3
    enroll = [sys.executable, "-m", "edge", "enroll", "Z", "--photos", "."]
    assert subprocess.run(enroll, cwd=tmp_path, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize(
    "words",
    [("bench", "--frames", "0"), ("enroll", "A", "--references", "4"), ("enroll", "A", "--person-id", "A B")],
)
def test_impossible_options_are_wrong_usage(words: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", "edge", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_camera_that_hangs_in_its_library_spoils_no_end(tmp_path: Path, faces: dict[str, Any]) -> None:
    """What its read would come back to is a Python that is taken down: thrown out through OpenCV, that is SIGABRT."""
    film(tmp_path / "scene.avi", [([resident(faces)], 1)])
    hanging_clip(tmp_path)
    door = RunningDoor(tmp_path, CONFIG.replace("scene.avi?loop=1", CLIP))
    door.program = ("-m", "tests.edge.slow_end", "run")
    with door.start():
        door.until(lambda: "camera stalled" in door.log())
        assert door.stop() == 0, door.log()
    assert "a reader hangs in its library and is left behind" in door.log()
    assert door.pin.now() == "locked"

"""Whole doors that ask for more than a face: a PIN of everybody, in a lock-out; a button before an enrolment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge.access.lockout import Lockout, to_keep
from edge.mqtt.credentials import client_login
from edge.mqtt.messages import Problem, Progress, Response
from edge.store.store import open_store
from tests.edge.brokers import send
from tests.edge.doors import CLOCK, PATIENCE, RunningDoor, film
from tests.edge.wires import wire

PIN = "860214"
CONFIG = """
door: {driver: mock, unlock_seconds: 0.5}
camera: {source: "file:scene.avi?loop=1"}
access: {second_factor: always, refuse_after_seconds: 1}
inputs: {confirm_button_pin: 27}
enrolment: {require_variety: false, references: 5, window_seconds: 20}
mqtt: {broker: embedded, port: 0, allow: [read, enroll, people, unlock]}
"""


def enter(door: RunningDoor, code: str) -> dict[str, Any]:
    with door.session(door.topics.response("lock.set")) as session:
        payload = json.dumps({"action": "UNLOCK", "code": code}).encode()
        send(client_login(door.settings), door.topics.lock_set, payload)
        answer: dict[str, Any] = json.loads(next(session.follow(silence=PATIENCE)).payload)
    return answer


def test_a_face_a_pin_and_an_administrator(faces: dict[str, Any], tmp_path: Path) -> None:
    film(tmp_path / "scene.avi", [([(faces["resident"], 430)], 6), ([], 1.5)])
    door = RunningDoor(tmp_path, CONFIG)
    signer = door.key("enroll", "people")
    now = CLOCK.now()
    with open_store(door.settings.store, door.settings.state, CLOCK) as store:
        store.keep("lockout", to_keep(Lockout(9, (now,) * 9, now + 480, 480), now))
    wire(door.settings.state, 27, "open")
    with door, door.start().session() as session:
        door.ask("enroll", signer=signer, name="Eileen Collins", person_id="eileen")
        assert door.ask("pin.set", signer=signer, pin=PIN, person_id="eileen") == {"set": True}

        assert "9 attempts in a row" in door.event(session, event="locked_out")["detail"]
        refused = door.event(session, verdict="refused", reason="lockout")
        assert (refused["nearest_id"], refused["frames"] > 0) == ("eileen", True), "recognised all the same"
        assert 0 < refused["lockout_seconds"] <= 480
        assert door.ask("selftest")["problems"] == ["locked_out"]

        assert door.ask("lockout.reset", signer=signer) == {"was_locked_out": True, "attempts": 9}
        door.event(session, event="lockout_reset")
        door.event(session, event="lockout_ended")
        assert door.ask("selftest")["problems"] == []

        assert door.event(session, event="second_factor_awaited")["person_id"] == "eileen"
        assert enter(door, "999555")["error"]["code"] == "wrong_pin"
        assert enter(door, PIN)["data"] == {"seconds": 0, "second_factor": True}
        granted = door.event(session, verdict="granted")
        assert (granted["person_id"], granted["reason"], granted["second_factor"]) == ("eileen", "verified", "pin")

        door.event(session, event="second_factor_awaited")
        wire(door.settings.state, 27, "closed")
        confirmed = door.event(session, verdict="granted")
        assert (confirmed["person_id"], confirmed["second_factor"]) == ("eileen", "confirmed")
        assert confirmed["visit"] != granted["visit"]
        door.until(lambda: door.pin.now() == "locked")
        assert door.stop() == 0
    assert door.pin.story().count("unlocked") == 2
    door.pin.assert_never_open_too_long()


def test_who_leaves_does_not_agree_to_an_enrolment_and_who_presses_the_confirm_button_does(
    faces: dict[str, Any], tmp_path: Path
) -> None:
    film(tmp_path / "scene.avi", [([(faces["resident"], 430)], 6)])
    buttons = CONFIG.replace("27}", "27, exit_button_pin: 22}").replace("20}", "10, confirm: button}")
    door = RunningDoor(tmp_path, buttons)
    signer = door.key("enroll")

    def enrol_and_press(pin: int) -> Problem | None:
        """What is wrong, when this button was pressed while the window waited for one."""
        with door.session() as seeing, door.session() as session:
            for said in session.request("enroll", {"name": "Ada"}, timeout=PATIENCE, signer=signer):
                if isinstance(said, Progress) and said.prompt == "press_the_button":
                    wire(door.settings.state, pin, "closed")
                    if pin == 22:
                        door.event(seeing, event="exit_button")
        wire(door.settings.state, pin, "open")
        assert isinstance(said, Response)
        return said.error

    for pin in (22, 27):
        wire(door.settings.state, pin, "open")
    with door, door.start().session():
        left = enrol_and_press(22)
        assert left is not None
        assert left.code == "not_confirmed"
        assert enrol_and_press(27) is None

"""A real Home Assistant meets a real door: everything appears by itself, works, and goes again.

Needs LIMEN_HOME_ASSISTANT, the path of a Python (3.13 or newer) in which `pip install homeassistant paho-mqtt` was run.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.__main__ import main
from tests.edge.brokers import Mosquitto, free_port
from tests.edge.doors import CLOCK, RunningDoor, film

PYTHON = os.environ.get("LIMEN_HOME_ASSISTANT")
PROJECT = Path(__file__).parents[1]
PIN = "482913"
PATIENCE = 120.0
CONFIG = """
door: {{driver: mock, unlock_seconds: 1}}
camera: {{source: "file:scene.avi?loop=1"}}
enrolment: {{require_variety: false, references: 5, window_seconds: 20}}
inputs: {{contact_pin: 22, exit_button_pin: 27, doorbell_pin: 24}}
mqtt: {{broker: 127.0.0.1, port: {port}, allow: [read, enroll, people, unlock], image: true}}
"""

pytestmark = pytest.mark.skipif(
    PYTHON is None, reason="LIMEN_HOME_ASSISTANT names no Python that has homeassistant: the table of its keys must do"
)


class Home:
    """Asks one Home Assistant."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **wish: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def call(self, service: str, **data: Any) -> str:
        return str(self.ask(service=service, data=data))

    def states(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.ask(states=True)
        return found

    def until(self, condition: Callable[[dict[str, dict[str, Any]]], object]) -> dict[str, dict[str, Any]]:
        """All states, once they are so."""
        deadline = CLOCK.now() + PATIENCE
        while not condition(states := self.states()):
            assert CLOCK.now() < deadline, states
            CLOCK.sleep(0.1)
        return states


@contextmanager
def home_assistant(folder: Path, broker: Mosquitto) -> Iterator[Home]:
    folder.mkdir()
    words = [str(PYTHON), str(PROJECT / "tests" / "hass.py"), str(broker.port), str(free_port()), str(folder)]
    with (
        (folder / "log").open("wb") as log,
        # At the end its input is closed, and that ends it.
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        yield Home(process)


def promised() -> set[str]:
    """The entities of docs/home-assistant.md, but for the one that stands in for the lock where there is none."""
    page = (PROJECT / "docs" / "home-assistant.md").read_text(encoding="utf-8")
    table = page[page.index("| entity |") :].split("\n\n")[0]
    full = set(re.findall(r"`([a-z_]+\.limen_front\w*)`", table))
    short = re.findall(r"`([a-z_]+\.limen_front\w*)`, `…(\w+)`", table)
    every = full | {first.rsplit("_", 1)[0] + last for first, last in short}
    return every - {"sensor.limen_front_strike"}


def test_a_door_appears_complete_works_and_goes(
    tmp_path: Path, faces: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    film(tmp_path / "scene.avi", [([(faces["resident"], 430)], 5), ([], 2)])
    (tmp_path / "broker").mkdir()
    with (
        Mosquitto(tmp_path / "broker") as broker,
        home_assistant(tmp_path / "hass", broker) as home,
        RunningDoor(tmp_path, CONFIG.format(port=broker.port)) as door,
    ):
        door.start()
        home.until(lambda states: states.get("lock.limen_front", {}).get("state") == "locked")
        home.until(lambda states: {one for one in states if "limen" in one} == promised())
        assert_it_says_who_comes(home, door)
        assert_it_opens_with_the_pin(home, door)
        home.call("button.press", entity_id="button.limen_front_self_test")
        home.until(lambda states: states["sensor.limen_front_self_test_result"]["state"] == "ok")
        assert door.stop() == 0
        home.until(lambda states: {states[one]["state"] for one in promised() & states.keys()} == {"unavailable"})
        assert home.ask(image="image.limen_front_last_visit") is None, "the last face was taken back"
        assert main(["uninstall-discovery", "--config", str(tmp_path / "config.yaml")]) == 0
        home.until(lambda states: not any("limen" in one for one in states))
    capsys.readouterr()


def assert_it_says_who_comes(home: Home, door: RunningDoor) -> None:
    door.ask("enroll", name="Eileen Collins")
    states = home.until(lambda states: states["event.limen_front_access"].get("event_type") == "granted")
    assert states["event.limen_front_access"]["person"] == "Eileen Collins"
    assert states["event.limen_front_access"]["reason"] == "verified"
    home.until(lambda states: states["sensor.limen_front_last_person"]["state"] == "Eileen Collins")
    home.until(lambda states: int(states["sensor.limen_front_visits_granted"]["state"]) > 0)
    assert base64.b64decode(home.ask(image="image.limen_front_last_visit")).startswith(b"\xff\xd8\xff")
    states = home.until(lambda states: states["sensor.limen_front_latency"]["state"] not in {"unknown", "unavailable"})
    assert float(states["sensor.limen_front_latency"]["state"]) > 0
    assert states["binary_sensor.limen_front_camera"]["state"] == "on"
    assert states["binary_sensor.limen_front_problem"]["state"] == "off"


def assert_it_opens_with_the_pin(home: Home, door: RunningDoor) -> None:
    owner = door.key("people", "unlock", name="owner")
    door.ask("person.delete", signer=owner, person_id="eileen-collins")
    door.ask("pin.set", signer=owner, pin=PIN)
    door.until(lambda: door.pin.now() == "locked")
    pulses = door.pin.story().count("unlocked")
    assert "code" in home.call("lock.unlock", entity_id="lock.limen_front", code="12")
    assert home.call("lock.unlock", entity_id="lock.limen_front", code="999999") == "done"
    home.until(lambda states: states["event.limen_front_access"].get("reason") == "wrong_pin")
    assert door.pin.story().count("unlocked") == pulses
    assert home.call("lock.unlock", entity_id="lock.limen_front", code=PIN) == "done"
    door.until(lambda: door.pin.story().count("unlocked") == pulses + 1)
    home.until(lambda states: states["lock.limen_front"]["state"] == "locked")

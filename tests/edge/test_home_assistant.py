"""The door appears in Home Assistant by itself, complete, and leaves without a trace."""

from __future__ import annotations

import contextlib
import copy
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import msgspec
import pytest

from edge.__main__ import main
from edge.clock import SystemClock
from edge.mqtt.home_assistant import announcement
from edge.mqtt.messages import AccessEvent, DoorEvent, Percentiles, Problem, Response, Status, encode, stamp
from edge.mqtt.topics import Topics
from edge.settings import DoorSettings, HomeAssistantSettings, InputSettings, MqttSettings, Settings
from tests.edge.brokers import Mosquitto, heard, linked, listener, send
from tests.edge.doors import RunningDoor, film
from tests.edge.home_assistant_keys import VERSION, problems

STAMP = stamp(SystemClock(), "boot-1")
LARGEST = 8 * 1024  # far below what any broker refuses
TOPICS = Topics("limen", "front")
WIRED = InputSettings(contact_pin=22, tamper_pin=23, doorbell_pin=24, exit_button_pin=27)


def told(*allow: str, privacy: Any = "full", image: bool = False, **more: Any) -> dict[str, Any]:
    """The discovery message of a door with these words in mqtt.allow, and everything wired."""
    mqtt = MqttSettings(allow=allow or ("read",), privacy=privacy, image=image)
    message: dict[str, Any] = json.loads(announcement(Settings(mqtt=mqtt, **{"inputs": WIRED} | more)))
    return message


@pytest.mark.parametrize(("privacy", "image"), [("full", False), ("full", True), ("ids", False), ("none", False)])
@pytest.mark.parametrize("allow", [("read",), ("read", "enroll", "people", "unlock")])
def test_home_assistant_takes_the_message(allow: tuple[str, ...], privacy: str, image: bool) -> None:  # noqa: FBT001
    assert problems(told(*allow, privacy=privacy, image=image)) == []


BREAKS: list[Callable[[dict[str, Any]], object]] = [
    lambda message: message.pop("o"),
    lambda message: message["dev"].pop("ids"),
    lambda message: message["cmps"]["access"].pop("event_types"),
    lambda message: message["cmps"]["camera"].pop("unique_id"),
    lambda message: message["cmps"]["camera"].update(payload_onn="online"),
    lambda message: message["cmps"]["latency"].update(unit_of_measurement="msec"),
    lambda message: message["cmps"]["latency"].update(availability_mode="both"),
    lambda message: message["cmps"]["latency"].update(availability=[{"topc": "x"}]),
    lambda message: message["cmps"]["latency"].update(unique_id="limen_front_access"),
    lambda message: message["cmps"]["image"].pop("image_topic"),
    lambda message: message["cmps"]["image"].update(content="image/jpeg"),
]


@pytest.mark.parametrize("number", range(len(BREAKS)))
def test_what_home_assistant_would_refuse_is_noticed(number: int) -> None:
    message = copy.deepcopy(told(image=True))
    BREAKS[number](message)
    assert problems(message) != []


def test_everything_a_newcomer_looks_for_is_there() -> None:
    components = told("read", "unlock", image=True)["cmps"]
    assert {name: one["p"] for name, one in components.items() if len(one) > 1} == {
        "lock": "lock",
        "access": "event",
        "last_person": "sensor",
        "granted": "sensor",
        "refused": "sensor",
        "door_event": "event",
        "doorbell": "event",
        "contact": "binary_sensor",
        "problem": "binary_sensor",
        "camera": "binary_sensor",
        "temperature": "sensor",
        "latency": "sensor",
        "selftest": "button",
        "selftest_result": "sensor",
        "image": "image",
    }


def test_a_picture_is_only_there_where_it_was_asked_for() -> None:
    assert told()["cmps"]["image"] == {"p": "image"}, "an earlier one is removed"
    image = told(image=True)["cmps"]["image"]
    assert (image["image_topic"], image["content_type"]) == ("limen/front/image", "image/jpeg")
    assert "image_encoding" not in image, "raw bytes"


def test_the_lock_takes_commands_with_a_pin_only_where_the_local_file_allows_it() -> None:
    lock = told("read", "unlock")["cmps"]["lock"]
    assert lock["command_topic"] == "limen/front/lock/set"
    assert re.fullmatch(lock["code_format"], "482913")
    assert not re.fullmatch(lock["code_format"], "4829")
    assert lock["optimistic"] is lock["retain"] is False
    closed = told("read", "enroll", "people")["cmps"]
    assert closed["lock"] == {"p": "lock"}, "an earlier lock is removed"
    assert closed["strike"]["state_topic"] == "limen/front/lock/state"
    commands = [one["command_topic"] for one in closed.values() if "command_topic" in one]
    assert commands == ["limen/front/request/selftest"]


def test_what_is_not_wired_is_not_shown_and_an_earlier_one_is_removed() -> None:
    bare = told(inputs=InputSettings())["cmps"]
    assert [bare[name] for name in ("door_event", "doorbell", "contact")] == [
        {"p": "event"},
        {"p": "event"},
        {"p": "binary_sensor"},
    ]
    assert problems(told(inputs=InputSettings())) == []
    assert told()["cmps"]["door_event"]["event_types"] == ["forced_open", "held_open", "exit_button", "tamper"]
    button = told(inputs=InputSettings(exit_button_pin=27))["cmps"]
    assert button["door_event"]["event_types"] == ["exit_button"]
    assert button["contact"] == {"p": "binary_sensor"}


def test_two_doors_are_two_devices_and_the_message_stays_small() -> None:
    front, back = told(), told(door=DoorSettings(id="back"))
    ids = [{one.get("unique_id") for one in message["cmps"].values()} - {None} for message in (front, back)]
    assert front["dev"]["ids"] != back["dev"]["ids"]
    assert not ids[0] & ids[1]
    longest = Settings(
        door=DoorSettings(id="d" * 32),
        mqtt=MqttSettings(base="/".join(["b" * 32] * 4), allow=("read", "unlock")),
    )
    assert len(announcement(longest)) < 2 * LARGEST
    assert len(announcement(Settings())) < LARGEST
    own = Topics.of(Settings(home_assistant=HomeAssistantSettings(prefix="ha")))
    assert own.discovery == "ha/device/limen_front/config"


# -- the templates, as Home Assistant renders them -------------------------------------------------------------------


def rendered(template: str, payload: bytes = b"", **known: Any) -> str:
    """A template of Home Assistant: `value` and, where it is JSON, `value_json`."""
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - JSON and plain words, not HTML
    environment.filters["to_json"] = json.dumps
    environment.globals["now"] = lambda: datetime(2026, 11, 22, tzinfo=UTC)
    with contextlib.suppress(ValueError):
        known["value_json"] = json.loads(payload)
    return environment.from_string(template).render(value=payload.decode(), **known)


def shown(component: str, payload: bytes, **known: Any) -> str:
    return rendered(told()["cmps"][component]["value_template"], payload, **known)


def visit(verdict: Any, **more: Any) -> bytes:
    return encode(AccessEvent(**STAMP, id="e", seq=1, visit="v", verdict=verdict, reason="verified", **more))


def door_event(word: str) -> bytes:
    return encode(DoorEvent(**STAMP, id="e", seq=1, event=word))


def status(**figures: Any) -> bytes:
    return encode(Status(**STAMP, **figures))


def test_a_visit_becomes_an_access_event_with_its_reason() -> None:
    granted = json.loads(shown("access", visit("granted", person="Ada", similarity=0.8)))
    assert (granted["event_type"], granted["person"], granted["reason"]) == ("granted", "Ada", "verified")
    assert json.loads(shown("access", visit("refused", nearest="Ada")))["event_type"] == "refused"


def test_the_last_person_is_who_was_let_in_and_not_whom_a_stranger_resembled() -> None:
    before = SimpleNamespace(state="Bea")
    assert shown("last_person", visit("granted", person="Ada", person_id="ada"), this=before) == "Ada"
    assert shown("last_person", visit("granted", person_id="ada"), this=before) == "ada"
    assert shown("last_person", visit("refused", nearest="Ada"), this=before) == "Bea"
    assert told(privacy="none")["cmps"]["last_person"] == {"p": "sensor"}


def test_a_doorbell_rings_and_is_no_door_event() -> None:
    assert json.loads(shown("doorbell", door_event("doorbell")))["event_type"] == "ring"
    assert shown("door_event", door_event("doorbell")) == ""
    assert shown("doorbell", door_event("tamper")) == ""
    assert json.loads(shown("door_event", door_event("tamper")))["event_type"] == "tamper"


def test_what_is_not_known_is_shown_as_unknown() -> None:
    assert shown("contact", b"unknown") == shown("temperature", status()) == shown("latency", status()) == "None"
    assert shown("contact", b"open") == "open"
    assert shown("temperature", status(temperature_celsius=51.5)) == "51.5"
    assert shown("latency", status(latency_ms={"frame": Percentiles(p50=34.0, p95=50.0)})) == "34.0"


def test_problems_and_counts_come_from_the_status() -> None:
    assert shown("problem", status()) == "OFF"
    assert shown("problem", status(problems=("camera_lost",))) == "ON"
    template = told()["cmps"]["problem"]["json_attributes_template"]
    assert json.loads(rendered(template, status(problems=("camera_lost",)))) == {"problems": ["camera_lost"]}
    assert (shown("granted", status(granted=3)), shown("refused", status(refused=4))) == ("3", "4")
    assert shown("strike", b"JAMMED") == "jammed"


def test_the_self_test_button_sends_a_command_and_shows_its_answer() -> None:
    components = told("unlock")["cmps"]
    sent = json.loads(rendered(components["selftest"]["command_template"], b"PRESS"))
    assert sent["v"] == 1
    assert msgspec.convert(sent["transaction"], str).startswith("ha-")
    wrong = Problem(code="busy", message="later")
    answer = encode(Response(**STAMP, transaction="t", status="error", error=wrong))
    assert shown("selftest_result", answer) == "error"
    attributes = rendered(components["selftest_result"]["json_attributes_template"], answer)
    assert json.loads(attributes)["code"] == "busy"
    template = components["lock"]["command_template"]
    assert json.loads(rendered(template, b"UNLOCK", code="482913")) == {"action": "UNLOCK", "code": "482913"}
    assert json.loads(rendered(template, b"LOCK", code=None)) == {"action": "LOCK", "code": ""}


def test_the_page_says_which_version_the_message_was_held_against() -> None:
    page = Path(__file__).parents[2] / "docs" / "home-assistant.md"
    assert f"Home Assistant {VERSION}" in page.read_text(encoding="utf-8")


# -- a real door at a real broker ------------------------------------------------------------------------------------


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with Mosquitto(folder) as running:
        yield running


def config(broker: Mosquitto, more: str = "") -> str:
    return f"""
door: {{driver: mock}}
camera: {{source: "file:scene.avi?loop=1"}}
mqtt: {{broker: 127.0.0.1, port: {broker.port}}}
{more}"""


def test_the_door_announces_itself_greets_home_assistant_and_can_be_removed(
    tmp_path: Path, broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    film(tmp_path / "scene.avi", [([], 1)])
    with RunningDoor(tmp_path, config(broker)) as door:
        door.start()
        with linked(broker.login, listener(TOPICS.discovery)) as link:
            first = heard(link)
            assert problems(json.loads(first.payload)) == []
            send(broker.login, TOPICS.birth, b"online")
            again = heard(link)
            assert again.payload == first.payload
            assert again.retain, "whoever subscribes later must see it, too"
        assert door.ask("selftest")["problems"] == []
        door.stop()
        with linked(broker.login, listener(TOPICS.discovery)) as link:
            assert heard(link).payload == first.payload
        arguments = ["uninstall-discovery", "--config", str(tmp_path / "config.yaml")]
        assert main(arguments) == 0
        assert "comes back" in capsys.readouterr().out
        with linked(broker.login, listener(TOPICS.discovery, "marker")) as link:
            send(broker.login, "marker", b"nothing retained came before this")
            assert heard(link).topic == "marker"


def test_a_door_that_shall_not_be_discovered_is_silent(tmp_path: Path, broker: Mosquitto) -> None:
    film(tmp_path / "scene.avi", [([], 1)])
    everything = listener("homeassistant/#", TOPICS.status)
    quiet = config(broker, "home_assistant: {discovery: false}")
    with RunningDoor(tmp_path, quiet) as door, linked(broker.login, everything) as link:
        door.start()
        assert heard(link).topic == TOPICS.status, "discovery would have come before it"

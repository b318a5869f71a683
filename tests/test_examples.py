"""What the documents give away to copy works: blueprints, the Node-RED flow, the subscriber in plain Python."""

from __future__ import annotations

import json
import queue
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

import jinja2
import pytest
import yaml

from edge.clock import SystemClock
from edge.mqtt.messages import AccessEvent, encode, stamp
from edge.mqtt.topics import Topics
from tests.edge.brokers import HOST, LONG, Mosquitto, send

DOCS = Path(__file__).parents[1] / "docs"
BLUEPRINTS = sorted((DOCS / "home_assistant").glob("*.yaml"))
FLOW = json.loads((DOCS / "home_assistant" / "node-red.json").read_text(encoding="utf-8"))
TOPICS = Topics("limen", "front")
STAMP = stamp(SystemClock(), "boot-1")
# What every Node-RED brings along, of what the flow may use.
NODES = {"tab", "mqtt-broker", "mqtt in", "mqtt out", "function", "switch", "template", "debug", "inject"}


class Input(str):
    """`!input name`."""

    __slots__ = ()


class BlueprintSafeLoader(yaml.SafeLoader):
    """YAML with Home Assistant's tag for the inputs of a blueprint."""


BlueprintSafeLoader.add_constructor("!input", lambda _, node: Input(node.value))


def blueprint(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=BlueprintSafeLoader)  # noqa: S506 - a SafeLoader and one more tag
    return loaded


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in leaves(part)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.name)
def test_a_blueprint_is_one_and_uses_every_input_it_asks_for(path: Path) -> None:
    read = blueprint(path)
    assert read.keys() == {"blueprint", "mode", "triggers", "variables", "conditions", "actions"} | (
        read.keys() & {"max", "max_exceeded"}
    )
    about = read.pop("blueprint")
    assert about["domain"] == "automation"
    assert {"name", "description", "input"} <= about.keys()
    used = {str(leaf) for leaf in leaves(read) if isinstance(leaf, Input)}
    assert used == about["input"].keys()
    assert all({"name", "selector"} <= one.keys() for one in about["input"].values())


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.name)
def test_a_blueprint_does_not_take_a_door_that_comes_back_for_an_event(path: Path) -> None:
    (trigger,) = blueprint(path)["triggers"]
    assert trigger["not_from"] == "unavailable"
    assert set(trigger["not_to"]) == {"unavailable", "unknown"}


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.name)
def test_every_template_of_a_blueprint_can_be_read(path: Path) -> None:
    for leaf in leaves(blueprint(path)):
        if isinstance(leaf, str):
            jinja2.Environment(autoescape=False).parse(leaf)  # noqa: S701 - plain words, not HTML


def message(**event: Any) -> str:
    """What the notification says about a visit: every variable in its order, as Home Assistant does it."""
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - plain words, not HTML
    known: dict[str, Any] = {"trigger": {"to_state": {"attributes": {"person": None} | event}}}
    for name, value in blueprint(DOCS / "home_assistant" / "notify.yaml")["variables"].items():
        is_template = isinstance(value, str) and not isinstance(value, Input)
        known[name] = environment.from_string(value).render(known).strip() if is_template else value
    said: str = known["message"]
    return said


def test_the_notification_says_who_and_why() -> None:
    granted = {"event_type": "granted", "reason": "verified"}
    assert message(person="Ada", **granted) == "Ada was let in (recognised)."
    assert message(person_id="ada", **granted) == "ada was let in (recognised)."
    assert message(**granted) == "Somebody was let in (recognised)."
    assert message(event_type="refused", reason="unknown") == "Somebody was not let in: not recognised."
    dark = message(event_type="refused", reason="quality:too_dark")
    assert dark == "Somebody was not let in: no good picture, too dark."
    assert message(event_type="refused", reason="new_word").endswith("new word.")


def test_the_notification_knows_every_reason_of_the_contract() -> None:
    page = (DOCS / "mqtt.md").read_text(encoding="utf-8")
    table = page[page.index("| `reason` |") :].split("\n\n")[0]
    reasons = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) - {"reason"}
    known = blueprint(DOCS / "home_assistant" / "notify.yaml")["variables"]["why"].keys()
    assert len(reasons) >= 10
    assert reasons <= known


def test_the_flow_is_whole() -> None:
    nodes = {node["id"]: node for node in FLOW}
    assert len(nodes) == len(FLOW)
    assert {node["type"] for node in FLOW} <= NODES
    for node in FLOW:
        targets = [node[key] for key in ("z", "broker") if key in node and node["type"] != "mqtt-broker"]
        assert {*targets, *leaves(node.get("wires", []))} <= nodes.keys(), node["id"]
        assert len(node.get("wires", [])) == node.get("outputs", len(node.get("wires", [])))


def test_the_flow_speaks_of_topics_that_exist_and_retains_nothing() -> None:
    every = Topics("limen", "+")
    topics = {node["topic"] for node in FLOW if node["type"].startswith("mqtt ")}
    assert topics == {every.event("access"), TOPICS.request("selftest"), TOPICS.response("selftest")}
    assert {node["retain"] for node in FLOW if node["type"] == "mqtt out"} == {"false"}


def test_the_subscriber_of_the_page_tells_each_event_once(tmp_path: Path) -> None:
    page = (DOCS / "mqtt.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(# watch\.py.*?)```", page, re.DOTALL)
    assert sum(bool(line) for line in code.splitlines()) <= 20
    (tmp_path / "watch.py").write_text(code, encoding="utf-8")
    with Mosquitto(tmp_path) as broker:
        words = [sys.executable, str(tmp_path / "watch.py"), HOST, str(broker.port)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as watcher:
            assert watcher.stdout is not None
            lines: queue.Queue[str] = queue.Queue()
            reader = threading.Thread(target=_read, args=(watcher.stdout, lines))
            reader.start()
            try:
                first = _line_after(broker, lines, visit("e1", "refused", "unknown"))
                send(broker.login, TOPICS.event("access"), visit("e1", "refused", "unknown"))
                send(broker.login, TOPICS.event("access"), visit("e2", "granted", "verified"))
                assert first == "limen/front/event/access refused unknown\n"
                assert lines.get(timeout=LONG) == "limen/front/event/access granted verified\n"
            finally:
                watcher.terminate()
                reader.join(LONG)


def visit(event_id: str, verdict: Any, reason: str) -> bytes:
    return encode(AccessEvent(**STAMP, id=event_id, seq=1, visit="v", verdict=verdict, reason=reason))


def _line_after(broker: Mosquitto, lines: queue.Queue[str], payload: bytes) -> str:
    """Say it until the subscriber is there."""
    for _ in range(round(LONG / 0.2)):
        send(broker.login, TOPICS.event("access"), payload)
        try:
            return lines.get(timeout=0.2)
        except queue.Empty:
            continue
    raise AssertionError("the subscriber said nothing")


def _read(stream: IO[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)

"""The Node-RED flow of the docs: what can be told without Node-RED always, the rest where node or node-red is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.clock import SystemClock
from edge.mqtt.authority import Standing
from edge.mqtt.commands import Command, Context, Incoming, parse
from edge.mqtt.messages import AccessEvent, Response, encode, stamp
from edge.mqtt.topics import Topics
from tests.edge.brokers import CLOCK, HOST, LONG, Mosquitto, free_port, linked, listener, send

TEXT = (Path(__file__).parents[1] / "docs" / "home_assistant" / "node-red.json").read_text(encoding="utf-8")
FLOW: list[dict[str, Any]] = json.loads(TEXT)
TOPICS = Topics("limen", "front")
STAMP = stamp(SystemClock(), "boot-1")
NODE, NODE_RED = shutil.which("node"), shutil.which("node-red")
PATIENCE = 3 * LONG  # Node-RED takes seconds to start


def only(kind: str) -> dict[str, Any]:
    (node,) = [node for node in FLOW if node["type"] == kind]
    return node


def obeyed(payload: bytes) -> Command | str:
    context = Context(TOPICS, Standing(), 0.0, SystemClock().wall(), clock_trusted=True)
    parsed = parse(Incoming(TOPICS.request("selftest"), payload), context)
    return parsed if isinstance(parsed, Command) else parsed.code


def visit(event_id: str, verdict: Any, reason: str, person: str | None = None) -> bytes:
    return encode(AccessEvent(**STAMP, id=event_id, seq=1, visit="v", verdict=verdict, reason=reason, person=person))


def test_every_field_that_the_flow_looks_at_is_one_of_an_event() -> None:
    looked_at = set(re.findall(r"payload\.(\w+)", TEXT)) - {"data"}  # of the answer to the self-test
    assert looked_at == {"id", "verdict", "person", "reason"}
    assert looked_at <= {field.encode_name for field in msgspec.structs.fields(AccessEvent)}
    assert "data" in {field.encode_name for field in msgspec.structs.fields(Response)}


def test_the_button_sends_a_command_that_the_door_obeys() -> None:
    button = only("inject")
    assert button["payloadType"] == "jsonata"
    said = button["payload"].replace('" & $string($millis())', '1795347413532"')
    assert isinstance(obeyed(said.encode()), Command)


@pytest.mark.skipif(NODE is None, reason="node is not on PATH: the flow's function is not run")
def test_an_event_that_comes_twice_goes_on_once() -> None:
    script = """
        const kept = {}, context = {get: (key) => kept[key], set: (key, value) => { kept[key] = value; }};
        const step = new Function("msg", "context", process.argv[1]);
        const ids = ["a", "b", "a", "c", "b", ...Array.from({length: 300}, (_, n) => "n" + n), "n299"];
        const gone = ids.map((id) => step({payload: {id}}, context)).filter((msg) => msg !== null);
        console.log(JSON.stringify([gone.map((msg) => msg.payload.id), Object.values(kept).flat().length]));
    """
    ran = subprocess.run(
        [str(NODE), "-e", script, only("function")["func"]], capture_output=True, text=True, check=True, timeout=LONG
    )
    gone, kept = json.loads(ran.stdout)
    assert gone == ["a", "b", "c", *(f"n{number}" for number in range(300))]
    assert kept == 100, "it does not grow for ever"


@pytest.mark.skipif(NODE_RED is None, reason="node-red is not on PATH (npm install -g node-red): the flow is not run")
def test_the_flow_runs_in_node_red(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        flow = [dict(node) for node in FLOW]
        for node in flow:
            changes = {
                "mqtt-broker": {"broker": HOST, "port": str(broker.port)},
                "debug": {"console": True},
                "inject": {"once": True},
            }
            node.update(changes.get(node["type"], {}))
        (tmp_path / "flows.json").write_text(json.dumps(flow), encoding="utf-8")
        words = [str(NODE_RED), "--userDir", str(tmp_path / "user"), "--port", str(free_port())]
        words += ["-D", f"uiHost={HOST}", "-D", "httpAdminRoot=false", str(tmp_path / "flows.json")]
        out = tmp_path / "out"
        with linked(broker.login, listener(TOPICS.requests)) as link, out.open("wb") as log:
            running = subprocess.Popen(words, stdout=log, stderr=log)
            try:
                assert isinstance(obeyed(link.inbox.get(timeout=PATIENCE).payload), Command)
                talk(broker, out)
            finally:
                running.terminate()
                running.wait(LONG)
    said = out.read_text(encoding="utf-8")
    assert re.findall(r"\[debug:visits\] (.*)", said) == [
        "Ada O'Neil was let in: verified.",
        "Somebody was let in: pin.",
        "Somebody was not let in: quality:too_dark.",
    ]


def talk(broker: Mosquitto, out: Path) -> None:
    """Say three visits, the first again and again, then an answer; wait until the last was shown."""
    again = visit("e1", "granted", "verified", "Ada O'Neil")
    said_until(broker, TOPICS.event("access"), again, out, "verified")
    send(broker.login, TOPICS.event("access"), visit("e2", "granted", "pin"))
    send(broker.login, TOPICS.event("access"), again)
    send(broker.login, TOPICS.event("access"), visit("e3", "refused", "quality:too_dark"))
    said_until(broker, TOPICS.event("access"), again, out, "too_dark")
    answer = encode(Response(**STAMP, transaction="t", status="ok", data={"strike": "LOCKED"}))
    said_until(broker, TOPICS.response("selftest"), answer, out, "strike: 'LOCKED'")


def said_until(broker: Mosquitto, topic: str, payload: bytes, out: Path, word: str) -> None:
    deadline = CLOCK.now() + PATIENCE
    while word not in out.read_text(encoding="utf-8"):
        assert CLOCK.now() < deadline, out.read_text(encoding="utf-8")
        send(broker.login, topic, payload)
        CLOCK.sleep(0.2)

"""Thousands of hostile commands to a whole door: the pin never moves, and memory stays where it was."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import psutil
from paho.mqtt.client import Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.mqtt.authority import COMMANDS
from edge.mqtt.credentials import client_login
from tests.edge.brokers import plain_client
from tests.edge.doors import PATIENCE, RunningDoor, film

COMMANDS_SENT = 5000
WARM_UP = 500
AT_ONCE = 40  # fewer than the door lays aside unread, so that it reads every one
MOST_GROWTH = 10 * 1024 * 1024

_ODD: list[Any] = [None, True, -1, 2**70, 1e308, "", "x" * 300, "\u202e", "\x00", [], {}, [[[]]], {"v": {"v": 1}}]


def hostile(chance: random.Random) -> tuple[str, bytes]:
    """A command that no door may obey, and its bytes."""
    command = chance.choice([*COMMANDS, "lock", "unlock/now", "Unlock", "x" * 200, "person.*", "exec"])
    sound: dict[str, Any] = {"v": 1, "transaction": f"t{chance.getrandbits(60)}"}
    text = json.dumps(sound | {"name": "Ada"}).encode()
    at = chance.randrange(len(text))
    bodies = [
        chance.randbytes(chance.randrange(200)),
        json.dumps(sound | {chance.choice(["v", "transaction", "ts"]): chance.choice(_ODD)}).encode()[:-1],
        json.dumps({"v": chance.choice([0, 2, "1", None]), **dict.fromkeys("abcdefgh", chance.choice(_ODD))}).encode(),
        json.dumps(sound | {"pad": "x" * chance.randrange(4096, 20_000)}).encode(),
        text[:at] + chance.randbytes(1 + chance.randrange(3)) + b"\xff" + text[at:],
        b"[" * chance.randrange(1, 4096),
        b'{"v":1,"transaction":"a","transaction":"b"}',
        json.dumps({"p": "e30", "k": "0" * 16, "s": "A" * 86}).encode(),
        json.dumps({"p": chance.choice(_ODD), "k": chance.choice(_ODD), "s": chance.choice(_ODD)}).encode(),
    ]
    return command, chance.choice(bodies)


def assail(client: Client, door: RunningDoor, chance: random.Random, number: int) -> None:
    sent = None
    for _ in range(number):
        command, payload = hostile(chance)
        topic = door.topics.request(command) if chance.random() < 0.9 else door.topics.lock_set
        extras = Properties(PacketTypes.PUBLISH)
        if chance.random() < 0.2:
            extras.ResponseTopic = chance.choice(["limen/front/lock/set", "limen/clients/x", "homeassistant/status"])
            extras.CorrelationData = chance.randbytes(chance.choice([1, 200]))
        sent = client.publish(topic, payload, qos=1, retain=chance.random() < 0.02, properties=extras)
    assert sent is not None
    sent.wait_for_publish(PATIENCE)


def test_nothing_that_is_sent_begins_a_line_of_the_log_or_steers_a_terminal(tmp_path: Path) -> None:
    film(tmp_path / "scene.avi", [([], 3)])
    word = "x\nINFO edge.app: the door is working\x1b[2J\u202e"
    command = {"v": 1, "transaction": "t", "person_id": "ada", "second_factor": word}
    with RunningDoor(tmp_path).start() as door, door.session() as session:
        with plain_client(client_login(door.settings), "forger") as client:
            client.publish(door.topics.request("person.set"), json.dumps(command), qos=1).wait_for_publish(PATIENCE)
            (answer,) = session.request("selftest", timeout=PATIENCE)
        assert answer.data is not None
        assert door.log().count("\nINFO edge.app: the door is working") == 1
        assert not {"\x1b", "\u202e"} & set(door.log())
        assert r"x\nINFO edge.app" in door.log(), "it can be read all the same"


def test_five_thousand_hostile_commands_move_neither_the_pin_nor_the_memory(tmp_path: Path) -> None:
    chance = random.Random(11)
    film(tmp_path / "scene.avi", [([], 3)], fps=60)
    with RunningDoor(tmp_path).start() as door, door.session() as session:
        assert door.process is not None
        memory = psutil.Process(door.process.pid)
        with plain_client(client_login(door.settings), "assailant") as client:
            for number in range(0, COMMANDS_SENT + WARM_UP, AT_ONCE):
                if number <= WARM_UP:
                    before = memory.memory_info().rss
                assail(client, door, chance, AT_ONCE)
                (answer,) = session.request("selftest", timeout=PATIENCE)
            growth = memory.memory_info().rss - before
        assert growth < MOST_GROWTH, f"{growth / 1024:.0f} KiB\n{door.log()[-2000:]}"
        assert answer.data is not None
        assert (answer.data["strike"], answer.data["people"]) == ("LOCKED", 0)
        assert door.stop() == 0
        assert set(door.pin.story()) == {"locked"}
        assert "Traceback" not in door.log()

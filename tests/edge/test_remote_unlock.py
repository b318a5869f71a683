"""A signed `unlock` opens once, whatever is done with its bytes: real daemon, real broker, the pin as judge."""

from __future__ import annotations

import json
import socket
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.__main__ import main
from edge.access.lockout import Lockout
from edge.clock import rfc3339
from edge.door.strike import open_strike
from edge.errors import MessageError, StoreError
from edge.mqtt.arguments import NoArguments
from edge.mqtt.commands import Command
from edge.mqtt.credentials import client_login
from edge.mqtt.keys import KEYS_FILE, Signer
from edge.mqtt.link import Wiring
from edge.service.remote import Remote
from edge.service.rooms import Rooms
from edge.settings import DoorSettings, Settings
from tests.edge.brokers import HOST, Mosquitto, plain_client, send
from tests.edge.doors import CLOCK, PATIENCE, RunningDoor, film
from tests.edge.pins import Pin
from tests.edge.signing import a_key
from tests.edge.stores import open_small

CONFIG = """
door: {{id: {door}, driver: mock, unlock_seconds: 0.3}}
camera: {{source: "file:scene.avi?loop=1"}}
mqtt: {{broker: 127.0.0.1, port: {port}, allow: [read, enroll, people, unlock]}}
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker")) as running:
        yield running


class Opener:
    """A door that nobody comes to, and somebody who may open it from afar."""

    def __init__(self, home: Path, broker: Mosquitto, name: str = "front") -> None:
        film(home / "scene.avi", [([], 3)])
        self.door = RunningDoor(home, CONFIG.format(port=broker.port, door=name))
        self.signer: Signer = self.door.key("unlock", "people", name="phone")
        self._count = 0

    def envelope(self, **changes: Any) -> bytes:
        """A valid `unlock`, over a fresh challenge of the door."""
        self._count += 1
        fields = {"v": 1, "door": self.door.settings.door.id, "command": "unlock", "transaction": f"t{self._count}"}
        challenge = {} if "challenge" in changes else self.door.ask("challenge", key=self.signer.id)
        return self.signer.envelope(fields | {"challenge": challenge.get("challenge")} | changes)

    def tell(self, payload: bytes, command: str = "unlock", **more: Any) -> str:
        """Send these bytes; `ok`, `again` for an answer given before, or the code of the refusal."""
        with self.door.session(self.door.topics.response("#")) as session:
            send(client_login(self.door.settings), self.door.topics.request(command), payload, **more)
            answer = json.loads(next(session.follow(silence=PATIENCE)).payload)
        return "again" if answer["duplicate"] else answer["status"] if answer["error"] is None else self._code(answer)

    def _code(self, answer: Any) -> str:
        return str(answer["error"]["code"])

    def pulses(self) -> int:
        """How often the pin was energised, once all that was sent has been looked at and every pulse is over."""
        self.door.ask("selftest")
        self.door.until(lambda: self.door.pin.now() == "locked")
        return self.door.pin.story().count("unlocked")

    def restart(self) -> None:
        assert self.door.stop() == 0
        self.door.start().ask("selftest")


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, broker: Mosquitto) -> Iterator[Opener]:
    opener = Opener(tmp_path_factory.mktemp("front"), broker)
    with opener.door.start():
        yield opener


def test_one_signed_command_is_one_pulse_and_one_event_that_says_who(front: Opener) -> None:
    before = front.pulses()
    with front.door.session() as session:
        assert front.tell(front.envelope()) == "ok"
        event = front.door.event(session, reason="remote")
    assert (event["verdict"], event["key"], event["person"]) == ("granted", front.signer.id, None)
    assert event["topic"] == front.door.topics.event("access")
    assert front.pulses() == before + 1
    front.door.pin.assert_never_open_too_long()


def test_the_same_bytes_again_are_answered_again_and_open_nothing(front: Opener, broker: Mosquitto) -> None:
    envelope = front.envelope()
    before = front.pulses()
    assert front.tell(envelope) == "ok"
    assert front.pulses() == before + 1
    assert front.tell(envelope) == "again"
    with front.door.session(front.door.topics.response("#")) as session:
        _publish_twice_with_the_same_id(broker.port, front.door.topics.request("unlock"), envelope)
        answers = [json.loads(next(session.follow(silence=PATIENCE)).payload)["duplicate"] for _ in range(2)]
    assert answers == [True, True]
    broker.stop()
    broker.start()
    assert front.tell(envelope) == "again"
    front.restart()
    assert front.tell(envelope) == "again"
    assert front.pulses() == before + 1


def test_a_duplicate_that_overtakes_the_answer_opens_nothing(front: Opener, broker: Mosquitto) -> None:
    envelope = front.envelope()
    before = front.pulses()
    with front.door.session(front.door.topics.response("#")) as session:
        _publish_twice_with_the_same_id(broker.port, front.door.topics.request("unlock"), envelope)
        answers = [json.loads(next(session.follow(silence=PATIENCE)).payload)["duplicate"] for _ in range(2)]
    assert answers == [False, True]
    assert front.pulses() == before + 1


def test_a_used_transaction_or_challenge_is_a_replay(front: Opener) -> None:
    before = front.pulses()
    challenge = front.door.ask("challenge")["challenge"]
    assert front.tell(front.envelope(transaction="used", challenge=challenge)) == "ok"
    assert front.tell(front.envelope(transaction="used")) == "replayed"
    assert front.tell(front.envelope(transaction="fresh", challenge=challenge)) == "replayed"
    assert front.pulses() == before + 1


def test_a_retained_command_never_opens(front: Opener) -> None:
    envelope = front.envelope()
    before = front.pulses()
    topic = front.door.topics.request("unlock")
    send(client_login(front.door.settings), topic, envelope, retain=True)
    assert front.pulses() == before
    front.restart()
    assert front.pulses() == before
    send(client_login(front.door.settings), topic, b"", retain=True)


def test_a_command_that_a_broker_kept_for_the_door_never_opens(front: Opener) -> None:
    envelope = front.envelope()
    before = front.pulses()
    front.door.stop()
    login, topics = client_login(front.door.settings), front.door.topics
    with plain_client(login, Wiring.of_door(topics).client_id, session_seconds=3600) as somebody:
        somebody.subscribe(topics.requests, qos=1)
    send(login, topics.request("unlock"), envelope)
    front.door.start().ask("selftest")
    assert front.pulses() == before
    assert front.tell(envelope) == "expired", "and its challenge went with the process that gave it"
    assert front.pulses() == before


def test_what_was_signed_before_a_restart_never_opens_even_when_the_store_forgot_it(front: Opener) -> None:
    spent, unspent = front.envelope(), front.envelope()
    before = front.pulses()
    assert front.tell(spent) == "ok"
    front.door.stop()
    with closing(sqlite3.connect(front.door.settings.state / "store.db")) as connection, connection:
        connection.execute("DELETE FROM spent")
    front.door.start().ask("selftest")
    assert [front.tell(one) for one in (spent, unspent)] == ["expired", "expired"]
    assert front.pulses() == before + 1


def test_a_kill_in_the_middle_leaves_a_command_that_is_spent(front: Opener) -> None:
    envelope = front.envelope()
    before = front.pulses()
    send(client_login(front.door.settings), front.door.topics.request("unlock"), envelope)
    front.door.until(lambda: front.door.pin.story().count("unlocked") == before + 1)
    front.door.kill()
    front.door.start().ask("selftest")
    assert front.tell(envelope) == "again"
    assert front.pulses() == before + 1
    front.door.pin.assert_never_open_too_long()


def test_another_doors_command_never_opens(front: Opener, broker: Mosquitto, tmp_path: Path) -> None:
    back = Opener(tmp_path, broker, "back")
    (back.door.settings.state / KEYS_FILE).write_bytes((front.door.settings.state / KEYS_FILE).read_bytes())
    with back.door.start():
        before = back.pulses()
        assert back.tell(front.envelope()) == "wrong_door"
        foreign = front.door.ask("challenge")["challenge"]
        back.signer = front.signer
        assert back.tell(back.envelope(challenge=foreign)) == "expired"
        assert back.pulses() == before
        assert back.tell(back.envelope()) == "ok"
        assert back.pulses() == before + 1


def test_another_keys_challenge_an_unknown_key_and_one_without_the_right_never_open(
    front: Opener, tmp_path: Path
) -> None:
    before = front.pulses()
    mine, stranger = front.signer, a_key(tmp_path, "unlock")[0]
    helper, other = front.door.key("people", name="helper"), front.door.key("unlock", name="other")
    bound = front.door.ask("challenge", key=mine.id)["challenge"]
    told = []
    for signer, challenge in ((other, bound), (stranger, bound), (helper, None)):
        front.signer = signer
        fields = {} if challenge is None else {"challenge": challenge}
        told.append(front.tell(front.envelope(**fields)))
    front.signer = mine
    assert told == ["expired", "unknown_key", "not_allowed"]
    assert front.pulses() == before
    assert front.tell(front.envelope(challenge=bound)) == "ok", "nobody else's try used the challenge up"
    assert front.pulses() == before + 1


def test_a_signed_read_sent_as_unlock_never_opens(front: Opener) -> None:
    before = front.pulses()
    read = front.envelope(command="person.list")
    assert front.tell(read) == "wrong_command"
    assert front.tell(read, "person.list") == "ok"
    assert front.tell(read) == "wrong_command"
    assert front.tell(b'{"v":1,"transaction":"plain"}') == "not_signed"
    assert front.pulses() == before


def test_a_key_that_is_revoked_is_refused_from_then_on(front: Opener) -> None:
    before, mine = front.pulses(), front.signer
    front.signer = front.door.key("unlock", name="lost")
    assert front.tell(front.envelope()) == "ok"
    envelope = front.envelope()
    assert main(["keys", "revoke", front.signer.id, "--config", str(front.door.home / "config.yaml")]) == 0
    assert front.tell(envelope) == "revoked_key"
    front.signer = mine
    assert front.pulses() == before + 1


def test_keys_that_were_tampered_with_open_nothing(front: Opener) -> None:
    before, path = front.pulses(), front.door.settings.state / KEYS_FILE
    good, envelope = path.read_bytes(), front.envelope()
    path.write_bytes(good.replace(front.signer.id.encode(), b"0" * 16))
    assert front.tell(envelope) == "store_fault"
    path.write_bytes(good)
    assert front.pulses() == before
    assert front.tell(envelope) == "ok"


def test_an_old_command_by_its_own_clock_or_the_brokers_is_expired(front: Opener) -> None:
    before = front.pulses()
    assert front.tell(front.envelope(ts=rfc3339(CLOCK.wall() - timedelta(seconds=40)))) == "expired"
    assert front.pulses() == before


def test_what_the_door_is_too_slow_for_it_does_not_do_any_more(tmp_path: Path) -> None:
    door = DoorSettings(driver="mock", unlock_seconds=0.3)
    key = a_key(tmp_path, "unlock")[1]
    with open_small(tmp_path / "state") as store, open_strike(door, CLOCK, tmp_path) as strike:
        strike.ready()
        faces = SimpleNamespace(lockout=Lockout(3))
        rooms = SimpleNamespace(settings=Settings(door=door), clock=CLOCK, store=store, strike=strike, pipeline=faces)
        remote = Remote(cast(Rooms, rooms))
        now = CLOCK.now()
        old, fresh = (Command("unlock", "t", NoArguments(), "d", None, at, key, "c") for at in (now - 2.5, now + 1))
        with pytest.raises(MessageError) as late:
            remote.unlock(old)
        assert late.value.code == "expired"
        assert store.events(None, 10) == ()
        assert remote.unlock(fresh) == {"seconds": 0.3}
        assert [row.data["reason"] for row in store.events(None, 10)] == ["remote"]
        assert faces.lockout == Lockout(), "who may open from afar ends what was tried with faces"
        with closing(sqlite3.connect(tmp_path / "state" / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError):
                remote.unlock(fresh)
    assert Pin(tmp_path, door).story().count("unlocked") == 1


def _publish_twice_with_the_same_id(port: int, topic: str, payload: bytes) -> None:
    """As a client whose acknowledgement was lost: QoS 1, then the very same packet with the DUP flag."""
    name = topic.encode()
    body = struct.pack("!H", len(name)) + name + struct.pack("!H", 7) + payload
    size = bytes([len(body) % 128 | 0x80, len(body) // 128]) if len(body) > 127 else bytes([len(body)])
    with socket.create_connection((HOST, port), timeout=PATIENCE) as connection:
        connection.sendall(b"\x10\x13\x00\x04MQTT\x04\x02\x00\x3c\x00\x07doubler")
        assert connection.recv(4) == b"\x20\x02\x00\x00"
        for first in (b"\x32", b"\x3a"):
            connection.sendall(first + size + body)
            assert connection.recv(4) == b"\x40\x02\x00\x07"

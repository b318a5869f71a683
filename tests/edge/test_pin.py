"""The PIN of Home Assistant's lock: what it opens, what wrong ones cost, and where it never stands."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from edge.access.lockout import lockout_seconds
from edge.access.pin import digest_of, is_right, refuse_obvious
from edge.errors import MessageError
from edge.mqtt.commands import Refusal
from edge.mqtt.credentials import client_login
from edge.mqtt.keys import Signer
from edge.mqtt.lock_set import CODE_FORMAT, COMMAND_TEMPLATE, LockRequest, parse_lock_set
from edge.service.keypad import Keypad
from edge.store import schema
from tests.edge.brokers import send
from tests.edge.doors import PATIENCE, RunningDoor, film
from tests.edge.stores import HandClock, open_small
from tests.edge.test_mqtt_commands import CONTEXT, EVERYTHING, NOW, TOPICS, come
from tests.surfaces import surface

PIN = "274951"
WRONG = "999555"
DOCUMENT = Path(__file__).parents[2] / "docs" / "mqtt.md"
CONFIG = """
door: {driver: mock, unlock_seconds: 0.3}
camera: {source: "file:scene.avi?loop=1"}
mqtt: {broker: embedded, port: 0, allow: [read, people, unlock]}
"""


def home_assistant(action: str, code: str = "") -> bytes:
    """What the documented template makes of a press on the lock."""
    filled = COMMAND_TEMPLATE.replace("{{ value }}", action).replace("{{ code | default('', true) }}", code)
    assert "{{" not in filled
    return filled.encode()


class TickingClock(HandClock):
    def __init__(self) -> None:
        super().__init__()
        self.monotonic = 50.0

    def now(self) -> float:
        return self.monotonic


def entered(keypad: Keypad, code: str | None) -> str | None:
    try:
        keypad.enter(code)
    except MessageError as error:
        return "it says the code" if code and code in str(error) else error.code
    return None


def test_five_wrong_ones_lock_for_thirty_seconds_and_each_further_one_for_twice_as_long(tmp_path: Path) -> None:
    clock = TickingClock()
    with open_small(tmp_path) as store:
        keypad = Keypad(store.pin, clock)
        keypad.change(PIN)
        assert [entered(keypad, WRONG) for _ in range(5)] == ["wrong_pin"] * 5
        for seconds in (30, 60, 120, 240, 480, 900, 900):
            assert entered(keypad, PIN) == "locked_out"
            clock.monotonic += seconds - 0.1
            assert entered(keypad, PIN) == "locked_out", f"before {seconds} s are over"
            clock.monotonic += 0.1
            assert entered(keypad, WRONG) == "wrong_pin"
        clock.monotonic += 900
        assert entered(keypad, PIN) is None
        assert [entered(keypad, WRONG) for _ in range(4)] == ["wrong_pin"] * 4
        assert entered(keypad, PIN) is None, "the right one began the count anew"


def test_a_restart_makes_no_attempt_free_and_shortens_no_lock_out(tmp_path: Path) -> None:
    clock = TickingClock()
    with open_small(tmp_path) as store:
        Keypad(store.pin, clock).change(PIN)
    for _ in range(5):
        with open_small(tmp_path) as store:
            assert entered(Keypad(store.pin, clock), WRONG) == "wrong_pin"
    clock.monotonic = 0.0  # another boot
    with open_small(tmp_path) as store:
        keypad = Keypad(store.pin, clock)
        clock.monotonic = 29.9
        assert entered(keypad, PIN) == "locked_out"
        clock.monotonic = 30.0
        assert entered(keypad, PIN) is None
    with open_small(tmp_path) as store:
        store.pin.count_attempt()  # killed before the digest was looked at
        assert (kept := store.pin.kept()) is not None
        assert kept.wrong == 1


def test_a_new_pin_ends_a_lock_out_and_the_old_one_is_over(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        keypad = Keypad(store.pin, TickingClock())
        assert entered(keypad, PIN) == "no_pin"
        keypad.change(PIN)
        assert entered(keypad, None) == "pin_needed"
        for _ in range(5):
            entered(keypad, WRONG)
        keypad.change("860214")
        keypad.end_lockout()
        assert entered(keypad, PIN) == "wrong_pin"
        assert entered(keypad, "860214") is None
        keypad.change(None)
        assert entered(keypad, "860214") == "no_pin"


def test_a_store_of_before_there_were_pins_gets_a_place_for_one(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    with closing(sqlite3.connect(tmp_path / "state" / "store.db", isolation_level=None)) as old:
        old.execute("PRAGMA journal_mode = WAL")
        schema.migrate(old, 1)
    for expected in ("no_pin", None):
        with open_small(tmp_path / "state") as store:
            keypad = Keypad(store.pin, TickingClock())
            assert entered(keypad, PIN) == expected
            keypad.change(PIN)


@pytest.mark.parametrize("pin", ["111111", "123456", "654321", "012345678", "9876543210"])
def test_what_anybody_would_try_first_is_no_pin(pin: str) -> None:
    with pytest.raises(MessageError) as refused:
        refuse_obvious(pin)
    assert refused.value.code == "bad_pin"
    assert pin not in str(refused.value)


def test_a_digest_belongs_to_its_pin_and_its_salt() -> None:
    digest = digest_of(PIN, b"a" * 16)
    assert is_right(PIN, b"a" * 16, digest)
    assert not is_right(PIN, b"b" * 16, digest)
    assert not any(is_right(wrong, b"a" * 16, digest) for wrong in ("", "274950", PIN + "0", "٢٧٤٩٥١"))
    assert [lockout_seconds(wrong) for wrong in (0, 4, 5, 6, 10**9)] == [0, 0, 30, 60, 900]


def lock_set(payload: bytes, **more: Any) -> LockRequest | Refusal:
    return parse_lock_set(come(payload, topic=TOPICS.lock_set, **more), CONTEXT)


def test_home_assistants_words_are_understood() -> None:
    assert lock_set(home_assistant("UNLOCK", PIN)) == LockRequest("UNLOCK", PIN, NOW)
    assert lock_set(home_assistant("LOCK")) == lock_set(b"LOCK") == LockRequest("LOCK", None, NOW)
    assert lock_set(b'{"action":"UNLOCK","code":null}') == lock_set(b"UNLOCK") == LockRequest("UNLOCK", None, NOW)
    assert PIN not in repr(lock_set(home_assistant("UNLOCK", PIN)))
    assert all(re.match(CODE_FORMAT, code) for code in ("", PIN, "123456789012"))
    assert all(text in DOCUMENT.read_text(encoding="utf-8") for text in (CODE_FORMAT, COMMAND_TEMPLATE))
    assert not any(re.match(CODE_FORMAT, code) for code in ("1", "12345", "1234567890123", 'x","action":"UNLOCK'))


@pytest.mark.parametrize(
    ("payload", "more", "expected"),
    [
        (b"OPEN", {}, "malformed"),
        (b"", {}, "malformed"),
        (b"unlock", {}, "malformed"),
        (b'{"action":"UNLOCK","code":274951}', {}, "malformed"),
        (b'{"action":"UNLOCK","action":"LOCK"}', {}, "malformed"),
        (home_assistant("UNLOCK", "1" * 65), {}, "malformed"),
        (home_assistant("UNLOCK", "1" * 5000), {}, "too_large"),
        (home_assistant("UNLOCK", PIN), {"retain": True}, "retained"),
        (home_assistant("UNLOCK", PIN), {"at": NOW - 2.1}, "expired"),
        (home_assistant("UNLOCK", PIN), {"expiry": 0}, "expired"),
    ],
)
def test_what_is_no_wish_of_now_is_refused(payload: bytes, more: dict[str, Any], expected: str) -> None:
    parsed = lock_set(payload, **more)
    assert isinstance(parsed, Refusal)
    assert parsed.code == expected
    assert parsed.silent is (expected == "retained")


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (replace(EVERYTHING, allow=("read", "enroll", "people")), "not_allowed"),
        (replace(EVERYTHING, secure=False), "insecure_transport"),
    ],
)
def test_the_configuration_must_allow_it(standing: Any, expected: str) -> None:
    parsed = parse_lock_set(come(home_assistant("UNLOCK", PIN)), replace(CONTEXT, standing=standing))
    assert isinstance(parsed, Refusal)
    assert parsed.code == expected


@surface("MQTT commands")
@given(
    payload=some.binary(max_size=80)
    | some.text(max_size=30).map(lambda code: json.dumps({"action": "UNLOCK", "code": code}).encode())
    | some.dictionaries(
        some.sampled_from(["action", "code"]), some.text(max_size=9) | some.integers() | some.none()
    ).map(lambda document: json.dumps(document).encode())
)
def test_whatever_comes_nothing_raises_and_nothing_told_holds_the_code(payload: bytes) -> None:
    parsed = lock_set(payload)
    if isinstance(parsed, Refusal):
        assert parsed.code == "malformed"
        assert parsed.message == lock_set(b"x").message  # type: ignore[union-attr]
    else:
        assert parsed.action in {"LOCK", "UNLOCK"}


Owned = tuple[RunningDoor, Signer]


@pytest.fixture
def owned(tmp_path: Path) -> Iterator[Owned]:
    """A door with a PIN that nobody comes to, and its owner's key."""
    film(tmp_path / "scene.avi", [([], 3)])
    with RunningDoor(tmp_path, CONFIG) as door:
        signer = door.key("people")
        assert door.start().ask("pin.set", signer=signer, pin=PIN) == {"set": True}
        yield door, signer


def press(door: RunningDoor, payload: bytes) -> str:
    with door.session(door.topics.response("#")) as session:
        send(client_login(door.settings), door.topics.lock_set, payload)
        answer = json.loads(next(session.follow(silence=PATIENCE)).payload)
    assert answer["transaction"] is None
    return str(answer["status"] if answer["error"] is None else answer["error"]["code"])


def pulses(door: RunningDoor) -> int:
    door.until(lambda: door.pin.now() == "locked")
    return door.pin.story().count("unlocked")


def test_the_pin_opens_once_and_stands_nowhere(owned: Owned) -> None:
    door, _ = owned
    with door.session(f"{door.topics.root}/#") as everything:
        assert press(door, home_assistant("UNLOCK", PIN)) == "ok"
        assert press(door, home_assistant("UNLOCK", WRONG)) == "wrong_pin"
        assert press(door, b"UNLOCK") == "pin_needed"
        assert press(door, b"LOCK") == "ok"
        granted = door.event(everything, reason="pin")
        refused = door.event(everything, reason="wrong_pin")
        assert (granted["verdict"], refused["verdict"]) == ("granted", "refused")
        said = [one for one in everything.follow(silence=1.0) if one.topic != door.topics.lock_set]
    assert pulses(door) == 1
    assert door.stop() == 0
    door.pin.assert_never_open_too_long()
    written = [path for path in door.home.rglob("*") if path.is_file() and path.suffix not in {".avi", ".ballast"}]
    assert {path.name for path in written} >= {"store.db", "door.log", "mosquitto.log"}
    for code in (PIN, WRONG):
        assert [path.name for path in written if code.encode() in path.read_bytes()] == []
        assert [one.topic for one in said if code.encode() in one.payload] == []


def test_guessing_locks_the_keypad_also_across_a_restart_and_a_signature_opens_it_again(owned: Owned) -> None:
    door, signer = owned
    with door.session() as session:
        told = [press(door, home_assistant("UNLOCK", WRONG)) for _ in range(5)]
        assert door.event(session, event="pin_locked_out")["detail"].endswith("for the next 30 s")
    assert told == ["wrong_pin"] * 5
    assert press(door, home_assistant("UNLOCK", PIN)) == "locked_out"
    door.kill()
    door.start().ask("selftest")
    assert press(door, home_assistant("UNLOCK", PIN)) == "locked_out"
    assert pulses(door) == 0
    door.ask("pin.set", signer=signer, pin="860214")
    assert press(door, home_assistant("UNLOCK", PIN)) == "wrong_pin"
    assert press(door, home_assistant("UNLOCK", "860214")) == "ok"
    assert pulses(door) == 1


def test_a_retained_wish_never_opens(owned: Owned) -> None:
    door, _ = owned
    send(client_login(door.settings), door.topics.lock_set, home_assistant("UNLOCK", PIN), retain=True)
    door.ask("selftest")
    assert pulses(door) == 0


def test_a_pin_that_is_none_is_not_set(owned: Owned) -> None:
    door, signer = owned
    for pin in ("12345", "1234567890123", "27495a", "123456", "", 274951):
        with pytest.raises(MessageError) as refused:
            door.ask("pin.set", signer=signer, pin=pin)
        assert refused.value.code in {"malformed", "bad_pin"}
    assert press(door, home_assistant("UNLOCK", PIN)) == "ok"

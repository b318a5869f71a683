"""PINs of people: they open nothing alone, say whose they are, and nobody's makes guessing anybody else's cheaper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.access.lockout import Lockout
from edge.access.second_factor import NOTHING
from edge.clock import SystemClock
from edge.door.strike import open_strike
from edge.errors import MessageError
from edge.mqtt.arguments import PersonArguments, PinArguments
from edge.mqtt.commands import Command
from edge.mqtt.lock_set import LockRequest
from edge.service.person_pins import PersonPins
from edge.service.remote import Remote
from edge.service.roll import Roll
from edge.service.rooms import Rooms
from edge.settings import DoorSettings, Settings
from edge.store.store import Store
from edge.values import Decision
from tests.edge.doors import CLOCK
from tests.edge.pins import Pin
from tests.edge.stores import open_small, person

DOOR, ANAS, BENS, WRONG = "274951", "860214", "731955", "999555"
SETTINGS = Settings(door=DoorSettings(driver="mock", unlock_seconds=0.3))


class SkippingClock(SystemClock):
    """The real one, for the strike's sake, that a test may put forward."""

    skipped = 0.0

    def now(self) -> float:
        return super().now() + self.skipped


class Keys:
    """A door's keypad, ana and ben."""

    def __init__(self, store: Store, strike: Any) -> None:
        self.store = store
        self.clock = SkippingClock()
        for name in ("ana", "ben"):
            if name not in store.person_ids():
                store.add_person(person(name, name.title()))
        self.pipeline = SimpleNamespace(given=NOTHING, lockout=Lockout(3), admit=lambda _: None)
        self.rooms = SimpleNamespace(
            settings=SETTINGS, clock=self.clock, store=store, strike=strike, pipeline=self.pipeline
        )
        self.remote = Remote(cast(Rooms, self.rooms))

    def set(self, pin: str | None, person_id: str | None = None) -> str:
        return self._told(lambda: self.remote.set_pin(self._command(PinArguments(pin=pin, person_id=person_id))))

    def enter(self, code: str | None) -> str:
        """`open`, whose PIN it was, or the code of the refusal."""
        before = self.pipeline.given.pins
        told = self._told(lambda: self.remote.lock_set(LockRequest("UNLOCK", code, self.clock.now())))
        new = set(self.pipeline.given.pins.items()) - set(before.items())
        return told if told != "ok" else next((who for who, _ in new), "open")

    def delete(self, person_id: str) -> str:
        roll = Roll(cast(Rooms, self.rooms))
        return self._told(lambda: roll.actions["person.delete"](self._command(PersonArguments(person_id=person_id))))

    def words(self) -> list[str]:
        return [row.data.get("event") or row.data["reason"] for row in self.store.events(None, 1000)]

    def _command(self, arguments: Any) -> Command:
        return Command("any", "t", arguments, "d", None, self.clock.now(), None, None)

    def _told(self, act: Any) -> str:
        try:
            act()
        except MessageError as error:
            return "it says the PIN" if any(pin in str(error) for pin in (DOOR, ANAS, BENS, WRONG)) else error.code
        return "ok"


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    with open_small(tmp_path / "state") as store, open_strike(SETTINGS.door, CLOCK, tmp_path) as strike:
        strike.ready()
        yield Keys(store, strike)


def test_a_persons_pin_is_noted_for_their_face_and_opens_nothing(keys: Keys, tmp_path: Path) -> None:
    assert keys.set(ANAS, "ana") == keys.set(BENS, "ben") == "ok"
    assert keys.enter(ANAS) == "ana"
    assert keys.pipeline.given.second_factor("ana", keys.clock.now()) == "pin"
    assert keys.pipeline.given.second_factor("ben", keys.clock.now()) is None
    assert keys.words() == ["pin_set", "pin_set", "second_factor_given"]
    assert keys.pipeline.lockout == Lockout(3), "half of a proof ends no lock-out"
    assert Pin(tmp_path, SETTINGS.door).story().count("unlocked") == 0


def test_the_doors_own_pin_still_opens_and_ends_a_lock_out(keys: Keys) -> None:
    keys.set(ANAS, "ana")
    keys.set(DOOR)
    assert keys.enter(DOOR) == "open"
    assert keys.pipeline.lockout == Lockout()
    assert keys.words()[-1] == "pin"


def test_no_two_pins_of_a_door_are_alike(keys: Keys) -> None:
    assert keys.set(DOOR) == keys.set(ANAS, "ana") == "ok"
    assert keys.set(DOOR, "ben") == keys.set(ANAS, "ben") == keys.set(ANAS) == "bad_pin"
    assert keys.set(ANAS, "ana") == "ok", "her own, again"
    assert keys.set("123456", "ben") == "bad_pin"
    assert keys.set(BENS, "nobody") == "no_such_person"
    assert (keys.enter(ANAS), keys.enter(DOOR)) == ("ana", "open")


def test_a_pin_that_was_taken_away_or_whose_person_was_forgotten_is_none(keys: Keys) -> None:
    keys.set(ANAS, "ana")
    keys.set(BENS, "ben")
    assert keys.set(None, "ana") == "ok"
    assert keys.enter(ANAS) == "wrong_pin"
    assert keys.delete("ben") == "ok"
    assert keys.enter(BENS) == "no_pin", "nobody has one any more"
    keys.store.add_person(person("ben", "Another Ben"))
    keys.set(ANAS, "ana")
    assert keys.enter(BENS) == "wrong_pin", "an id that is given again does not bring the PIN back"


def test_wrong_codes_count_against_everybody_and_nobody_elses_right_one_makes_them_cheaper(keys: Keys) -> None:
    """Ben has a PIN of his own, and guesses at ana's."""
    keys.set(ANAS, "ana")
    keys.set(BENS, "ben")
    for _ in range(4):
        assert keys.enter(WRONG) == "wrong_pin"
        assert keys.enter(BENS) == "ben"
    assert keys.enter(WRONG) == "wrong_pin"
    assert keys.enter(ANAS) == keys.enter(BENS) == "locked_out"
    keys.clock.skipped += 30
    assert keys.enter(ANAS) == "ana"
    assert keys.enter(WRONG) == "wrong_pin"
    keys.clock.skipped += 50
    assert keys.enter(ANAS) == "locked_out", "the count went on"
    assert keys.words().count("pin_locked_out") == 2


def test_being_let_in_with_a_pin_and_the_doors_own_begin_the_count_anew(keys: Keys) -> None:
    keys.set(ANAS, "ana")
    granted = Decision("v", "granted", "verified", 0, 0, 0, second_factor="pin")
    for forgive in (lambda: keys.remote.let_in(granted), lambda: keys.enter(DOOR)):
        for _ in range(4):
            assert keys.enter(WRONG) == "wrong_pin"
        forgive()
        keys.set(DOOR)
    assert [keys.enter(WRONG) for _ in range(4)] == ["wrong_pin"] * 4
    assert keys.enter(ANAS) == "ana"


def test_a_door_without_a_pin_of_its_own_locks_its_keypad_too(keys: Keys) -> None:
    assert keys.enter(WRONG) == "no_pin"
    keys.set(ANAS, "ana")
    assert keys.enter(None) == "pin_needed"
    assert [keys.enter(WRONG) for _ in range(6)] == ["wrong_pin"] * 5 + ["locked_out"]


def test_a_restart_makes_no_guess_free_and_shortens_no_lock_out(tmp_path: Path) -> None:
    with open_strike(SETTINGS.door, CLOCK, tmp_path) as strike:
        for number in range(6):
            with open_small(tmp_path / "state") as store:
                keys = Keys(store, strike)
                if number == 0:
                    keys.set(ANAS, "ana")
                if number < 5:
                    assert keys.enter(WRONG) == "wrong_pin"
                else:
                    assert keys.enter(ANAS) == "locked_out"


def test_pins_that_were_altered_count_for_nothing_and_can_be_set_anew(keys: Keys) -> None:
    keys.set(ANAS, "ana")
    keys.store.keep("person_pins", b"not what was kept")
    pins = PersonPins(keys.store, keys.clock)
    assert pins.locked_seconds() > 800
    with pytest.raises(Exception, match="PINs of people cannot be read"):
        keys.enter(ANAS)
    assert keys.set(BENS, "ben") == "ok"
    assert keys.enter(BENS) == "ben"


def test_no_pin_stands_in_what_is_kept(keys: Keys, tmp_path: Path) -> None:
    keys.set(ANAS, "ana")
    keys.enter(ANAS)
    kept = keys.store.kept("person_pins") or b""
    written = [path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert not any(ANAS.encode() in text for text in (kept, *written))

"""A store that fails while a command is obeyed: done is answered `ok`, and what is answered `store_fault` was not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.access.enrolment import Outcome
from edge.access.gallery import Gallery
from edge.errors import MessageError, StoreError
from edge.mqtt.arguments import Arguments, EnrollArguments, PersonArguments, PersonSetArguments, PinArguments
from edge.mqtt.commands import Command
from edge.service.enrolling import Enrolling
from edge.service.keypad import Keypad
from edge.service.person_pins import PersonPins
from edge.service.remote import Remote
from edge.service.roll import Roll
from edge.service.rooms import Rooms
from edge.settings import Settings, StoreSettings
from edge.store.store import Store
from edge.values import Person, Separation
from tests.edge.access_scene import RULE, SPACE, gallery, like, person
from tests.edge.stores import NOON, SMALL, HandClock, wait_for_a_date

ANA, BEN = person("ana"), person("ben")
PIN, OTHER = "274951", "860214"


class FailingStore(Store):
    """`unreadable` from the next change of a person on, when that is `due`."""

    due = unreadable = False

    def people(self) -> tuple[Person, ...]:
        if self.unreadable:
            raise StoreError("the disk gave an error")
        return super().people()

    def _change(self, *what: Any) -> None:
        super()._change(*what)
        self.unreadable = self.due

    def delete_person(self, *what: Any) -> bool:
        found = super().delete_person(*what)
        self.unreadable = self.due
        return found

    @contextmanager
    def without_room_for_events(self) -> Iterator[None]:
        self._database.read("CREATE TEMP TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END")
        yield
        self._database.read("DROP TRIGGER full")


class House:
    """A store with ana and ben in it, and the commands about them."""

    def __init__(self, store: FailingStore, clock: HandClock) -> None:
        self.store, self.clock = store, clock
        store.add_person(ANA)
        store.add_person(BEN)
        self.pipeline = SimpleNamespace(gallery=gallery(ANA, BEN), rule=RULE, admit=self._admit, window=None)
        rooms: Any = SimpleNamespace(
            settings=Settings(), clock=self.clock, store=store, pipeline=self.pipeline, strike=None
        )
        self.rooms = cast(Rooms, rooms)
        self.roll, self.remote = Roll(self.rooms), Remote(self.rooms)

    def _admit(self, people: Any) -> None:
        self.pipeline.gallery = Gallery.of(people, SPACE, RULE)

    def inside(self) -> dict[str, str]:
        """Whom the door lets in, and their names."""
        return {one.id: one.name for one in self.pipeline.gallery.people}

    def obey(self, command: str, arguments: Arguments) -> Any:
        actions = {**self.roll.actions, "pin.set": self.remote.set_pin}
        return actions[command](Command(command, "t", arguments, "digest", None, self.clock.now()))

    def pin_of(self, person_id: str | None) -> str | None:
        """Which of the two PINs belongs to this person, or with None to the door."""
        keypad, pins = Keypad(self.store.pin, self.clock), PersonPins(self.store, self.clock)
        owns = keypad.knows if person_id is None else lambda pin: pins.owner(pin) == person_id
        return next((pin for pin in (PIN, OTHER) if owns(pin)), None)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    clock = HandClock()
    with FailingStore(StoreSettings(), tmp_path, clock, SMALL) as store:
        yield House(store, clock)


@pytest.mark.parametrize("who", [None, "ana"])
def test_a_pin_that_cannot_be_journalled_is_not_set(house: House, who: str | None) -> None:
    house.obey("pin.set", PinArguments(pin=PIN, person_id=who))
    for new in (OTHER, None):
        with house.store.without_room_for_events(), pytest.raises(StoreError):
            house.obey("pin.set", PinArguments(pin=new, person_id=who))
        assert house.pin_of(who) == PIN
    assert house.obey("pin.set", PinArguments(pin=OTHER, person_id=who)) == {"set": True}
    assert house.pin_of(who) == OTHER


def test_a_pin_that_was_not_set_ends_no_lock_out(house: House) -> None:
    house.obey("pin.set", PinArguments(pin=PIN))
    for _ in range(5):
        with pytest.raises(MessageError, match="wrong PIN"):
            house.remote._enter("999111")
    with house.store.without_room_for_events(), pytest.raises(StoreError):
        house.obey("pin.set", PinArguments(pin=OTHER))
    with pytest.raises(MessageError, match="too many wrong PINs"):
        house.remote._enter(PIN)
    house.obey("pin.set", PinArguments(pin=OTHER))
    house.remote._enter(OTHER)


def test_who_cannot_be_deleted_keeps_their_pin_and_stays_the_nearest_of_others(house: House) -> None:
    house.obey("pin.set", PinArguments(pin=PIN, person_id="ana"))
    house.store.change_person(replace(BEN, separation=Separation(0.9, "ana", 0.4)))
    with house.store.without_room_for_events(), pytest.raises(StoreError):
        house.obey("person.delete", PersonArguments(person_id="ana"))
    assert house.pin_of("ana") == PIN
    nearest = {one.id: one.separation.nearest_id for one in house.store.people() if one.separation}
    assert nearest == {"ben": "ana"}
    assert house.inside() == {"ana": "Ana", "ben": "Ben"}
    house.obey("person.delete", PersonArguments(person_id="ana"))
    assert house.store.person_ids() == {"ben"}


def test_who_was_changed_comes_in_as_they_are_now_though_nobody_can_be_read_back(house: House) -> None:
    house.store.due = True
    told = house.obey("person.set", PersonSetArguments(person_id="ana", name="Anna", second_factor="always"))
    assert (told["name"], told["second_factor"]) == ("Anna", "needed")
    assert house.inside() == {"ana": "Anna", "ben": "Ben"}
    assert house.pipeline.gallery.person("ana").terms.second_factor == "always"


def test_who_was_deleted_stays_out_though_nobody_can_be_read_back(house: House) -> None:
    house.store.due = True
    assert house.obey("person.delete", PersonArguments(person_id="ana")) == {"person_id": "ana"}
    assert house.inside() == {"ben": "Ben"}


def test_who_was_enrolled_comes_in_though_nobody_can_be_read_back(house: House) -> None:
    answers: list[Any] = []
    enrolling = Enrolling(
        house.rooms, cast(Any, None), lambda command, action: answers.append(action(command)), house.roll.know
    )
    windows: list[Any] = []
    house.pipeline.open_window = windows.append
    enrolling.actions["enroll"](Command("enroll", "t", EnrollArguments(name="Cem"), "digest", None, 0.0))
    house.store.due = True
    cem = replace(person("cem"), separation=Separation(0.9))
    enrolling.news(Outcome(windows[0].request, cem))
    assert [answer["person_id"] for answer in answers] == ["cem"]
    assert house.inside() == {"ana": "Ana", "ben": "Ben", "cem": "Cem"}


def test_what_was_not_read_back_is_read_as_soon_as_it_can_be(house: House) -> None:
    """Until then nobody can say who is of another model: they are not among those who can be compared."""
    elsewhere = person("cem")
    house.store.add_person(replace(elsewhere, references=(replace(like(cem=1.0), space="another"),) * 5))
    house.roll.know()
    assert house.pipeline.gallery.unusable == ("cem",)
    house.store.due = True
    house.obey("person.set", PersonSetArguments(person_id="ana", name="Anna"))
    assert house.pipeline.gallery.unusable == ()
    with pytest.raises(StoreError):
        house.obey("person.list", PersonArguments(person_id="ana"))
    house.store.unreadable = house.store.due = False
    states = {
        one["person_id"]: one["state"] for one in house.obey("person.list", PersonArguments(person_id="ana"))["people"]
    }
    assert states == {"ana": "ready", "ben": "ready", "cem": "re_enrol"}


def test_of_several_whose_time_is_over_those_who_were_forgotten_are_not_let_in(house: House) -> None:
    for one in (ANA, BEN):
        house.obey("person.set", PersonSetArguments(person_id=one.id, valid_until=NOON))
    house.clock.moment = NOON + timedelta(days=31)
    wait_for_a_date(house.store, house.clock)
    house.store.due = True
    with pytest.raises(StoreError):
        house.roll.forget_expired()
    assert house.inside() == {"ben": "Ben"}
    house.store.unreadable = house.store.due = False
    assert house.roll.forget_expired()
    assert house.inside() == {}

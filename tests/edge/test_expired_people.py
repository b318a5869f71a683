"""Personal data does not outlive what it was for: whose access ended long ago is forgotten by the door itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.clock import SystemClock
from edge.service.person_pins import PersonPins
from edge.service.roll import Roll, expired
from edge.service.rooms import Rooms
from edge.settings import Settings, StoreSettings
from edge.store.store import Store, open_store
from edge.values import Terms
from tests.edge.doors import RunningDoor, film
from tests.edge.stores import NOON, HandClock, found, open_small, person, pieces, wait_for_a_date

ENDED = Terms(valid_until=NOON)


class House:
    """A store with ana, whose access ends at noon, and ben, whose does not; the door's roll, and whom it lets in."""

    def __init__(self, store: Store, clock: HandClock, days: int = 30) -> None:
        self.store, self.clock = store, clock
        store.add_person(replace(person("ana", "Unforgettable Ana"), terms=ENDED))
        store.add_person(person("ben", seed=1))
        self.admitted: list[list[str]] = []
        pipeline = SimpleNamespace(admit=lambda people: self.admitted.append([one.id for one in people]))
        settings = Settings(store=StoreSettings(forget_expired_days=days))
        rooms: Any = SimpleNamespace(settings=settings, clock=clock, store=store, pipeline=pipeline)
        self.roll = Roll(cast(Rooms, rooms))

    def after(self, **time: float) -> list[str]:
        """Who is there when so much time has passed since noon, with a look each day."""
        self.clock.moment = NOON + timedelta(**time)
        if self.clock.believed:
            wait_for_a_date(self.store, self.clock)
        self.roll.forget_expired()
        return sorted(self.store.person_ids())


@pytest.fixture
def house(tmp_path: Path) -> Any:
    clock = HandClock()
    with open_small(tmp_path, clock) as store:
        yield House(store, clock)


def test_a_guest_is_forgotten_thirty_days_after_their_last(house: House, tmp_path: Path) -> None:
    PersonPins(house.store, house.clock).change("ana", "860214")
    secrets = pieces(tmp_path, "ana")
    assert house.after(days=-1) == house.after(days=29.9) == ["ana", "ben"]
    assert house.admitted == []
    assert house.after(days=30) == ["ben"]
    assert house.admitted == [["ben"]], "the door lets in whom it knows now"
    assert not PersonPins(house.store, house.clock)
    (told,) = (row.data for row in house.store.events(0, 9) if row.data["event"] == "person_deleted")
    assert told["detail"] == "30 days after the end of their access"
    assert told["person_id"].startswith("erased-")
    assert found(tmp_path, [*secrets, b"Unforgettable Ana"]) == 0
    assert house.after(days=31) == ["ben"]
    assert len(house.admitted) == 1, "and not every day anew"


def test_a_clock_nobody_believes_makes_nobody_forgotten(house: House) -> None:
    house.clock.believed = False
    assert house.after(days=9000) == ["ana", "ben"]
    house.clock.believed = True
    assert house.after(days=9000) == ["ben"]


def test_with_no_days_everybody_stays(tmp_path: Path) -> None:
    clock = HandClock()
    with open_small(tmp_path, clock) as store:
        assert House(store, clock, days=0).after(days=9000) == ["ana", "ben"]


def test_no_date_is_too_far_away_to_be_counted() -> None:
    last, first = (datetime(year, 6, 1, tzinfo=UTC) for year in (9999, 1))
    people = [replace(person("late"), terms=Terms(valid_until=last)), replace(person("old"), terms=Terms(None, first))]
    assert expired(people, NOON, 3650) == expired(people, NOON, 1) == ["old"]


def test_a_door_that_starts_forgets_them_and_says_so(tmp_path: Path) -> None:
    film(tmp_path / "scene.avi", [([], 2)])
    door, clock = RunningDoor(tmp_path), SystemClock()
    with open_store(door.settings.store, door.settings.state, clock) as store:
        store.add_person(replace(person("ana"), terms=Terms(valid_until=clock.wall() - timedelta(days=31))))
        store.add_person(replace(person("eve"), terms=Terms(valid_until=clock.wall() - timedelta(days=29))))
    yesterday = HandClock(clock.wall() - timedelta(days=1))
    with open_store(door.settings.store, door.settings.state, yesterday) as store:
        assert store.today() is None
    with door.start(), door.session() as session:
        told = door.event(session, event="person_deleted")
        assert told["person"] is None
        assert [one["person_id"] for one in door.ask("person.list")["people"]] == ["eve"]
        assert door.stop() == 0

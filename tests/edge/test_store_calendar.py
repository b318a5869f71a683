"""A clock that is trusted and wrong: what is deleted for its age is gone, so no single jump of the clock deletes it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from edge.store.store import Store
from tests.edge.stores import NOON, HandClock, open_small, visit

DAY = timedelta(days=1)
YEARS = timedelta(days=3650)


class Kept:
    """A store with one event of noon, which is kept for 90 days, and a clock that has been right for a day."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.clock = directory, HandClock()
        with self.opened() as store:
            store.journal(visit("granted", n=1))
            store.remember("t1", "digest", "{}")
        assert self.look() is None, "the first date ever has to stand, too"
        assert self.look(DAY)

    def opened(self) -> Store:
        return open_small(self.directory, self.clock)

    def look(self, later: timedelta = timedelta()) -> bool | None:
        """So much later the door, which was started again meanwhile, deletes what is old: whether noon's event is left.

        None: it had no date to go by.
        """
        self.clock.moment += later
        with self.opened() as store:
            store.prune()
            today = store.today()
            assert today in {None, self.clock.moment}
            return None if today is None else any(row.data.get("n") == 1 for row in store.events(0, 99))

    def told(self) -> list[str]:
        with self.opened() as store:
            return [row.data["detail"] for row in store.events(0, 99) if row.data.get("event") == "deletion_waits"]


@pytest.fixture
def door(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_a_jump_of_years_deletes_nothing_and_is_told_once(door: Kept) -> None:
    for later in (YEARS, timedelta(minutes=1), timedelta(hours=19)):
        assert door.look(later) is None
    assert door.told() == ["the clock says 2036-11-29 12:00 UTC, 3650 days after it was believed last"]
    door.clock.moment = NOON + 2 * DAY
    assert door.look()
    with door.opened() as store:
        assert store.answer("t1") is None, "of an answer that is a day old"


def test_what_the_clock_has_said_for_a_day_counts(door: Kept) -> None:
    assert door.look(YEARS) is None
    assert door.look(DAY) is False


def test_a_clock_that_keeps_jumping_is_not_believed(door: Kept) -> None:
    assert [door.look(jump) for jump in (YEARS, 3 * DAY, -DAY, YEARS, 100 * DAY)] == [None] * 5


def test_a_door_that_looks_each_day_deletes_in_time_and_one_that_was_off_a_day_later(door: Kept) -> None:
    assert [door.look(DAY) for _ in range(90)] == [True] * 89 + [False]
    assert [door.look(later) for later in (60 * DAY, DAY)] == [None, False]


def test_a_clock_that_is_put_back_is_believed_and_then_not_ahead_again(door: Kept) -> None:
    assert door.look(-YEARS)
    assert door.look(YEARS + YEARS) is None


def test_a_date_that_somebody_altered_is_no_date(door: Kept) -> None:
    with door.opened() as store:
        store._database.write(lambda db: db.execute("UPDATE memory SET value = x'00' WHERE name = 'calendar'"))
    assert door.look(YEARS) is None
    assert door.look(DAY) is False


def test_nobody_looks_at_a_clock_that_is_not_set(door: Kept) -> None:
    door.clock.believed = False
    assert [door.look(DAY) for _ in range(100)] == [None] * 100
    door.clock.believed = True
    assert door.look() is None

"""When somebody may come in: dates, hours of the week, the nights in which clocks change, a clock nobody set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.access.schedule import is_open, limit, words
from edge.clock import zone
from edge.values import Hours, Schedule, Terms
from tests.edge.access_scene import WHEN, Door, person, sight

BERLIN = "Europe/Berlin"
WORKDAYS = (0, 1, 2, 3, 4)
MORNINGS = Schedule((Hours(WORKDAYS, 8 * 60, 12 * 60),), BERLIN)
NIGHTS = Schedule((Hours((4,), 22 * 60, 6 * 60),), BERLIN)  # Friday 22:00 to Saturday 06:00
ALL_WEEK = tuple(range(7))


def berlin(text: str) -> datetime:
    """`2026-11-23 08:00` on a wall in Berlin, as the world's time. November 23rd of 2026 is a Monday."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)


@pytest.mark.parametrize(
    ("schedule", "moment", "expected"),
    [
        (MORNINGS, "2026-11-23 08:00", True),
        (MORNINGS, "2026-11-23 07:59:59", False),
        (MORNINGS, "2026-11-23 11:59:59", True),
        (MORNINGS, "2026-11-23 12:00", False),
        (MORNINGS, "2026-11-28 09:00", False),  # a Saturday
        (NIGHTS, "2026-11-27 21:59", False),
        (NIGHTS, "2026-11-27 22:00", True),
        (NIGHTS, "2026-11-28 05:59", True),
        (NIGHTS, "2026-11-28 06:00", False),
        (NIGHTS, "2026-11-28 22:00", False),
        (NIGHTS, "2026-11-27 05:00", False),  # the morning of the Friday itself
    ],
)
def test_hours_begin_with_their_first_minute_and_end_before_their_last(
    schedule: Schedule,
    moment: str,
    expected: bool,  # noqa: FBT001
) -> None:
    assert is_open(schedule, berlin(moment)) is expected


def test_a_night_that_begins_on_sunday_ends_on_monday() -> None:
    sunday = Schedule((Hours((6,), 23 * 60, 60),), BERLIN)
    assert is_open(sunday, berlin("2026-11-30 00:59"))
    assert not is_open(sunday, berlin("2026-11-30 01:00"))


def test_hours_that_end_where_they_begin_are_a_whole_day() -> None:
    day = Schedule((Hours((0,), 8 * 60, 8 * 60),), BERLIN)
    assert [is_open(day, berlin(f"2026-11-{text}")) for text in ("23 07:59", "23 08:00", "24 07:59", "24 08:00")] == [
        False,
        True,
        True,
        False,
    ]
    assert is_open(Schedule((Hours((0,), 0, 1440),), BERLIN), berlin("2026-11-23 23:59"))


def test_a_schedule_without_hours_is_never() -> None:
    assert not is_open(Schedule((), BERLIN), WHEN)


def test_hours_go_with_the_clocks_of_the_place_through_summer_and_winter() -> None:
    """Eight in Berlin is six o'clock UTC in summer, seven in winter."""
    every = Schedule((Hours(ALL_WEEK, 8 * 60, 9 * 60),), BERLIN)
    summer, winter = datetime(2026, 7, 1, 6, 30, tzinfo=UTC), datetime(2026, 12, 1, 6, 30, tzinfo=UTC)
    assert (is_open(every, summer), is_open(every, winter)) == (True, False)
    assert is_open(every, winter + timedelta(hours=1))


def test_the_hour_that_is_left_out_in_spring_lets_nobody_in_and_the_next_is_whole() -> None:
    """In the night of 29 March 2026 the clocks of Berlin go from 02:00 to 03:00, at 01:00 UTC."""
    gap, after = Schedule((Hours((6,), 120, 180),), BERLIN), Schedule((Hours((6,), 180, 240),), BERLIN)
    night = [datetime(2026, 3, 29, 0, 0, tzinfo=UTC) + timedelta(minutes=minute) for minute in range(180)]
    assert sum(is_open(gap, moment) for moment in night) == 0
    assert sum(is_open(after, moment) for moment in night) == 60


def test_the_hour_that_comes_twice_in_autumn_lets_in_twice() -> None:
    """In the night of 25 October 2026 the clocks of Berlin go from 03:00 back to 02:00, at 01:00 UTC."""
    twice = Schedule((Hours((6,), 120, 180),), BERLIN)
    night = [datetime(2026, 10, 25, 0, 0, tzinfo=UTC) + timedelta(minutes=minute) for minute in range(180)]
    assert sum(is_open(twice, moment) for moment in night) == 120


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "Europe", "../../etc/passwd", "/etc/localtime", "Europe/\0"])
def test_a_time_zone_that_is_none_keeps_out(name: str) -> None:
    assert zone(name) is None
    always = Schedule((Hours(ALL_WEEK, 0, 1440),), name)
    assert limit(Terms(schedule=always), WHEN, believed=True) == "schedule"
    assert "not known here" in words(Terms(schedule=always), WHEN)


def test_from_counts_and_until_does_not_any_more() -> None:
    second = timedelta(seconds=1)
    since, until = Terms(valid_from=WHEN), Terms(valid_until=WHEN)
    assert [limit(since, WHEN + step, believed=True) for step in (-second, 0 * second)] == ["not_yet_valid", None]
    assert [limit(until, WHEN + step, believed=True) for step in (-second, 0 * second)] == [None, "expired"]


def test_the_same_moment_in_another_zone_is_the_same_moment() -> None:
    east = timezone(timedelta(hours=9))
    assert limit(Terms(valid_from=WHEN.astimezone(east)), WHEN, believed=True) is None


def test_a_date_without_a_zone_keeps_out() -> None:
    bare = WHEN.replace(tzinfo=None)
    assert limit(Terms(valid_from=bare), WHEN + timedelta(days=9), believed=True) == "not_yet_valid"
    assert limit(Terms(valid_until=bare), WHEN - timedelta(days=9), believed=True) == "expired"
    assert "without a time zone" in words(Terms(valid_from=bare), WHEN)


def test_a_clock_nobody_set_keeps_out_who_has_dates_or_hours_and_nobody_else() -> None:
    for terms in (Terms(valid_from=WHEN), Terms(valid_until=WHEN), Terms(schedule=MORNINGS)):
        assert limit(terms, WHEN - timedelta(days=900), believed=False) == "clock_untrusted"
    assert limit(Terms(minor=True, second_factor="always"), WHEN, believed=False) is None


@settings(max_examples=200, deadline=None)
@given(
    st.datetimes(timezones=st.just(UTC)) | st.none(),
    st.datetimes(timezones=st.just(UTC)) | st.none(),
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(["Pacific/Kiritimati", "America/Anchorage", BERLIN, "Nowhere/At_All"]),
)
def test_whatever_dates_somebody_has_they_can_be_told(
    since: datetime | None, until: datetime | None, wall: datetime, place: str
) -> None:
    terms = Terms(valid_from=since, valid_until=until, schedule=Schedule((Hours((0,), 60, 120),), place))
    limit(terms, wall, believed=True)
    assert "it was" in words(terms, wall)


def test_somebody_who_may_come_until_the_last_day_there_is_does_not_stop_the_door() -> None:
    """`9999-12-31` is how people write "for ever"; in Berlin that evening is in the year 10000."""
    terms = Terms(valid_until=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), schedule=NIGHTS)
    assert words(terms, berlin("2026-11-23 08:00")).startswith("until 9999-12-31 23:59 UTC; Fri 22:00-06:00")


@settings(max_examples=200, deadline=None)
@given(
    st.sets(st.integers(0, 6)),
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from([BERLIN, "America/New_York", "Asia/Kolkata", "Pacific/Apia", "UTC"]),
)
def test_hours_and_the_rest_of_the_day_never_overlap_and_leave_nothing_out(
    days: set[int], start: int, end: int, moment: datetime, place: str
) -> None:
    """Whoever may come from eight to twelve and whoever may come from twelve to eight share the day between them."""
    if start == end or not days:
        return
    some = Schedule((Hours(tuple(days), start, end % 1440),), place)
    local = moment.astimezone(ZoneInfo(place))
    minute = 60 * local.hour + local.minute
    inside = any(
        start <= minute + 1440 * later < (end if end > start else end + 1440)
        for later in (0, 1)
        if (local.weekday() - later) % 7 in days
    )
    assert is_open(some, moment) is inside


def test_the_terms_are_told_in_words() -> None:
    terms = Terms(WHEN, WHEN + timedelta(days=30), Schedule((Hours((0, 1, 2, 5), 480, 720),), BERLIN))
    assert words(terms, WHEN) == (
        "from 2026-11-22 09:00 CET; until 2026-12-22 09:00 CET; Mon-Wed Sat 08:00-12:00 Europe/Berlin;"
        " it was Sun 2026-11-22 09:00 CET"
    )


# --- at the door: Sunday, 22 November 2026, nine o'clock in Berlin -------------------------------------------------

SUNDAYS = Schedule((Hours((6,), 8 * 60, 10 * 60),), BERLIN)


def test_the_cleaner_comes_on_another_day_and_the_event_says_when_it_would_have_been() -> None:
    door = Door(person("ana", schedule=MORNINGS), person("ben"))
    (decision,) = door.watch(sight("ana"), 4)
    assert (decision.verdict, decision.reason) == ("refused", "schedule")
    assert decision.match is not None
    assert decision.match.person_id == "ana"
    assert (decision.frames, decision.frames_seen) == (5, 5), "recognised all the same"
    assert decision.limits.startswith("Mon-Fri 08:00-12:00 Europe/Berlin; it was Sun ")
    door.watch(sight("ben"), 2)
    assert door.told[-1] == ("granted", "ben"), "nobody else is concerned"
    assert door.decisions[-1].limits == ""


def test_on_her_own_day_she_comes_in() -> None:
    door = Door(person("ana", schedule=SUNDAYS))
    door.watch(sight("ana"), 2)
    assert door.told == [("granted", "ana")]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"valid_from": WHEN + timedelta(hours=1)}, "not_yet_valid"),
        ({"valid_until": WHEN}, "expired"),
        ({"valid_until": WHEN, "schedule": SUNDAYS}, "expired"),
    ],
)
def test_a_guest_is_known_before_and_after_the_stay_and_let_in_neither(terms: dict[str, object], reason: str) -> None:
    door = Door(person("ana", **terms))
    (decision,) = door.watch(sight("ana"), 4)
    assert decision.reason == reason
    assert decision.limits


def test_with_a_clock_nobody_set_the_family_comes_in_and_the_cleaner_does_not() -> None:
    door = Door(person("ana", schedule=SUNDAYS), person("ben"))
    door.besides = type(door.besides)(WHEN, clock_trusted=False)
    door.watch(sight("ana"), 4)
    door.watch(sight("ben"), 2)
    assert door.told == [("refused", "clock_untrusted"), ("granted", "ben")]


def test_a_door_may_be_told_to_believe_its_clock_all_the_same() -> None:
    door = Door(person("ana", schedule=SUNDAYS), person("ben", schedule=MORNINGS), untrusted_clock="ignore")
    door.besides = type(door.besides)(WHEN, clock_trusted=False)
    door.watch(sight("ana"), 2)
    door.watch(sight("ben"), 4)
    assert door.told == [("granted", "ana"), ("refused", "schedule")]


def test_who_stands_there_when_the_hours_begin_is_let_in_with_the_first_frame_of_them() -> None:
    door = Door(person("ana", schedule=MORNINGS))
    for second in range(-2, 2):
        door.besides = type(door.besides)(berlin("2026-11-23 08:00") + timedelta(seconds=second), clock_trusted=True)
        door.watch(sight("ana"), 1)
        assert door.told == ([] if second < 0 else [("granted", "ana")])

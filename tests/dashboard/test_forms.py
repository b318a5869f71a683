"""What stands in a form, on its way to the archive or to a door, and what a door says back about its people."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from starlette.requests import Request

from edge.dashboard.filters import Filters
from edge.dashboard.queries import query_of
from edge.dashboard.roster import Hours, Listed, Span, _people, place_of
from edge.dashboard.services import Refused
from edge.dashboard.terms import terms_form, terms_of
from edge.dashboard.values import DoorView
from tests.dashboard.boards import info


def posted(**fields: str) -> Request:
    return Request({"type": "http", "state": {"posted": fields}})


def test_a_search_becomes_a_query_and_an_export_the_same_one() -> None:
    filters = Filters.of({"person": " ada ", "verdict": "refused", "since": "2026-11-01", "until": "2026-11-22"})
    query = filters.query()
    assert (query.person, query.verdict, query.kind) == ("ada", "refused", None)
    assert query.since is not None
    assert query.until is not None
    assert (query.until - query.since).days == 22, "the last day is included"
    exported = query_of(dict(part.split("=") for part in filters.export().replace("%3A", ":").split("&")))
    assert (exported.person, exported.since, exported.until) == (query.person, query.since, query.until)


def test_what_happened_may_also_be_a_kind_of_event() -> None:
    assert Filters(verdict="door").query().kind == "door"
    assert Filters(verdict="anything else").query() == Filters().query()


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "'", "9" * 500, "9999-12-31", "0001-01-01"])
def test_a_day_that_is_none_is_left_out(day: str) -> None:
    assert not Filters.of({"since": day, "until": day}).chosen


def test_another_filter_begins_at_the_newest_event_again() -> None:
    older = Filters(person="ada", before="1.2")
    assert older.text(verdict="granted") == "person=ada&verdict=granted"
    assert older.text(before="3.4") == "person=ada&before=3.4"


def test_terms_come_back_from_the_form_as_the_door_told_them() -> None:
    hours = Hours("Europe/Berlin", (Span(("mon", "fri"), "08:00", "18:00"),))
    form = terms_form(Listed("ada", "Ada", second_factor="needed", because="asked_for", schedule=hours))
    fields = {"name": "Ada", "second_factor": form.second_factor, "timezone": form.timezone, "clock": form.clock}
    for number, span in enumerate(form.hours):
        fields |= {f"start{number}": span.start, f"end{number}": span.end}
        fields |= {f"day{number}-{day}": "true" for day in span.days}
    assert terms_of(posted(**fields)) == {
        "name": "Ada",
        "valid_from": None,
        "valid_until": None,
        "schedule": {
            "timezone": "Europe/Berlin",
            "hours": [{"days": ["mon", "fri"], "start": "08:00", "end": "18:00"}],
        },
        "second_factor": "always",
    }


def test_times_are_those_of_the_doors_clock_and_are_shown_with_how_far_it_is_ahead() -> None:
    berlin = place_of(DoorView("front", info=info("front", timezone="Europe/Berlin")))
    told = {"person_id": "ada", "valid_from": "2026-07-01T06:00:00.000Z", "valid_until": "2026-12-31T22:30:00.000Z"}
    (ada,) = _people([told], berlin)
    assert ("mind", "until 31 Dec 2026 23:30 UTC+01:00") in ada.tags
    form = terms_form(ada.listed, berlin)
    assert (form.valid_from, form.from_offset) == ("2026-07-01T08:00", "UTC+02:00")
    assert (form.valid_until, form.until_offset) == ("2026-12-31T23:30", "UTC+01:00")
    assert (form.clock, form.timezone) == ("Europe/Berlin", "Europe/Berlin"), "also for hours, where nothing was said"
    fields = {"valid_from": form.valid_from, "valid_until": "2027-01-01T22:00", "start0": "22:00", "day0-mon": "true"}
    saved = terms_of(posted(second_factor="automatic", clock=form.clock, **fields))
    assert (saved["valid_from"], saved["valid_until"]) == (told["valid_from"], "2027-01-01T21:00:00.000Z")
    assert saved["schedule"]["timezone"] == "Europe/Berlin"


@pytest.mark.parametrize("timezone", ["", "Mars/Olympus", "../../etc/passwd", "x" * 5000, "Europe/\0"])
def test_a_door_that_does_not_say_where_it_is_has_no_hours_by_a_clock_that_nobody_named(timezone: str) -> None:
    place = place_of(DoorView("front", info=info("front", timezone=timezone)))
    assert place is None
    form = terms_form(Listed("ada"), place)
    with pytest.raises(Refused, match="On the clocks of"):
        terms_of(posted(**{"second_factor": "automatic", "clock": form.clock, "day0-mon": "true"}))
    with pytest.raises(Refused, match="does not know the time zone"):
        terms_of(posted(second_factor="automatic", clock="Mars/Olympus"))


def test_an_empty_form_limits_nothing_and_leaves_the_name() -> None:
    nothing = {"valid_from": None, "valid_until": None, "schedule": None, "second_factor": "automatic"}
    assert terms_of(posted(name="", second_factor="automatic")) == nothing


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("valid_until", "soon"),
        ("valid_until", "31/12/2026 18:00"),
        ("valid_until", "9999-12-31T23:59:59-14:00"),
        ("valid_from", "2026-13-01"),
        ("start1", "08:00"),
        ("end0", "12:00"),
        ("day0-mon", "true"),
        ("second_factor", "sometimes"),
    ],
)
def test_what_cannot_be_read_lets_nobody_in_for_ever(field: str, value: str) -> None:
    with pytest.raises(Refused) as refused:
        terms_of(posted(**{"name": "Ada", "second_factor": "automatic", field: value}))
    assert refused.value.code == "malformed"


@pytest.mark.parametrize("place", ["Pacific/Kiritimati", "America/Anchorage", "UTC"])
@pytest.mark.parametrize("moment", ["9999-12-31T23:59:00.000Z", "0001-01-01T00:00:00.000Z", "2026-12-31T17:00:00.000Z"])
def test_every_date_a_door_can_keep_is_shown_and_never_cleared_by_saving(
    moment: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", place)
    time.tzset()
    try:
        (ada,) = _people([{"person_id": "ada", "name": "Ada", "valid_until": moment}])
        form = terms_form(ada.listed)
        assert any(text.startswith("until") for _, text in ada.tags)
        with suppress(Refused):
            assert terms_of(posted(second_factor="automatic", valid_until=form.valid_until))["valid_until"] == moment
    finally:
        monkeypatch.undo()
        time.tzset()


def test_all_hours_a_door_can_keep_survive_saving() -> None:
    spans = tuple(Span(("mon", "fri"), f"{hour:02}:00", f"{hour:02}:30") for hour in range(16))
    form = terms_form(Listed("ada", schedule=Hours("UTC", spans)))
    fields = {"second_factor": "automatic", "timezone": "UTC"}
    for number, span in enumerate(form.hours):
        fields |= {f"start{number}": span.start, f"end{number}": span.end}
        fields |= {f"day{number}-{day}": "true" for day in span.days}
    assert len(terms_of(posted(**fields))["schedule"]["hours"]) == 16


def test_people_are_told_with_why_their_face_alone_is_not_enough() -> None:
    (ada,) = _people([{"person_id": "ada", "name": "Ada Lovelace", "references": 9, "second_factor": "minor"}])
    assert ada.initials == "AL"
    assert ("mind", "needs a second proof") in ada.tags
    assert ada.warnings


@pytest.mark.parametrize(
    "odd",
    [
        {"person_id": "ada", "name": "Ada", "references": "many"},
        {"person_id": "ada", "name": "Ada", "valid_until": "the end of term"},
        {"name": 7},
        "ada",
        None,
        3,
    ],
)
def test_somebody_whom_this_version_cannot_read_is_still_listed(odd: Any) -> None:
    people = _people([odd, {"person_id": "bob", "name": "Bob"}])
    assert [one.readable for one in people] == [False, True], "what is not known here must not be changed from here"
    assert people[1].name == "Bob"


@pytest.mark.parametrize("odd", [None, {}, "people", 7])
def test_a_list_that_is_none_has_nobody(odd: Any) -> None:
    assert _people(odd) == []

"""What `person.set` makes of a person, and what it refuses, naming the field."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from edge.commands.send_command import arguments_of
from edge.errors import EnrolmentError, LimenError, MessageError
from edge.mqtt.arguments import PersonSetArguments
from edge.mqtt.commands import Refusal, parse
from edge.service.particulars import changed, person_facts
from edge.values import Hours, Person, Schedule, Terms
from tests.edge.access_scene import gallery, like, person
from tests.edge.test_mqtt_commands import CONTEXT, come

ANA = person("ana")
OFFICE = {"timezone": "Europe/Berlin", "hours": [{"days": ["fri", "mon", "mon"], "start": "07:30", "end": "18:00"}]}
NIGHT = {"timezone": "UTC", "hours": [{"days": ["sat"], "start": "22:00", "end": "00:00"}]}


def after(someone: Person = ANA, **told: Any) -> Person:
    return changed(someone, msgspec.convert({"person_id": someone.id} | told, PersonSetArguments), "Europe/Berlin")[0]


def test_what_is_not_told_stays_and_null_clears() -> None:
    guest = after(name="Ana  Maria", valid_until="2026-12-24T12:00:00+01:00", schedule=OFFICE)
    assert (guest.name, guest.references, guest.enrolled_at) == ("Ana Maria", ANA.references, ANA.enrolled_at)
    assert guest.terms == Terms(
        valid_until=datetime(2026, 12, 24, 11, tzinfo=UTC),
        schedule=Schedule((Hours((0, 4), 450, 1080),), "Europe/Berlin"),
    )
    always = after(guest, second_factor="always", valid_from="2026-12-01T00:00:00Z")
    assert always.terms == replace(guest.terms, second_factor="always", valid_from=datetime(2026, 12, 1, tzinfo=UTC))
    cleared = after(always, valid_from=None, valid_until=None, schedule=None, second_factor=None)
    assert cleared == replace(ANA, name="Ana Maria")


def test_times_without_a_zone_are_those_of_the_doors_own_clocks() -> None:
    hours = [{"days": ["mon"], "start": "22:00", "end": "23:00"}]
    guest = after(valid_from="2026-07-01T22:00:00", valid_until="2026-12-24T22:00:00", schedule={"hours": hours})
    assert (guest.terms.valid_from, guest.terms.valid_until) == (
        datetime(2026, 7, 1, 20, tzinfo=UTC),
        datetime(2026, 12, 24, 21, tzinfo=UTC),
    )
    assert guest.terms.schedule == Schedule((Hours((0,), 1320, 1380),), "Europe/Berlin")
    for told in ({"valid_until": "2026-12-24T22:00:00"}, {"schedule": {"hours": hours}}):
        asked = msgspec.convert({"person_id": "ana"} | told, PersonSetArguments)
        with pytest.raises(MessageError, match="this door does not know its own time zone"):
            changed(ANA, asked, "")


def test_hours_over_midnight_end_on_the_next_day() -> None:
    schedule = after(schedule=NIGHT).terms.schedule
    assert schedule == Schedule((Hours((5,), 1320, 0),), "UTC")


def test_a_list_says_it_as_it_was_told() -> None:
    told = person_facts(after(schedule=NIGHT, valid_until="2026-12-24T12:00:00+01:00"), gallery(ANA), "full")
    assert told["schedule"] == NIGHT
    assert told["valid_until"] == "2026-12-24T11:00:00.000Z"
    assert (told["valid_from"], told["minor"], told["consent"]) == (None, False, None)
    assert person_facts(ANA, gallery(ANA), "ids")["name"] is None


@pytest.mark.parametrize(
    ("terms", "because"),
    [
        (Terms(), ("needed", "looks_like_another")),
        (Terms(second_factor="never"), ("not_needed", "overridden")),
        (Terms(second_factor="always"), ("needed", "asked_for")),
        (Terms(second_factor="never", minor=True), ("needed", "minor")),
    ],
)
def test_a_list_says_who_needs_a_second_factor_and_why(terms: Terms, because: tuple[str, str]) -> None:
    relative = Person("ana", "Ana", (like(ana=0.875, ben=0.46875),) * 5, ANA.enrolled_at, terms)
    told = person_facts(relative, gallery(relative, person("ben")), "full")
    assert (told["second_factor"], told["because"]) == because
    stranger = person_facts(ANA, gallery(ANA, person("ben")), "full")
    assert (stranger["second_factor"], stranger["because"]) == ("not_needed", None)


@pytest.mark.parametrize(
    ("told", "code", "field"),
    [
        ({}, "malformed", "$: nothing to change"),
        ({"name": "\u202eana"}, "bad_name", "U+202E"),
        ({"schedule": OFFICE | {"timezone": "Europe/Berlinn"}}, "malformed", "schedule.timezone: this door knows no"),
        ({"schedule": OFFICE | {"timezone": "Europe"}}, "malformed", "schedule.timezone:"),
        ({"valid_from": "2026-12-02T00:00:00Z", "valid_until": "2026-12-01T00:00:00Z"}, "malformed", "valid_until:"),
        ({"valid_until": "0001-01-01T00:00:00+10:00"}, "malformed", "valid_until: a year"),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(told: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises((MessageError, EnrolmentError)) as refused:
        after(**told)
    assert refused.value.code == code
    assert field in str(refused.value)


def test_a_date_that_contradicts_the_one_that_stays_is_refused() -> None:
    guest = after(valid_from="2026-12-02T00:00:00Z")
    with pytest.raises(MessageError, match="valid_until: not after valid_from"):
        after(guest, valid_until="2026-12-01T00:00:00Z")


def test_no_setting_makes_a_childs_face_enough() -> None:
    child = replace(ANA, terms=Terms(minor=True))
    with pytest.raises(MessageError) as refused:
        after(child, second_factor="never")
    assert refused.value.code == "minor"
    assert after(child, second_factor="always").terms.minor


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"name": None}, "name:"),
        ({"name": ""}, "name:"),
        ({"valid_from": "tomorrow"}, "valid_from:"),
        ({"valid_until": 5}, "valid_until:"),
        ({"second_factor": "sometimes"}, "second_factor:"),
        ({"schedule": "always"}, "schedule:"),
        ({"schedule": {"timezone": "UTC"}}, "schedule:"),
        ({"schedule": OFFICE | {"hours": []}}, "schedule.hours:"),
        ({"schedule": OFFICE | {"timezone": "../../etc/passwd"}}, "schedule.timezone:"),
        ({"schedule": OFFICE | {"timezone": "UTC\n"}}, "schedule.timezone:"),
        ({"schedule": {"timezone": "UTC", "hours": [{"days": ["monday"], "start": "08:00", "end": "09:00"}]}}, "days"),
        ({"schedule": {"timezone": "UTC", "hours": [{"days": [], "start": "08:00", "end": "09:00"}]}}, "days"),
        ({"schedule": {"timezone": "UTC", "hours": [{"days": ["mon"], "start": "8:00", "end": "9:00"}]}}, "start:"),
        ({"schedule": {"timezone": "UTC", "hours": [{"days": ["mon"], "start": "08:00", "end": "24:00"}]}}, "end:"),
        ({"schedule": {"timezone": "UTC", "hours": [{"days": ["mon"], "start": "08:00"}]}}, "hours"),
    ],
)  # fmt: skip
def test_what_is_of_the_wrong_kind_is_refused_before_anything_looks_at_it(told: dict[str, Any], field: str) -> None:
    parsed = parse(come({"v": 1, "transaction": "t", "person_id": "ana"} | told, "person.set"), CONTEXT)
    assert isinstance(parsed, Refusal)
    assert parsed.code == "malformed"
    assert field in parsed.message


def test_the_command_line_writes_a_schedule_as_json_and_null_as_nothing() -> None:
    sent = arguments_of("person.set", ["person_id=ana", f"schedule={json.dumps(NIGHT)}", "valid_until=", "name=Ana"])
    assert json.loads(json.dumps(sent)) == {"person_id": "ana", "schedule": NIGHT, "valid_until": None, "name": "Ana"}
    for wrong, told in (
        ("schedule={", "schedule: not JSON"),
        ("schedule={}", "person.set: "),
        ("nam=x", "no field nam"),
    ):
        with pytest.raises(LimenError, match=told):
            arguments_of("person.set", ["person_id=ana", wrong])

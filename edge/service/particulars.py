"""A person as answers tell of them, and what `person.set` makes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from msgspec import UNSET

from edge.access.gallery import Gallery
from edge.access.names import clean_name
from edge.access.second_factor import why_needed
from edge.clock import rfc3339, zone
from edge.errors import MessageError
from edge.mqtt.arguments import DAYS, PersonSetArguments, ScheduleArguments
from edge.mqtt.messages import Privacy
from edge.values import Hours, Person, Schedule, Terms

CHANGEABLE: Final = ("name", "valid_from", "valid_until", "schedule", "second_factor")


def person_facts(person: Person, gallery: Gallery, privacy: Privacy) -> dict[str, Any]:
    """One of `person.list`. `state` is `re_enrol` where the references are of another model; `usable` is false then."""
    terms = person.terms
    usable = person.id not in gallery.unusable
    return {
        "person_id": person.id,
        "name": person.name if privacy == "full" else None,
        "references": len(person.references),
        "enrolled_at": rfc3339(person.enrolled_at),
        "usable": usable,
        "state": "ready" if usable else "re_enrol",
        "consent": person.consent,
        "minor": terms.minor,
        "valid_from": None if terms.valid_from is None else rfc3339(terms.valid_from),
        "valid_until": None if terms.valid_until is None else rfc3339(terms.valid_until),
        "schedule": None if terms.schedule is None else _schedule_facts(terms.schedule),
        **second_factor_facts(person, gallery),
    }


def second_factor_facts(person: Person, gallery: Gallery) -> dict[str, str | None]:
    """Whether `person`'s face alone is not enough, and the word for why. `gallery` holds them."""
    why = why_needed(person, gallery)
    overridden = "overridden" if person.terms.second_factor == "never" else None
    return {"second_factor": "not_needed" if why is None else "needed", "because": why or overridden}


def nearest_facts(person_id: str | None, similarity: float | None, privacy: Privacy) -> dict[str, Any] | None:
    """Who of the others is most alike; whom people resemble is nobody's to know with `privacy` "none"."""
    if person_id is None or similarity is None:
        return None
    return {"person_id": None if privacy == "none" else person_id, "similarity": round(similarity, 6)}


def changed(person: Person, asked: PersonSetArguments, place: str) -> tuple[Person, tuple[str, ...]]:
    """`person` with what `asked` carries, and the names of those fields.

    `place`: the door's own time zone, for times that come without one; empty where that is not known. Raises
    MessageError or EnrolmentError, naming the field, when they make no sense.
    """
    given = tuple(name for name in CHANGEABLE if getattr(asked, name) is not UNSET)
    if not given:
        raise MessageError("malformed", f"$: nothing to change; give {', '.join(CHANGEABLE)}, or some of them")
    name = person.name if asked.name is UNSET else clean_name(asked.name)
    return replace(person, name=name, terms=_terms(person.terms, asked, place)), given


def _terms(terms: Terms, asked: PersonSetArguments, place: str) -> Terms:
    if asked.valid_from is not UNSET:
        terms = replace(terms, valid_from=_utc("valid_from", asked.valid_from, place))
    if asked.valid_until is not UNSET:
        terms = replace(terms, valid_until=_utc("valid_until", asked.valid_until, place))
    if terms.valid_from is not None and terms.valid_until is not None and terms.valid_until <= terms.valid_from:
        raise MessageError("malformed", "valid_until: not after valid_from, so that nobody could ever come in")
    if asked.schedule is not UNSET:
        terms = replace(terms, schedule=None if asked.schedule is None else _schedule(asked.schedule, place))
    if asked.second_factor is not UNSET:
        if asked.second_factor == "never" and terms.minor:
            raise MessageError("minor", "second_factor: a child's face is never enough by itself")
        terms = replace(terms, second_factor=asked.second_factor or "automatic")
    return terms


def _utc(field: str, moment: datetime | None, place: str) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=_zone(field, place))
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise MessageError("malformed", f"{field}: a year that no calendar here knows") from error


def _zone(field: str, name: str) -> tzinfo:
    found = zone(name) if name else None
    if found is None:
        what = f"knows no time zone {name}" if name else "does not know its own time zone"
        raise MessageError("malformed", f"{field}: this door {what}: write one, like Europe/Berlin or +01:00")
    return found


def _schedule(told: ScheduleArguments, place: str) -> Schedule:
    name = place if told.timezone is None else told.timezone
    _zone("schedule.timezone", name)
    hours = (
        Hours(tuple(sorted({DAYS.index(day) for day in one.days})), _minutes(one.start), _minutes(one.end))
        for one in told.hours
    )
    return Schedule(tuple(hours), name)


def _schedule_facts(schedule: Schedule) -> dict[str, Any]:
    hours = [
        {"days": [DAYS[day] for day in one.days], "start": _clock_face(one.start), "end": _clock_face(one.end)}
        for one in schedule.hours
    ]
    return {"timezone": schedule.timezone, "hours": hours}


def _minutes(clock_face: str) -> int:
    hours, minutes = clock_face.split(":")
    return 60 * int(hours) + int(minutes)


def _clock_face(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"

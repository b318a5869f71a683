"""Who is enrolled at a door, from its own answer. A door may be older, newer or lying: what is odd is left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from edge.clock import zone
from edge.comparing import readable
from edge.dashboard.services import Services
from edge.dashboard.story import LONGEST_SENTENCE, full, shown
from edge.dashboard.values import DoorView, Job, Session
from edge.errors import LimenError

# Why the door does not trust somebody's face alone.
_WARNINGS: Final = {
    "looks_like_another": "Somebody else here looks so much like them that the door asks for a second proof.",
    "minor": "Children's faces are too much alike for the door, so it asks for a second proof.",
}


class Span(Struct, frozen=True):
    """Hours of a week, as the contract writes them: days like "mon", times like "08:00"."""

    days: tuple[str, ...] = ()
    start: str = ""
    end: str = ""


class Hours(Struct, frozen=True):
    timezone: str = ""
    hours: tuple[Span, ...] = ()


class Listed(Struct, frozen=True):
    """One person of `person.list`."""

    person_id: str
    name: str | None = None
    references: int = 0
    enrolled_at: str = ""
    usable: bool = True
    valid_from: str | None = None
    valid_until: str | None = None
    schedule: Hours | None = None
    second_factor: str | None = None
    because: str | None = None
    consent: bool | None = None
    minor: bool = False


class Nearest(Struct, frozen=True):
    person_id: str | None = None
    similarity: float | None = None


class ListedReference(Struct, frozen=True):
    """One of `reference.list`."""

    number: int
    median_own: float | None = None
    worst_own: float | None = None
    nearest: Nearest | None = None
    recognised: bool | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference in words."""

    number: int
    own: str
    nearest: str
    recognised: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A person as the page shows them: `tags` are (tone, text). Not `readable`: their terms are not known here."""

    id: str
    name: str
    initials: str
    tags: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    listed: Listed
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Roster:
    """One door's people; `problem` says why they are not known. `can_audit`: whether it can say how alike they are."""

    door: str
    people: tuple[Enrolled, ...] = ()
    problem: str = ""
    can_audit: bool = False


def roster(known: Services, session: Session, door: DoorView) -> Roster:
    """Ask `door` who is enrolled; waits for its answer."""
    if door.presence != "online":
        return Roster(door.id, problem="The door is not connected, so it cannot be asked who is enrolled.")
    try:
        job = known.operator.ask(session, door.id, "person.list", {})
    except LimenError as error:
        return Roster(door.id, problem=shown(str(error), LONGEST_SENTENCE))
    if job.state != "ok":
        return Roster(door.id, problem=refusal(job))
    people = tuple(sorted(_people(job.data.get("people"), place_of(door)), key=lambda one: one.name.casefold()))
    return Roster(door.id, people, can_audit=known.operator.refusal(session, "gallery.audit", door.id) is None)


def references(known: Services, session: Session, door: str, person_id: str) -> tuple[Reference, ...]:
    """What the door keeps of one person; nothing where it does not say."""
    try:
        job = known.operator.ask(session, door, "reference.list", {"person_id": person_id})
        told = msgspec.convert(job.data.get("references", ()), tuple[ListedReference, ...])
    except (LimenError, msgspec.ValidationError):
        return ()
    return tuple(_reference(one) for one in told)


def refusal(job: Job) -> str:
    """Why the door did not do it."""
    return full(job.message or "") or "The door gave no reason."


def place_of(door: DoorView | None) -> ZoneInfo | None:
    """The time zone of the door's clocks; None where it does not say, and those of this server have to do."""
    name = door.info.timezone if door is not None and door.info is not None else ""
    return zone(name) if name else None


def _people(data: Any, place: tzinfo | None = None) -> list[Enrolled]:
    found: list[Enrolled] = []
    for one in data if isinstance(data, list) else ():
        try:
            listed = msgspec.convert(one, Listed)
            for moment in filter(None, (listed.valid_from, listed.valid_until)):
                moment_of(moment, place)
            found.append(_enrolled(listed, place))
        except (ValueError, msgspec.ValidationError):
            found.append(replace(_enrolled(_barely(one), place), readable=False))
    return found


def _barely(one: Any) -> Listed:
    """Somebody whose terms this version cannot read can still be seen, and deleted."""
    known = one if isinstance(one, dict) else {}
    person_id, name = known.get("person_id"), known.get("name")
    return Listed(
        person_id=person_id if isinstance(person_id, str) else "",
        name=name if isinstance(name, str) else "Somebody whom this page cannot read",
    )


def _enrolled(listed: Listed, place: tzinfo | None) -> Enrolled:
    name = shown(listed.name) or shown(listed.person_id)
    letters = "".join(word[0] for word in name.split()[:2]).upper()
    warning = _WARNINGS.get(listed.because or listed.second_factor or "")
    return Enrolled(listed.person_id, name, letters, tuple(_tags(listed, place)), (warning,) if warning else (), listed)


def _tags(listed: Listed, place: tzinfo | None) -> list[tuple[str, str]]:
    count = listed.references
    tags = [("", "1 reference" if count == 1 else f"{count} references")]
    if not listed.usable:
        tags.append(("no", "must be enrolled again"))
    if listed.minor:
        tags.append(("mind", "child"))
    if listed.second_factor not in {None, "not_needed"}:
        tags.append(("mind", "needs a second proof"))
    if listed.valid_until:
        tags.append(("mind", f"until {_minute(listed.valid_until, place)}"))
    if listed.valid_from:
        tags.append(("mind", f"from {_minute(listed.valid_from, place)}"))
    if listed.schedule:
        tags.append(("mind", "certain hours"))
    if when := _day(listed.enrolled_at):
        tags.append(("", f"enrolled {when}"))
    return tags


def moment_of(text: str, place: tzinfo | None = None) -> datetime:
    """On the clocks of `place`, else where the server stands; as it was told where no calendar has that hour.

    Raises ValueError.
    """
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(place)
    except OverflowError:
        return moment


def offset_of(text: str, place: tzinfo | None) -> str:
    """By how much the clocks of `place` are ahead then: `UTC+01:00`."""
    ahead = moment_of(text, place).strftime("%z")
    return f"UTC{ahead[:3]}:{ahead[3:5]}"


def _minute(text: str, place: tzinfo | None) -> str:
    return f"{moment_of(text, place):%-d %b %Y %H:%M} {offset_of(text, place)}"


def _day(text: str) -> str:
    try:
        return moment_of(text).strftime("%-d %b %Y")
    except ValueError:
        return ""


def _reference(one: ListedReference) -> Reference:
    own = "" if one.median_own is None else readable(one.median_own)
    if one.worst_own is not None:
        own += f", at least {readable(one.worst_own)}"
    near, nearest = one.nearest, ""
    if near is not None and near.similarity is not None:
        nearest = f"{shown(near.person_id)} {readable(near.similarity)}".strip()
    said = {True: "be recognised", False: "not be recognised", None: ""}[one.recognised]
    return Reference(one.number, own, nearest, said)

"""What a broker hands over -> what a door said, or MessageError. Pure: the topic decides whose word it is.

Everything here was written by somebody who could write to the broker. What is kept has bounds: sizes before parsing,
types while parsing, lengths and ranges after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, Protocol, TypeVar

import msgspec
from msgspec import Struct

from edge.dashboard.values import Mark
from edge.errors import MessageError
from edge.mqtt.messages import AccessEvent, DoorEvent, EventMessage, Info, Response, Status, SystemEvent, decode
from edge.values import EventKind

SKEW_SECONDS: Final = 120.0

Field = Literal["availability", "camera/availability", "lock/state", "door/state", "info", "status"]

_DOOR: Final = re.compile(r"[a-z0-9_-]{1,32}")
_PLAIN: Final[dict[Field, tuple[str, ...]]] = {
    "availability": ("online", "offline"),
    "camera/availability": ("online", "offline"),
    "lock/state": ("LOCKED", "UNLOCKED", "JAMMED"),
    "door/state": ("open", "closed", "unknown"),
}
_STRUCTS: Final[dict[Field, type[Info | Status]]] = {"info": Info, "status": Status}
KINDS: Final[dict[EventKind, type[EventMessage]]] = {"access": AccessEvent, "door": DoorEvent, "system": SystemEvent}
# What tells a door event from a system event where the topic does not.
DOOR_WORDS: Final = {"forced_open", "held_open", "exit_button", "doorbell", "tamper"}
_BACKFILL: Final = "event/backfill"
_EVENTS: Final[dict[str, EventKind | None]] = {f"event/{kind}": kind for kind in KINDS} | {_BACKFILL: None}
_ANSWERS: Final = {"response/events.query": "events.query", "response/person.list": "person.list"}
# What to subscribe to, below <base>/+/.
FILTERS: Final = (*_PLAIN, *_STRUCTS, "event/+", *_ANSWERS)

_LARGEST_EVENT: Final = 8 * 1024
_LARGEST: Final[dict[str, int]] = {"info": 64 * 1024, "status": 16 * 1024, "response/person.list": 256 * 1024}
_LONGEST: Final = {"id": 128, "visit": 128, "event": 64, "reason": 64, "person_id": 64, "nearest_id": 64, "key": 64}
_LONGEST_NAME: Final = 200
_LONGEST_DETAIL: Final = 1000
_LARGEST_SEQ: Final = 2**53
_FIRST_YEAR: Final = 1970  # where a clock begins that nobody set; the year 1 has not every hour in every time zone


class Heard(Protocol):
    """A message as it came."""

    @property
    def topic(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def retain(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Told:
    """An event. `live`: on its own topic, as it happened. `at`: the door's time where that can be believed."""

    door: str
    kind: EventKind
    event: EventMessage
    live: bool
    at: datetime
    received_at: datetime
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """What a door is; None: nothing any more. `ahead`: by how many seconds its clock was, where the payload tells."""

    door: str
    field: Field
    value: str | Info | Status | None
    ahead: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """To a command of somebody."""

    door: str
    command: str
    response: Response


class _Claim(Struct, frozen=True):
    """Whom an event says it is of; the contract has no such field, so a door that sends one must send its own."""

    door: str | None = None


def understand(heard: Heard, base: str, wall: datetime) -> Told | State | Answer | None:
    """What it says; None for a topic nobody asked for. Raises MessageError: `too_large` or `malformed`."""
    door, _, rest = heard.topic.removeprefix(f"{base}/").partition("/")
    if not heard.topic.startswith(f"{base}/") or not _DOOR.fullmatch(door) or door == "clients":
        return None
    largest = _LARGEST.get(rest, _LARGEST_EVENT)
    if len(heard.payload) > largest:
        raise MessageError("too_large", f"{heard.topic}: {len(heard.payload)} bytes, more than {largest}")
    try:
        if rest in _PLAIN:
            return State(door, rest, _word(heard.payload, _PLAIN[rest]))
        if rest in _STRUCTS:
            return _struct(door, rest, heard.payload, wall)
        if rest in _ANSWERS:
            return Answer(door, _ANSWERS[rest], decode(Response, heard.payload))
        if rest in _EVENTS:
            return _told(door, rest, heard, wall)
    except (ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise MessageError("malformed", f"{heard.topic}: {error}") from error
    return None


def _word(payload: bytes, words: tuple[str, ...]) -> str | None:
    word = payload.decode()
    if word and word not in words:
        raise ValueError(f"{word[:20]!r} is none of {', '.join(words)}")
    return word or None


def _struct(door: str, field: Field, payload: bytes, wall: datetime) -> State:
    if not payload:
        return State(door, field, None)
    value = decode(_STRUCTS[field], payload)
    if not can_be_counted(msgspec.to_builtins(value)):
        raise ValueError("a number out of range")
    return State(door, field, value, (_moment(value.ts) - wall).total_seconds())


def _told(door: str, rest: str, heard: Heard, wall: datetime) -> Told:
    live = rest != _BACKFILL and not heard.retain
    kind = _EVENTS[rest] or _kind(heard.payload)
    event = _within_bounds(decode(KINDS[kind], heard.payload))
    wall = wall.replace(microsecond=wall.microsecond // 1000 * 1000)  # as the archive keeps it
    ahead = (_moment(event.ts) - wall).total_seconds()
    skewed = not event.ts_trusted or ahead > SKEW_SECONDS or (live and ahead < -SKEW_SECONDS)
    claims = decode(_Claim, heard.payload).door
    found: dict[Mark, bool] = {
        "late": event.late or not live,
        "skewed": skewed,
        "wrong_door": claims is not None and claims != door,
    }
    marks = tuple(mark for mark, there in found.items() if there)
    return Told(door, kind, event, live, wall if skewed else _moment(event.ts), wall, marks)


class _Shape(Struct, frozen=True):
    verdict: str | None = None
    event: str | None = None


def _kind(payload: bytes) -> EventKind:
    """Late events of all kinds come on one topic."""
    shape = decode(_Shape, payload)
    if shape.verdict is not None:
        return "access"
    return "door" if shape.event in DOOR_WORDS else "system"


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"ts: {text[:40]!r} has no time zone")
    if (moment := moment.astimezone(UTC)).year < _FIRST_YEAR:
        raise ValueError(f"ts: {text[:40]!r} is no time of a door")
    return moment


def can_be_counted(value: object) -> bool:
    """Whether every number in a JSON value is one that can be reckoned with, and written in a few digits."""
    if isinstance(value, dict):
        return all(map(can_be_counted, value.values()))
    if isinstance(value, list | tuple):
        return all(map(can_be_counted, value))
    return not isinstance(value, int | float) or abs(value) <= _LARGEST_SEQ  # a NaN is not


_Event = TypeVar("_Event", bound=EventMessage)


def _within_bounds(event: _Event) -> _Event:
    """`event`, or ValueError naming the field that no door of ours would send."""
    if not 0 <= event.seq <= _LARGEST_SEQ:
        raise ValueError("seq: out of range")
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, str):
            longest = _LONGEST_DETAIL if name in {"detail", "schedule"} else _LONGEST.get(name, _LONGEST_NAME)
            if len(value) > longest or (name in {"id", "event", "reason"} and not value):
                raise ValueError(f"{name}: {len(value)} characters")
        elif not can_be_counted(value):
            raise ValueError(f"{name}: out of range")
    return event

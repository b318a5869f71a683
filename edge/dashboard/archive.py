"""What is kept of what doors said. Written by the watcher's thread alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args

from sqlalchemy import Connection, Row, func, insert, select, update

from edge.dashboard.database import Database
from edge.dashboard.hearing import KINDS, Told
from edge.dashboard.schema import events, memory, millis, moment, people, presence
from edge.dashboard.values import EventView, Mark, Presence
from edge.dashboard.why import view
from edge.mqtt.messages import decode, encode

_WATCHED_UNTIL: Final = "watched_until"
_MOST_PEOPLE: Final = 10_000
_LOOKED_BACK: Final = 5000


@dataclass(frozen=True, slots=True)
class Known:
    """Of one door's journal: its `highest` number here, and the ranges, ends included, that are missing below it."""

    era: int
    highest: int
    missing: tuple[tuple[int, int], ...] = ()


class Archive:
    """Everything raises StoreError while the database cannot be used; then nothing of that call was kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, told: Sequence[tuple[Told, int]]) -> list[EventView]:
        """Keep events, each with the era of its door's journal; returns those that were not known, numbered."""
        with self._database.write() as connection:
            known = _known(connection, [one for one, _ in told])
            fresh = {(one.door, one.event.id): (one, era) for one, era in told if (one.door, one.event.id) not in known}
            if not fresh:
                return []
            rows = [_row(one, era) for one, era in fresh.values()]
            numbered = insert(events).returning(events.c.number, sort_by_parameter_order=True)
            numbers = connection.execute(numbered, rows).scalars().all()
            added = [view(one, number) for (one, _), number in zip(fresh.values(), numbers, strict=True)]
            _remember_people(connection, added)
        return added

    def latest(self, count: int) -> tuple[EventView, ...]:
        """The newest as they arrived, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(events).order_by(events.c.number.desc()).limit(count)).all()
        return tuple(map(event_of, rows))

    def keys(self, count: int) -> tuple[tuple[str, str], ...]:
        """Door and id of the newest, oldest first."""
        newest = select(events.c.door, events.c.id).order_by(events.c.number.desc()).limit(count)
        with self._database.read() as connection:
            return tuple((row.door, row.id) for row in reversed(connection.execute(newest).all()))

    def known(self) -> dict[str, Known]:
        """How far each door's journal is known."""
        with self._database.read() as connection:
            newest = select(events.c.door, func.max(events.c.era)).group_by(events.c.door)
            return {door: _sequence(connection, door, era) for door, era in connection.execute(newest)}

    def presence(self, door: str, at: datetime, state: Presence) -> None:
        with self._database.write() as connection:
            connection.execute(insert(presence).values(door=door, at=millis(at), state=state))

    def watching(self, until: datetime) -> None:
        """Remember that somebody was watching until now."""
        with self._database.write() as connection:
            row = {"name": _WATCHED_UNTIL, "value": str(millis(until))}
            if not connection.execute(update(memory).where(memory.c.name == _WATCHED_UNTIL).values(row)).rowcount:
                connection.execute(insert(memory).values(row))

    def begin_watching(self) -> None:
        """Nobody knows how doors were since the last `watching`."""
        with self._database.write() as connection:
            ended = connection.execute(select(memory.c.value).where(memory.c.name == _WATCHED_UNTIL)).scalar()
            if ended is not None:
                for door in connection.execute(select(presence.c.door).distinct()).scalars().all():
                    connection.execute(insert(presence).values(door=door, at=int(ended), state="unknown"))


def event_of(row: Row[Any]) -> EventView:
    """A row of `events` as pages show it."""
    return view(told_of(row), row.number)


def told_of(row: Row[Any]) -> Told:
    event = decode(KINDS[row.kind], row.facts)
    marks = tuple(mark for mark in get_args(Mark) if mark in row.marks.split())
    return Told(row.door, row.kind, event, "late" not in marks, moment(row.at), moment(row.received_at), marks)


def _row(told: Told, era: int) -> dict[str, Any]:
    event, shown = told.event, view(told, 0)
    return {
        "door": told.door,
        "id": event.id,
        "era": era,
        "seq": event.seq,
        "kind": told.kind,
        "at": millis(told.at),
        "received_at": millis(told.received_at),
        "marks": " ".join(told.marks),
        "word": shown.word,
        "verdict": shown.verdict,
        "person_id": shown.person_id,
        "similarity": shown.similarity,
        "detection_threshold": shown.detection_threshold,
        "latency_ms": shown.latency_ms,
        "facts": encode(event).decode(),
    }


def _known(connection: Connection, told: Sequence[Told]) -> set[tuple[str, str]]:
    """Door and id of those that are there already."""
    known: set[tuple[str, str]] = set()
    for door in {one.door for one in told}:
        ids = [one.event.id for one in told if one.door == door]
        found = select(events.c.id).where(events.c.door == door, events.c.id.in_(ids))
        known |= {(door, event_id) for event_id in connection.execute(found).scalars()}
    return known


def _remember_people(connection: Connection, added: Sequence[EventView]) -> None:
    """Their newest names, so that searching for one need not read every event."""
    named = {(one.door, one.person_id): one.name for one in added if one.person_id is not None}
    for (door, person_id), name in named.items():
        there = (people.c.door == door) & (people.c.person_id == person_id)
        if connection.execute(update(people).where(there).values(name=name)).rowcount:
            continue
        if connection.execute(select(func.count()).select_from(people)).scalar_one() < _MOST_PEOPLE:
            connection.execute(insert(people).values(door=door, person_id=person_id, name=name))


def _sequence(connection: Connection, door: str, era: int) -> Known:
    """Looks back over a few thousand numbers: what is missing before that was asked for long ago."""
    here = (events.c.door == door) & (events.c.era == era) & (events.c.seq > 0)
    newest_first = select(events.c.seq).where(here).order_by(events.c.seq.desc()).limit(_LOOKED_BACK)
    numbers = connection.execute(newest_first).scalars().all()
    pairs = zip(numbers[1:], numbers, strict=False)
    missing = tuple((low + 1, high - 1) for low, high in pairs if high - low > 1)
    return Known(era, numbers[0] if numbers else 0, missing)

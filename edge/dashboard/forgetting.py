"""What goes out of the archive again: what is too old or too much, and whoever a door has forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, delete, func, select, update

from edge.dashboard.archive import told_of
from edge.dashboard.database import Database
from edge.dashboard.schema import audit, events, millis, people, presence
from edge.mqtt.messages import AccessEvent, DoorEvent, EventMessage, encode

_ERASED: Final = "erased"
_MOST_AT_ONCE: Final = 1000
_MOST_OF_THE_REST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Keeping:
    """The newest `rows` events of all doors together, none older than `days`."""

    rows: int = 100_000
    days: int = 365


def prune(database: Database, keeping: Keeping, now: datetime) -> int:
    """Delete a part of what is too old or too much; returns how many events. 0: all is done.

    Where there are too many, the door with most loses its oldest: one that floods must not push out the others' past.
    """
    oldest = millis(now - timedelta(days=keeping.days))
    with database.write() as connection:
        aged = select(events.c.number).where(events.c.at < oldest).limit(_MOST_AT_ONCE)
        doomed = list(connection.execute(aged).scalars()) or _surplus(connection, keeping.rows)
        connection.execute(delete(events).where(events.c.number.in_(doomed)))
        connection.execute(delete(presence).where(presence.c.at < oldest))
        if doomed:
            theirs = (events.c.door == people.c.door) & (events.c.person_id == people.c.person_id)
            connection.execute(delete(people).where(~select(events.c.number).where(theirs).exists()))
        for table in (presence, audit):
            newest = connection.execute(select(func.max(table.c.number))).scalar() or 0
            connection.execute(delete(table).where(table.c.number <= newest - _MOST_OF_THE_REST))
    return len(doomed)


def forget(database: Database, door: str, staying: Iterable[str]) -> int:
    """Take names and ids of everybody but `staying` out of a door's events; returns of how many events."""
    with database.write() as connection:
        known = connection.execute(select(people.c.person_id).where(people.c.door == door)).scalars()
        gone = sorted(set(known) - set(staying))
        connection.execute(delete(people).where(people.c.door == door, people.c.person_id.in_(gone)))
        theirs = select(events).where(events.c.door == door, events.c.person_id.in_(gone))
        rows = connection.execute(theirs).all()
        for row in rows:
            facts = encode(_without_name(row)).decode()
            here = events.c.number == row.number
            connection.execute(update(events).where(here).values(person_id=_ERASED, facts=facts))
    if rows:
        database.flush()
    return len(rows)


def _surplus(connection: Connection, most: int) -> list[int]:
    counted = select(events.c.door, func.count()).group_by(events.c.door)
    counts: dict[str, int] = {row.door: row[1] for row in connection.execute(counted)}
    surplus = sum(counts.values()) - most
    if surplus <= 0:
        return []
    largest = max(counts, key=lambda door: counts[door])
    oldest_first = select(events.c.number).where(events.c.door == largest).order_by(events.c.at, events.c.number)
    return list(connection.execute(oldest_first.limit(min(surplus, _MOST_AT_ONCE))).scalars())


def _without_name(row: Row[Any]) -> EventMessage:
    event = told_of(row).event
    if isinstance(event, DoorEvent):
        return event
    changes: dict[str, str | None] = {"person": None, "person_id": event.person_id and _ERASED}
    if isinstance(event, AccessEvent):
        changes |= {"nearest": None, "nearest_id": event.nearest_id and _ERASED}
    return msgspec.structs.replace(event, **changes)

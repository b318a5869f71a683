"""Looking things up in the archive."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true

from edge.clock import Clock
from edge.dashboard.archive import event_of
from edge.dashboard.database import Database
from edge.dashboard.queries import LARGEST_PAGE, Cursor
from edge.dashboard.schema import audit, events, millis, moment, people
from edge.dashboard.statistics import statistics
from edge.dashboard.values import AuditRow, EventView, KnownPerson, Page, Query, Statistics

_MOST_NAMES: Final = 1000
_MOST_AUDIT_ROWS: Final = 200


class Records:
    """A History."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def events(self, query: Query) -> Page:
        wanted = self._matching(query)
        limit = max(1, min(query.limit, LARGEST_PAGE))
        with self._database.read() as connection:
            total = connection.execute(select(func.count()).select_from(events).where(wanted)).scalar_one()
            rows = connection.execute(page(wanted, query.before, limit + 1)).all()
        shown = tuple(map(event_of, rows[:limit]))
        more = len(rows) > limit
        return Page(shown, str(Cursor(millis(shown[-1].at), shown[-1].number)) if more else None, total)

    def event(self, number: int) -> EventView | None:
        with self._database.read() as connection:
            row = connection.execute(select(events).where(events.c.number == number)).one_or_none()
        return None if row is None else event_of(row)

    def since(self, number: int, limit: int) -> tuple[EventView, ...]:
        """What arrived after event `number`, oldest first; of too many the newest."""
        with self._database.read() as connection:
            newer = select(events).where(events.c.number > number).order_by(events.c.number.desc()).limit(limit)
            return tuple(map(event_of, reversed(connection.execute(newer).all())))

    def statistics(self, query: Query) -> Statistics:
        wanted = self._matching(query)
        with self._database.read() as connection:
            return statistics(connection, query, wanted, self._clock.wall())

    def people(self) -> tuple[KnownPerson, ...]:
        with self._database.read() as connection:
            rows = connection.execute(select(people).limit(_MOST_NAMES)).all()
        known = (KnownPerson(row.door, row.person_id, row.name) for row in rows)
        return tuple(sorted(known, key=lambda one: ((one.name or one.person_id).casefold(), one.door)))

    def words(self) -> tuple[str, ...]:
        words = select(events.c.word).distinct()
        with self._database.read() as connection:
            return tuple(connection.execute(words.order_by(events.c.word).limit(_MOST_NAMES)).scalars())

    def audit(self, *, before: int | None = None, limit: int = 100) -> tuple[AuditRow, ...]:
        older = audit.c.number < before if before is not None else true()
        newest = select(audit).where(older).order_by(audit.c.number.desc()).limit(min(limit, _MOST_AUDIT_ROWS))
        with self._database.read() as connection:
            rows = connection.execute(newest).all()
        return tuple(AuditRow(**row._asdict() | {"at": moment(row.at)}) for row in rows)

    def _matching(self, query: Query) -> ColumnElement[bool]:
        """The condition that picks these events."""
        equal = {"door": query.door, "kind": query.kind, "verdict": query.verdict, "word": query.word}
        wanted = [events.c[name] == value for name, value in equal.items() if value is not None]
        if query.since is not None:
            wanted.append(events.c.at >= millis(query.since))
        if query.until is not None:
            wanted.append(events.c.at < millis(query.until))
        if query.person is not None:
            wanted.append(events.c.person_id.in_(self._persons(query.person)))
        return and_(true(), *wanted)

    def _persons(self, wanted: str) -> list[str]:
        """The ids of a person: their id, or everybody whose name contains it. Names are few, events are many."""
        with self._database.read() as connection:
            rows = connection.execute(select(people.c.person_id, people.c.name)).all()
        named = {row.person_id for row in rows if wanted.casefold() in (row.name or "").casefold()}
        return sorted(named | {wanted})


def page(wanted: ColumnElement[bool], before: str | None, limit: int) -> Select[tuple[object, ...]]:
    """The statement of one page, newest first."""
    if before is not None:
        end = Cursor.of(before)
        older = or_(events.c.at < end.at, and_(events.c.at == end.at, events.c.number < end.number))
        # The first condition alone lets the index begin at the right place.
        wanted = and_(wanted, events.c.at <= end.at, older)
    return select(events).where(wanted).order_by(events.c.at.desc(), events.c.number.desc()).limit(limit)

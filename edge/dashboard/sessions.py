"""Browsers that are logged in. The browser holds a random token, the database only its digest."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, delete, insert, select, update

from edge.clock import Clock
from edge.dashboard.database import Database
from edge.dashboard.schema import logins, millis, moment, sessions
from edge.dashboard.values import Session
from edge.errors import StoreError

_TOUCH: Final = timedelta(minutes=1)
_CLOCK_BACK: Final = timedelta(minutes=5)
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A session ends so long after it began, or after it was last used."""

    whole: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(hours=2)


class Sessions:
    """Everything raises StoreError. `ended` is told the id of a session that is over before its time."""

    def __init__(
        self, database: Database, clock: Clock, lifetime: Lifetime, ended: Callable[[str], None] = lambda _: None
    ) -> None:
        self._database, self._clock, self._lifetime, self._ended = database, clock, lifetime, ended

    def begin(self, login: str, address: str, agent: str) -> str:
        """Returns the token, which is nowhere else."""
        token, now = secrets.token_urlsafe(32), self._clock.wall()
        row = {
            "id": secrets.token_hex(8),
            "token": _digest(token),
            "login": login,
            "started_at": millis(now),
            "last_used_at": millis(now),
            "address": address[:64],
            "agent": agent[:200],
        }
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.started_at < millis(now - self._lifetime.whole)))
            connection.execute(insert(sessions).values(row))
            surplus = select(sessions.c.id).order_by(sessions.c.last_used_at.desc()).offset(_MOST)
            connection.execute(delete(sessions).where(sessions.c.id.in_(surplus.limit(_MOST))))
        return token

    def find(self, token: str) -> Session | None:
        """The session of a token that is still good; to ask is to use it."""
        found = self._one(sessions.c.token == _digest(token))
        if found is not None and self._clock.wall() - found.last_used_at > _TOUCH:
            self._touch(found)
        return found

    def alive(self, session_id: str) -> bool:
        """Whether it is still good; to ask is not to use it."""
        return self._one(sessions.c.id == session_id) is not None

    def all(self) -> tuple[Session, ...]:
        """Newest first."""
        with self._database.read() as connection:
            rows = connection.execute(_with_role().order_by(sessions.c.started_at.desc())).all()
        return tuple(one for one in map(self._session, rows) if self._good(one))

    def end(self, condition: ColumnElement[bool]) -> int:
        """End those; returns how many there were."""
        with self._database.write() as connection:
            ids = list(connection.execute(select(sessions.c.id).where(condition)).scalars())
            connection.execute(delete(sessions).where(sessions.c.id.in_(ids)))
        for session_id in ids:
            self._ended(session_id)
        return len(ids)

    def _one(self, condition: ColumnElement[bool]) -> Session | None:
        with self._database.read() as connection:
            row = connection.execute(_with_role().where(condition)).one_or_none()
        found = None if row is None else self._session(row)
        return found if found is not None and self._good(found) else None

    def _touch(self, session: Session) -> None:
        # While the database cannot be written the page still shows what there is.
        with suppress(StoreError), self._database.write() as connection:
            here = sessions.c.id == session.id
            connection.execute(update(sessions).where(here).values(last_used_at=millis(self._clock.wall())))

    def _good(self, session: Session) -> bool:
        """A session of the future is none: the clock went back by more than clocks do."""
        now = self._clock.wall()
        idle = now - session.last_used_at <= self._lifetime.idle
        return session.started_at - _CLOCK_BACK <= now < session.expires_at and idle

    def _session(self, row: Row[Any]) -> Session:
        started: datetime = moment(row.started_at)
        return Session(
            id=row.id,
            login=row.login,
            role=row.role,
            started_at=started,
            last_used_at=moment(row.last_used_at),
            expires_at=started + self._lifetime.whole,
            address=row.address,
            agent=row.agent,
        )


def _with_role() -> Select[Any]:
    """The role is the account's of now: a session never keeps one that was taken away."""
    return select(sessions, logins.c.role).join(logins, logins.c.name == sessions.c.login)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""Who may look, and who may act: accounts, their passwords, and logging in."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from edge.clock import Clock
from edge.dashboard.database import Database
from edge.dashboard.schema import logins, millis, moment, sessions
from edge.dashboard.services import Refused
from edge.dashboard.sessions import Sessions
from edge.dashboard.throttle import Throttle
from edge.dashboard.trail import Trail
from edge.dashboard.values import Login, Role, Session
from edge.errors import StoreError

FIRST: Final = "admin"
_NAME: Final = re.compile(r"[a-z0-9._-]{1,32}")
_SHORTEST, _LONGEST = 12, 256
_MOST_LOGINS: Final = 100
_MOST_AT_ONCE: Final = 4
_UNSTORED: Final = "the dashboard's database cannot be written: nobody is let in while tries cannot be counted"


class Accounts:
    """A Logins. Safe to use from any thread. `hasher`: argon2, by default as slow as its authors advise."""

    def __init__(
        self, database: Database, clock: Clock, browsers: Sessions, trail: Trail, hasher: PasswordHasher | None = None
    ) -> None:
        self._database, self._clock, self._sessions, self._trail = database, clock, browsers, trail
        self._throttle = Throttle(database)
        self._hasher = hasher or PasswordHasher()
        # What a wrong name is compared with, so that it takes as long as a wrong password.
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))
        self._few = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._one = threading.Lock()

    def first_password(self) -> str | None:
        """Make the first account, `admin`, if there is none at all; returns its password, which is nowhere else."""
        with self._database.write() as connection:
            if connection.execute(select(func.count()).select_from(logins)).scalar_one():
                return None
            return self._insert(connection, FIRST, "admin")

    def log_in(self, name: str, password: str, address: str, agent: str) -> str:
        """The token of a new session. Raises Refused: `wrong`, `throttled` or `unstored`."""
        try:
            self._check(name, password, address)
            with self._database.write() as connection:
                now = millis(self._clock.wall())
                connection.execute(update(logins).where(logins.c.name == name).values(last_login_at=now))
            token = self._sessions.begin(name, address, agent)
        except Refused as refused:
            if refused.code == "wrong":  # what is throttled is not looked at, and must not fill the audit
                self._trail.note(self._known(name), address, "login", outcome=refused.code)
            raise
        except StoreError as error:
            raise Refused("unstored", _UNSTORED) from error
        self._trail.note(name, address, "login")
        return token

    def log_out(self, session: Session) -> None:
        self._sessions.end(sessions.c.id == session.id)
        self._trail.by(session, "logout")

    def confirm(self, session: Session, password: str) -> None:
        """Whoever sits there knows the password. Raises Refused: `wrong_password`, `throttled` or `unstored`."""
        try:
            self._check(session.login, password, session.address)
        except Refused as refused:
            code = "wrong_password" if refused.code == "wrong" else refused.code
            raise Refused(code, str(refused), seconds=refused.seconds) from refused
        except StoreError as error:
            raise Refused("unstored", _UNSTORED) from error

    # What admins do: the Logins of the pages.

    def logins(self) -> tuple[Login, ...]:
        with self._database.read() as connection:
            rows = connection.execute(select(logins).order_by(logins.c.name)).all()
        return tuple(map(_login, rows))

    def sessions(self) -> tuple[Session, ...]:
        return self._sessions.all()

    def create(self, by: Session, name: str, role: Role) -> str:
        if not _NAME.fullmatch(name):
            raise Refused("bad_name", "a name here is 1-32 of a-z 0-9 . _ -")
        with self._told(by, "login.create", f"{name} {role}"), self._database.write() as connection:
            if _find(connection, name) is not None:
                raise Refused("name_taken", f"there is an account {name} already")
            if connection.execute(select(func.count()).select_from(logins)).scalar_one() >= _MOST_LOGINS:
                raise Refused("too_many", f"{_MOST_LOGINS} accounts are enough")
            return self._insert(connection, name, role)

    def reset_password(self, by: Session, name: str) -> str:
        with self._told(by, "login.password", name):
            return self.new_password(name)

    def new_password(self, name: str) -> str:
        """A random one; ends all sessions of that account. Raises Refused."""
        password = secrets.token_urlsafe(12)
        self._set(name, password=self._hasher.hash(password))
        self._sessions.end(sessions.c.login == name)
        return password

    def set_role(self, by: Session, name: str, role: Role) -> None:
        with self._told(by, "login.role", f"{name} {role}"):
            with self._database.write() as connection:
                if role != "admin":
                    _must_leave_an_admin(connection, name)
                _must_be_there(connection.execute(update(logins).where(logins.c.name == name).values(role=role)), name)
            self._sessions.end(sessions.c.login == name)

    def delete(self, by: Session, name: str) -> None:
        with self._told(by, "login.delete", name):
            with self._database.write() as connection:
                _must_leave_an_admin(connection, name)
                _must_be_there(connection.execute(delete(logins).where(logins.c.name == name)), name)
            self._sessions.end(sessions.c.login == name)

    def revoke(self, by: Session, session_id: str) -> None:
        with self._told(by, "session.revoke", session_id):
            if not self._sessions.end(sessions.c.id == session_id):
                raise Refused("no_such_session", "this session has ended already")

    def change_password(self, by: Session, current: str, new: str) -> None:
        with self._told(by, "password"):
            if not _SHORTEST <= len(new) <= _LONGEST:
                raise Refused("bad_password", f"a password here has {_SHORTEST} to {_LONGEST} characters")
            self.confirm(by, current)
            self._set(by.login, password=self._hasher.hash(new))
            self._sessions.end((sessions.c.login == by.login) & (sessions.c.id != by.id))

    def _check(self, name: str, password: str, address: str) -> None:
        """One password at a time: each takes a lot of memory, and those who wait must not take all threads."""
        if not self._few.acquire(blocking=False):
            raise Refused("throttled", "too many people are logging in: try again in a moment", seconds=1)
        try:
            with self._one:
                self._check_one(name, password, address)
        finally:
            self._few.release()

    def _check_one(self, name: str, password: str, address: str) -> None:
        wait = self._throttle.try_once(name, address, self._clock.wall())
        if wait:
            raise Refused("throttled", f"too many wrong passwords: none is looked at for {wait} s", seconds=wait)
        with self._database.read() as connection:
            row = _find(connection, name)
        try:
            self._hasher.verify(self._nobody if row is None else row.password, password[:_LONGEST])
        except (VerificationError, InvalidHashError) as error:
            raise Refused("wrong", "the name or the password is wrong") from error
        if row is None:
            raise Refused("wrong", "the name or the password is wrong")
        self._throttle.succeeded(name, address)

    def _known(self, name: str) -> str:
        """What was typed for a name may be a password: only real names are written down."""
        with self._database.read() as connection:
            return name if _find(connection, name) is not None else "(unknown)"

    def _insert(self, connection: Connection, name: str, role: Role) -> str:
        password = secrets.token_urlsafe(12)
        now = millis(self._clock.wall())
        row = {"name": name, "role": role, "password": self._hasher.hash(password), "created_at": now}
        connection.execute(insert(logins).values(row))
        return password

    def _set(self, name: str, **values: Any) -> None:
        with self._database.write() as connection:
            _must_be_there(connection.execute(update(logins).where(logins.c.name == name).values(values)), name)

    @contextmanager
    def _told(self, by: Session, action: str, target: str = "") -> Iterator[None]:
        """What an admin does stands in the audit, also when it was refused. Raises Refused for a StoreError, too."""
        try:
            yield
        except Refused as refused:
            self._trail.by(by, action, target, refused.code)
            raise
        except StoreError as error:
            raise Refused("unstored", str(error)) from error
        self._trail.by(by, action, target)


def _login(row: Row[Any]) -> Login:
    last = None if row.last_login_at is None else moment(row.last_login_at)
    return Login(row.name, row.role, moment(row.created_at), last)


def _find(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(logins).where(logins.c.name == name)).one_or_none()


def _must_be_there(result: Any, name: str) -> None:
    if not result.rowcount:
        raise Refused("no_such_login", f"there is no account {name}")


def _must_leave_an_admin(connection: Connection, name: str) -> None:
    others = select(func.count()).select_from(logins).where(logins.c.role == "admin", logins.c.name != name)
    if not connection.execute(others).scalar_one():
        raise Refused("last_admin", "there must always be an admin")

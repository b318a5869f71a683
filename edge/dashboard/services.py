"""Who answers the pages, and the routes there are.

`pages.py` offers `routes() -> list[BaseRoute]`, everything that is HTML; these are `app.py`'s:

    GET  /login /static/… /health             the only ones without a session (/login is a page)
    POST /login                               name, password, next -> 303 there; on failure 303 to
                                              /login?problem=wrong|throttled|unstored&seconds=N
    POST /logout                              -> 303 /login
    POST /password                            current, new: one's own
    GET  /live                                server-sent events, see `values.Update`
    GET  /events.csv /events.json             the query string of Query's fields, all pages at once
    POST /doors/{door}/commands/{command}     {"arguments": {…}, "password": "…"} -> 202 and a Job
    GET  /jobs/{id}                           a Job of one's own
    POST /operators/logins                    name, role -> name, role, password (shown once)
    POST /operators/logins/{name}/password    -> name, password (shown once)
    POST /operators/logins/{name}/role        role
    POST /operators/logins/{name}/delete
    POST /operators/sessions/{id}/revoke

What is posted is JSON or a form. To JSON the answer is JSON; to a form it is a 303 back to the page, with ?problem=CODE
when it was refused. A refused request answers {"error": {"code": …, "message": …}}. In an endpoint
`request.state.session` is the Session, and `request.app.state.services` the Services. All their calls block: use plain
`def` endpoints, which run in a thread. Whatever is not GET is for admins, save /login, /logout and /password; so is
everything below /operators. A viewer sees all other pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from edge.dashboard.values import (
    AuditRow,
    Connection,
    DoorView,
    EventView,
    Job,
    KnownPerson,
    Login,
    Page,
    Query,
    Role,
    Session,
    Statistics,
)
from edge.errors import LimenError


class Refused(LimenError):  # noqa: N818 - it is a word of the page, not a fault
    """The dashboard will not do it: `code` is one word, `str()` the sentence to show, `seconds` how long to wait."""

    def __init__(self, code: str, message: str, *, seconds: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.seconds = seconds


class Watch(Protocol):
    """The present."""

    def doors(self) -> tuple[DoorView, ...]:
        """By id."""

    def door(self, door: str) -> DoorView | None: ...

    def connection(self) -> Connection: ...

    def latest(self, count: int) -> tuple[EventView, ...]:
        """The newest events as they arrived, newest first; at most a hundred, and not from the database."""


class History(Protocol):
    """The past. Everything raises StoreError while the database cannot be read."""

    def events(self, query: Query) -> Page: ...

    def event(self, number: int) -> EventView | None: ...

    def statistics(self, query: Query) -> Statistics: ...

    def people(self) -> tuple[KnownPerson, ...]:
        """For the person filter, by name."""

    def words(self) -> tuple[str, ...]:
        """For the reason filter."""

    def audit(self, *, before: int | None = None, limit: int = 100) -> tuple[AuditRow, ...]:
        """Newest first; `before`: the number of the last one seen."""


class Operator(Protocol):
    """Commands to doors, signed with the dashboard's own key."""

    def refusal(self, session: Session, command: str, door: str) -> Refused | None:
        """Why this session may not give `command` now, None if it may; what a button's state is made of.

        `unlock` still wants the password.
        """

    def start(
        self, session: Session, door: str, command: str, arguments: Mapping[str, Any], *, password: str | None = None
    ) -> Job:
        """Send it and return at once; Job updates follow. Raises Refused (`password_needed`, `wrong_password`, …)."""

    def ask(self, session: Session, door: str, command: str, arguments: Mapping[str, Any]) -> Job:
        """Send a command that only reads, and wait for the finished Job. Raises Refused."""

    def job(self, session: Session, job_id: str) -> Job | None:
        """One's own, while it is remembered (the newest hundred)."""


class Logins(Protocol):
    """Accounts and sessions. `by` is whose session does it, for the audit."""

    def logins(self) -> tuple[Login, ...]: ...

    def sessions(self) -> tuple[Session, ...]:
        """All that are still good, newest first."""

    def create(self, by: Session, name: str, role: Role) -> str:
        """Make an account; returns its first password. Raises Refused."""

    def reset_password(self, by: Session, name: str) -> str:
        """A new random password; ends all sessions of that account. Raises Refused."""

    def set_role(self, by: Session, name: str, role: Role) -> None:
        """Ends all sessions of that account. Raises Refused: there must always be an admin."""

    def delete(self, by: Session, name: str) -> None:
        """Raises Refused: there must always be an admin."""

    def revoke(self, by: Session, session_id: str) -> None:
        """End one session. Raises Refused if it is none."""

    def change_password(self, by: Session, current: str, new: str) -> None:
        """One's own; ends all other sessions of that account. Raises Refused."""


@dataclass(frozen=True, slots=True)
class Services:
    """What pages work with. `unlock`: whether the local file lets an admin unlock from here."""

    watch: Watch
    history: History
    operator: Operator
    logins: Logins
    unlock: bool = False

"""The operators' audit: what was done and tried, by whom, from where. It is written whatever else fails, or told."""

from __future__ import annotations

import logging

from sqlalchemy import insert

from edge.clock import Clock
from edge.dashboard.database import Database
from edge.dashboard.schema import audit, millis
from edge.dashboard.values import Session
from edge.errors import StoreError

_log = logging.getLogger(__name__)


class Trail:
    """Safe to use from any thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def by(self, session: Session, action: str, target: str = "", outcome: str = "ok", detail: str = "") -> None:
        """What somebody did who is logged in."""
        self.note(session.login, session.address, action, target, outcome, detail)

    def note(
        self, login: str, address: str, action: str, target: str = "", outcome: str = "ok", detail: str = ""
    ) -> None:
        """Write it down; into the log where the database cannot take it."""
        row = {
            "at": millis(self._clock.wall()),
            "login": login[:32],
            "address": address[:64],
            "action": action[:32],
            "target": target[:128],
            "outcome": outcome[:32],
            "detail": detail[:500],
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(audit).values(row))
        except StoreError as error:
            _log.error("%s; this could not be kept: %r", error, row)

"""The door's PIN as a salted digest, sealed, and how often a wrong one was tried since the last right one.

A digest could be guessed from a stolen file, and one that somebody put there would be their own PIN.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field

from edge.errors import StoreError
from edge.store.database import Database


@dataclass(frozen=True, slots=True)
class KeptPin:
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    wrong: int


class Pin:
    """Every method raises StoreError when the disk or the file fails; what it did is durable when it returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def kept(self) -> KeptPin | None:
        """None also where it was altered: then nobody knows it."""
        for salt, sealed, wrong in self._database.read("SELECT salt, digest, wrong FROM pin"):
            with suppress(StoreError):
                return KeptPin(salt, self._database.sealer.unseal(sealed, "pin", salt.hex()), wrong)
        return None

    def keep(self, salt: bytes, digest: bytes) -> None:
        """In place of the one before; wrong attempts are forgotten."""
        sealed = self._database.sealer.seal(digest, "pin", salt.hex())
        self._do("INSERT OR REPLACE INTO pin VALUES (1, ?, ?, 0)", salt, sealed)

    def forget(self) -> None:
        self._do("DELETE FROM pin")

    def count_attempt(self) -> int:
        """Count one as wrong before anybody looks at it, so that no kill in between makes it free; the count."""

        def work(connection: sqlite3.Connection) -> int:
            row = connection.execute("UPDATE pin SET wrong = wrong + 1 RETURNING wrong").fetchone()
            if row is None:
                raise StoreError("there is no PIN to count for")
            return int(row[0])

        return self._database.write(work)

    def forgive(self) -> None:
        """The attempt was right: begin to count anew."""
        self._do("UPDATE pin SET wrong = 0")

    def _do(self, sql: str, *values: object) -> None:
        self._database.write(lambda connection: connection.execute(sql, values))

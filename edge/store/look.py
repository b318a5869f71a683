"""Who is enrolled, for reading alone: also while a door works with the store, and nothing is changed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from edge.store.database import Database, reading
from edge.store.people import People
from edge.store.sealing import Sealer
from edge.store.vault import key_for, sealer_of
from edge.values import Person


@dataclass(frozen=True, slots=True, eq=False)
class _OpenForReading:
    """As much of a `Database` as reading people takes."""

    connection: sqlite3.Connection
    sealer: Sealer

    def read(self, sql: str, *values: object) -> list[Any]:
        return self.connection.execute(sql, values).fetchall()


def people_in(directory: Path) -> tuple[Person, ...]:
    """Everybody who can be read whole. Raises StoreError, also where the key is not for this user to read."""
    with reading(directory) as connection:
        key = key_for(connection, directory, sealed=True)
        opened = _OpenForReading(connection, sealer_of(connection, key))
        return People(cast(Database, opened)).all()

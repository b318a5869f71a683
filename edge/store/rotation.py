"""A new master key for a store, and what key it has."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from edge.errors import StoreError
from edge.store.database import Database, reading
from edge.store.limits import Limits
from edge.store.master_key import MasterKey, keys_there, make_key, settle
from edge.store.sealing import Sealer
from edge.store.vault import scrub


class KeyFacts(NamedTuple):
    """The fingerprint a store is sealed under, and where that key is; `path` None: it is not here."""

    fingerprint: str
    path: Path | None
    people: int


def key_facts(directory: Path) -> KeyFacts:
    """Of the store in `directory`, also while a door works with it. Raises StoreError."""
    with reading(directory) as connection:
        sql = "SELECT master, (SELECT count(*) FROM people) FROM sealing"
        fingerprint, people = connection.execute(sql).fetchone() or ("unknown", 0)
    path = next((key.path for key in keys_there(directory) if key.fingerprint == fingerprint), None)
    return KeyFacts(fingerprint, path, people)


def rotate_key(directory: Path, limits: Limits | None = None) -> tuple[MasterKey, MasterKey]:
    """Seal everything under a new master key; the old one and the new one.

    The new key waits beside the old one until the one transaction that changes the store is durable: killed at any
    point, the store opens with one of the two. Raises StoreError, StoreBusyError while a door works with it.
    """
    with closing(Database(directory, (limits or Limits()).ballast_bytes)) as database:
        old, new = database.key, make_key(directory)
        database.write(lambda connection: _rewrap(connection, database.sealer, new))
        settle(directory, new)
        database.flush()
    return old, new


def _rewrap(connection: sqlite3.Connection, old: Sealer, new: MasterKey) -> None:
    """What does not open under the old key is left as it is: it stays damaged."""
    under = old.under(new.secret)

    def again(sealed: bytes, *bound_to: str | int) -> bytes:
        with suppress(StoreError):
            return under.seal(old.unseal(sealed, *bound_to), *bound_to)
        return sealed

    for person_id, generation, data_key in connection.execute("SELECT id, generation, data_key FROM people").fetchall():
        row = (again(data_key, "key", person_id, generation), person_id)
        connection.execute("UPDATE people SET data_key = ? WHERE id = ?", row)
    for name, value in connection.execute("SELECT name, value FROM memory").fetchall():
        connection.execute("UPDATE memory SET value = ? WHERE name = ?", (again(value, "memory", name), name))
    for salt, digest in connection.execute("SELECT salt, digest FROM pin").fetchall():
        connection.execute("UPDATE pin SET digest = ?", (again(digest, "pin", salt.hex()),))
    (roll,) = connection.execute("SELECT roll FROM sealing").fetchone()
    connection.execute("UPDATE sealing SET roll = ?, master = ?", (again(roll, "roll"), new.fingerprint))
    scrub(connection)

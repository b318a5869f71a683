"""The tables, as a list of migrations: what version n needs to become n + 1, oldest first."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from edge.store import ledger, vault
from edge.store.master_key import MasterKey

# "Lime" in ASCII: tells this file from any other SQLite database.
APPLICATION_ID: Final = 0x4C696D65
GENERATION: Final = "SELECT coalesce(max(generation), 0) FROM counters"


def _first(connection: sqlite3.Connection, _key: MasterKey | None) -> None:
    """`counters` has one row. `journal.worth` says what goes first when room is short (see `edge.store.journal`)."""
    for statement in (
        "CREATE TABLE counters (generation INTEGER NOT NULL, dropped INTEGER NOT NULL) STRICT",
        "INSERT INTO counters VALUES (0, 0)",
        "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT NOT NULL, enrolled_at TEXT NOT NULL) STRICT",
        """CREATE TABLE person_references (
            person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
            number INTEGER NOT NULL, space TEXT NOT NULL, dimension INTEGER NOT NULL, vector BLOB NOT NULL,
            PRIMARY KEY (person_id, number)) STRICT""",
        """CREATE TABLE journal (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, boot_id TEXT NOT NULL,
            ts INTEGER NOT NULL, ts_trusted INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL,
            monotonic REAL NOT NULL, generation INTEGER NOT NULL, worth INTEGER NOT NULL, bytes INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX journal_worth ON journal (worth, seq)",
        "CREATE INDEX journal_unsent ON journal (seq) WHERE worth > 0",
        """CREATE TABLE spent (
            number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, digest TEXT NOT NULL,
            answer TEXT NOT NULL, ts INTEGER NOT NULL, ts_trusted INTEGER NOT NULL) STRICT""",
    ):
        connection.execute(statement)


def _pin(connection: sqlite3.Connection, _key: MasterKey | None) -> None:
    """One row at most. `wrong` counts the attempts since the last right one."""
    connection.execute(
        """CREATE TABLE pin (
            number INTEGER PRIMARY KEY CHECK (number = 1), salt BLOB NOT NULL, digest BLOB NOT NULL,
            wrong INTEGER NOT NULL) STRICT"""
    )


def _chain(connection: sqlite3.Connection, _key: MasterKey | None) -> None:
    ledger.create(connection)


def _seals(connection: sqlite3.Connection, key: MasterKey | None) -> None:
    assert key is not None, "people are sealed under a key"
    vault.create(connection, key)


MIGRATIONS: Final[tuple[Callable[[sqlite3.Connection, MasterKey | None], None], ...]] = (_first, _pin, _chain, _seals)
SEALED: Final = 4  # from this version on people are sealed, and it takes a key to get there


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def application_id(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA application_id").fetchone()[0])


def names(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Type and name of every table, index, view and trigger."""
    return set(connection.execute("SELECT type, name FROM sqlite_schema"))


def names_of(version: int) -> set[tuple[str, str]]:
    """What `names` must say of a store of this version."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, version, key=MasterKey(Path(), bytes(32)))
        return names(connection)


def migrate(connection: sqlite3.Connection, to: int = len(MIGRATIONS), *, key: MasterKey | None = None) -> None:
    """Up to version `to` in one transaction, sealed under `key`. `connection` must be in autocommit mode."""
    since = version(connection)
    if since >= to:
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for migration in MIGRATIONS[since:to]:
            migration(connection, key)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
        connection.execute(f"PRAGMA user_version = {to:d}")

"""The tables of what is sealed, which key opens them, and how people of before there was a seal come into them."""

from __future__ import annotations

import itertools
import secrets
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from edge.errors import StoreError
from edge.store.master_key import MasterKey, keys_there, make_key
from edge.store.records import SealedPerson, close_person
from edge.store.roll import Roll, close_roll, open_roll
from edge.store.sealing import Sealer
from edge.values import Embedding, Person, frozen_array

_PEOPLE: Final = (
    "people (id TEXT PRIMARY KEY, generation INTEGER NOT NULL, data_key BLOB NOT NULL, record BLOB NOT NULL)",
    """person_references (
        person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE, number INTEGER NOT NULL,
        space TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (person_id, number))""",
    """person_crops (
        person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE, number INTEGER NOT NULL,
        crop BLOB NOT NULL, PRIMARY KEY (person_id, number))""",
)
_TABLES: Final = (
    # One row. `master` is the fingerprint of the key; `plain` is 1 until every byte that was not sealed is gone.
    """sealing (number INTEGER PRIMARY KEY CHECK (number = 1), device TEXT NOT NULL, master TEXT NOT NULL,
        roll BLOB NOT NULL, plain INTEGER NOT NULL)""",
    "memory (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    *_PEOPLE,
)
_ROWS: Final = (
    ("people", "INSERT INTO people VALUES (?, ?, ?, ?)"),
    ("person_references", "INSERT INTO person_references VALUES (?, ?, ?, ?)"),
    ("person_crops", "INSERT INTO person_crops VALUES (?, ?, ?)"),
)
_PLAIN: Final = """
    SELECT people.id, people.name, people.enrolled_at, number, space, dimension, vector
    FROM people LEFT JOIN person_references ON person_id = people.id ORDER BY people.rowid, number"""


def create(connection: sqlite3.Connection, key: MasterKey) -> None:
    """Make the tables, and seal the people of a store that had none. Who cannot be read whole stays damaged."""
    plain = connection.execute(_PLAIN).fetchall()
    (generation,) = connection.execute("SELECT coalesce(max(generation), 0) FROM counters").fetchone()
    for table in ("person_references", "people"):
        connection.execute(f"DROP TABLE {table}")
    for table in _TABLES:
        connection.execute(f"CREATE TABLE {table} STRICT")
    sealer = Sealer(secrets.token_hex(16), key.secret)
    on_the_roll = {}
    for about, rows in itertools.groupby(plain, lambda row: row[:3]):
        on_the_roll[about[0]] = generation
        try:
            put(connection, close_person(_plain_person(about, [row[3:] for row in rows]), generation, sealer))
        except (StoreError, ValueError, TypeError):
            continue
    roll = close_roll(Roll(generation, on_the_roll), sealer)
    row = (sealer.device, key.fingerprint, roll, int(bool(plain)))
    connection.execute("INSERT INTO sealing VALUES (1, ?, ?, ?, ?)", row)


def put(connection: sqlite3.Connection, person: SealedPerson) -> None:
    """In place of the rows this person had."""
    for table in ("person_crops", "person_references"):
        connection.execute(f"DELETE FROM {table} WHERE person_id = ?", (person.id,))  # noqa: S608 - constants
    connection.execute(
        "INSERT INTO people VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
        " SET generation = excluded.generation, data_key = excluded.data_key, record = excluded.record",
        (person.id, person.generation, person.data_key, person.record),
    )
    connection.executemany(
        "INSERT INTO person_references VALUES (?, ?, ?, ?)", [(person.id, *row) for row in person.references]
    )
    connection.executemany(
        "INSERT INTO person_crops VALUES (?, ?, ?)", [(person.id, *row) for row in enumerate(person.crops)]
    )


def scrub(connection: sqlite3.Connection) -> None:
    """Write everybody into fresh pages. What was moved within a page can outlive its deletion there, secure or not."""
    kept = [(insert, connection.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()) for table, insert in _ROWS]  # noqa: S608 - constants
    for table, _ in reversed(_ROWS):
        connection.execute(f"DROP TABLE {table}")
    for table in _PEOPLE:
        connection.execute(f"CREATE TABLE {table} STRICT")
    for insert, rows in kept:
        connection.executemany(insert, rows)


def key_for(connection: sqlite3.Connection, directory: Path, *, sealed: bool) -> MasterKey:
    """The key of this store; made where there is none and nobody needs one yet. Raises StoreError."""
    found = keys_there(directory)
    if sealed:
        return _opening(connection, found)
    # Who can write the file but has no key might put one in its place that was never sealed, with themselves in it.
    if any(not key.waiting for key in found) and connection.execute("SELECT 1 FROM people").fetchone():
        raise StoreError(
            f"the people in {directory / 'store.db'} were never sealed, and yet there is a key, {found[0].path}: "
            "if you trust that file, move the key away for one start, which seals them under a new one"
        )
    return found[0] if found else make_key(directory)


def sealer_of(connection: sqlite3.Connection, key: MasterKey) -> Sealer:
    (device,) = connection.execute("SELECT device FROM sealing").fetchone()
    return Sealer(device, key.secret)


def _opening(connection: sqlite3.Connection, found: tuple[MasterKey, ...]) -> MasterKey:
    row = connection.execute("SELECT master, device, roll FROM sealing").fetchone()
    if row is None:
        raise StoreError("the row that says what the people are sealed with is missing: put a backup in place")
    fingerprint, device, roll = row
    for key in found:
        if key.fingerprint == fingerprint or _opens(roll, Sealer(device, key.secret)):
            return key
    there = ", ".join(f"{key.path} is {key.fingerprint}" for key in found) or "there is none"
    raise StoreError(f"the people are sealed under the master key {fingerprint}, and {there}: put the right key back")


def _opens(roll: bytes, sealer: Sealer) -> bool:
    try:
        open_roll(roll, sealer)
    except StoreError:
        return False
    return True


def _plain_person(about: tuple[str, str, str], rows: list[tuple[int, str, int, bytes]]) -> Person:
    person_id, name, enrolled_at = about
    vectors = [np.frombuffer(vector, dtype="<f4").astype(np.float32) for *_, vector in rows]
    if any(vector.size != row[2] for vector, row in zip(vectors, rows, strict=True)):
        raise StoreError(f"{person_id}: a reference is not as long as it says")
    references = (Embedding(frozen_array(vector), row[1]) for vector, row in zip(vectors, rows, strict=True))
    return Person(person_id, name, tuple(references), datetime.fromisoformat(enrolled_at))

"""People and their references. A person is stored whole or not at all, and read whole or reported as damaged."""

from __future__ import annotations

import contextlib
import itertools
import re
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.errors import StoreError
from edge.store.database import Database
from edge.store.schema import GENERATION
from edge.store.seal import Seal
from edge.values import Embedding, Person, frozen_array

_ID: Final = re.compile(r"[a-z0-9_-]{1,64}")
_UNIT_TOLERANCE: Final = 1e-3

_ALL: Final = """
    SELECT people.id, people.name, people.enrolled_at, number, space, dimension, vector
    FROM people LEFT JOIN person_references ON person_id = people.id ORDER BY people.rowid, number"""
_NEXT_GENERATION: Final = "UPDATE counters SET generation = generation + 1"


class People:
    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal
        self.damaged: tuple[str, ...] = ()

    @property
    def generation(self) -> int:
        return int(self._database.read(GENERATION)[0][0])

    def all(self) -> tuple[Person, ...]:
        """In the order they were added. Who cannot be read whole is left out and named in `damaged`."""
        people, damaged = [], []
        for (person_id, name, enrolled_at), rows in itertools.groupby(self._database.read(_ALL), lambda row: row[:3]):
            try:
                references = tuple(self._reference(person_id, *row[3:]) for row in rows)
                since = datetime.fromisoformat(enrolled_at).astimezone(UTC)
                people.append(Person(person_id, name, references, since))
            except (StoreError, ValueError):
                damaged.append(person_id)
        self.damaged = tuple(damaged)
        return tuple(people)

    def ids(self) -> frozenset[str]:
        return frozenset(person_id for (person_id,) in self._database.read("SELECT id FROM people"))

    def add(self, person: Person) -> None:
        """Raises StoreError, with nothing stored, if the id is taken or the person is not fit to be read back."""
        if not _ID.fullmatch(person.id):
            raise StoreError(f"a person's id has 1-64 of a-z 0-9 _ and -, not {person.id!r}")
        if not person.references or person.enrolled_at.tzinfo is None:
            raise StoreError(f"{person.id} needs references and an enrolment time with a time zone")
        rows = list(self._rows(person))

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM people WHERE id = ?", (person.id,)).fetchone():
                raise StoreError(f"{person.id} is there already")
            about = (person.id, person.name, person.enrolled_at.isoformat())
            connection.execute("INSERT INTO people VALUES (?, ?, ?)", about)
            connection.executemany("INSERT INTO person_references VALUES (?, ?, ?, ?, ?)", rows)
            connection.execute(_NEXT_GENERATION)

        self._database.write(work)

    def delete(self, person_id: str) -> bool:
        """Whether there was such a person. Their bytes are overwritten in the file; see `flush` for the log."""

        def work(connection: sqlite3.Connection) -> bool:
            found = connection.execute("DELETE FROM people WHERE id = ?", (person_id,)).rowcount > 0
            if found:
                connection.execute(_NEXT_GENERATION)
            return found

        return self._database.write(work)

    def flush(self) -> None:
        """Empty the write-ahead log, which may still hold what was deleted."""
        with contextlib.suppress(StoreError):  # the person is deleted; the next checkpoint tries again
            self._database.read("PRAGMA wal_checkpoint(TRUNCATE)")

    def _rows(self, person: Person) -> Iterable[tuple[Any, ...]]:
        for number, reference in enumerate(person.references):
            _check_unit(reference.vector)
            plain = np.ascontiguousarray(reference.vector, dtype="<f4").tobytes()
            sealed = self._seal.seal(plain, _bound_to(person.id, number, reference.space))
            yield person.id, number, reference.space, reference.vector.size, sealed

    def _reference(self, person_id: str, number: int, space: str, dimension: int, sealed: bytes) -> Embedding:
        if number is None:
            raise StoreError(f"{person_id} has no references")
        plain = self._seal.unseal(sealed, _bound_to(person_id, number, space))
        if len(plain) != 4 * dimension:
            raise StoreError(f"{person_id}: reference {number} has {len(plain)} bytes, not {4 * dimension}")
        vector = np.frombuffer(plain, dtype="<f4").astype(np.float32)
        _check_unit(vector)
        return Embedding(frozen_array(vector), space)


def _bound_to(person_id: str, number: int, space: str) -> bytes:
    return f"{person_id}\0{number}\0{space}".encode()


def _check_unit(vector: NDArray[np.float32]) -> None:
    """Raises StoreError unless float32 [dimension], finite and of length one. NaN fails every comparison here."""
    if vector.dtype != np.float32 or vector.ndim != 1:
        raise StoreError(f"a reference is float32 [dimension], not {vector.dtype} {list(vector.shape)}")
    if not abs(float(np.linalg.norm(vector.astype(np.float64))) - 1.0) <= _UNIT_TOLERANCE:
        raise StoreError("a reference is not a unit vector")

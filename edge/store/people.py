"""People and their references. A person is stored whole or not at all, and read whole or reported as damaged."""

from __future__ import annotations

import contextlib
import itertools
import re
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.errors import StoreError
from edge.store import vault
from edge.store.database import Database
from edge.store.records import SealedPerson, SealedReference, close_person, open_person
from edge.store.roll import Roll, close_roll, open_roll
from edge.store.schema import GENERATION
from edge.values import Person

_ID: Final = re.compile(r"[a-z0-9_-]{1,64}")

_ALL: Final = """
    SELECT id, people.generation, data_key, record, number, space, vector
    FROM people LEFT JOIN person_references ON person_id = id ORDER BY people.rowid, number"""
_ROLL: Final = f"""
    SELECT roll, ({GENERATION}), (SELECT generation FROM journal ORDER BY seq DESC LIMIT 1) FROM sealing"""  # noqa: S608 - a constant


class People:
    """`damaged` and `rolled_back` are as of the last `all()`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.damaged: tuple[str, ...] = ()
        self.rolled_back = False

    @property
    def generation(self) -> int:
        return int(self._database.read(GENERATION)[0][0])

    def all(self) -> tuple[Person, ...]:
        """In the order they were added. Who cannot be read whole, or is not on the roll, is named in `damaged`."""
        roll, self.rolled_back = self._roll()
        missing = dict.fromkeys(roll.people)
        people, damaged = [], []
        for sealed in self._sealed():
            missing.pop(sealed.id, None)
            try:
                people.append(self._trusted(sealed, roll))
            except StoreError:
                damaged.append(sealed.id)
        self.damaged = (*damaged, *missing)
        return tuple(people)

    def ids(self) -> frozenset[str]:
        """Also of those who are damaged."""
        return frozenset(person_id for (person_id,) in self._database.read("SELECT id FROM people")).union(
            self._roll()[0].people
        )

    def add(self, person: Person, crops: Sequence[NDArray[np.uint8]] = ()) -> None:
        """Raises StoreError, with nothing stored, if the id is taken or the person is not fit to be read back."""
        if not _ID.fullmatch(person.id):
            raise StoreError(f"a person's id has 1-64 of a-z 0-9 _ and -, not {person.id!r}")

        def work(connection: sqlite3.Connection) -> None:
            if person.id in self.ids():
                raise StoreError(f"{person.id} is there already")
            self._put(connection, person, crops)

        self._database.write(work)

    def change(self, person: Person, crops: Sequence[NDArray[np.uint8]] = ()) -> None:
        """Raises StoreError, with nothing changed, if there is no such person or they are not fit to be read back."""

        def work(connection: sqlite3.Connection) -> None:
            if person.id not in self.ids():
                raise StoreError(f"nobody has the id {person.id}")
            self._put(connection, person, crops)
            vault.scrub(connection)

        self._database.write(work)

    def delete(self, person_id: str) -> bool:
        """Whether there was such a person. Their bytes are overwritten in the file; see `flush` for the log."""

        def work(connection: sqlite3.Connection) -> bool:
            found = person_id in self.ids()
            if found:
                connection.execute("DELETE FROM people WHERE id = ?", (person_id,))
                vault.scrub(connection)
                self._keep_roll(connection, self._roll()[0].without_person(person_id))
            return found

        return self._database.write(work)

    def flush(self) -> None:
        """Empty the write-ahead log, which may still hold what was deleted."""
        with contextlib.suppress(StoreError):  # the person is deleted; the next checkpoint tries again
            self._database.flush()

    def _trusted(self, sealed: SealedPerson, roll: Roll) -> Person:
        if roll.people.get(sealed.id) != sealed.generation:
            raise StoreError(f"{sealed.id}: not as the roll knows them")
        return open_person(sealed, self._database.sealer)

    def _put(self, connection: sqlite3.Connection, person: Person, crops: Sequence[NDArray[np.uint8]]) -> None:
        if not person.references or len({reference.space for reference in person.references}) > 1:
            raise StoreError(f"{person.id} needs references, all of one space")
        roll = self._roll()[0].with_person(person.id)
        vault.put(connection, close_person(person, roll.generation, self._database.sealer, crops))
        self._keep_roll(connection, roll)

    def _keep_roll(self, connection: sqlite3.Connection, roll: Roll) -> None:
        connection.execute("UPDATE sealing SET roll = ?", (close_roll(roll, self._database.sealer),))
        connection.execute("UPDATE counters SET generation = ?", (roll.generation,))

    def _roll(self) -> tuple[Roll, bool]:
        """Who is trusted, and whether the people are older than the journal: then nobody is, until they are renewed."""
        sealed, counted, journalled = self._database.read(_ROLL)[0]
        newest = max(counted, journalled or 0)
        try:
            roll = open_roll(sealed, self._database.sealer)
        except StoreError:
            roll = None
        if roll is None or roll.generation != newest:
            return Roll(max(newest, 0 if roll is None else roll.generation)), True
        return roll, False

    def _sealed(self) -> list[SealedPerson]:
        everybody = self._database.read(_ALL)
        return [
            SealedPerson(person_id, generation, data_key, record, _references(rows))
            for (person_id, generation, data_key, record), rows in itertools.groupby(everybody, lambda row: row[:4])
        ]


def _references(rows: Iterable[Any]) -> tuple[SealedReference, ...]:
    return tuple(SealedReference(*row[4:]) for row in rows if row[4] is not None)

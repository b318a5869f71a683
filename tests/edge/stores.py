"""What the store tests share: a hand-set clock, made-up people, and a short way to open a store."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from numpy.typing import NDArray

from edge.settings import StoreSettings
from edge.store import schema
from edge.store.limits import Limits
from edge.store.store import Store, open_store
from edge.values import Embedding, Event, Person, frozen_array

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
SMALL = Limits(ballast_bytes=4096)

texts = some.text(some.characters(exclude_categories=["Cs"]), max_size=80)
in_one_directory = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def wait_for_a_date(store: Store, clock: HandClock) -> None:
    """Let the clock be believed where it stands: it has said so for a day."""
    clock.moment -= timedelta(days=1)
    store.today()
    clock.moment += timedelta(days=1)
    assert store.today() == clock.moment


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, wall: datetime = NOON) -> None:
        self.moment = wall
        self.believed = True

    def now(self) -> float:
        return 1000.5

    def cpu(self) -> float:
        return 0.0

    def wall(self) -> datetime:
        return self.moment

    def trusted(self) -> bool:
        return self.believed

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def open_small(
    directory: Path, clock: HandClock | None = None, *, limits: Limits = SMALL, days: int = 90, crops: bool = True
) -> Store:
    settings = StoreSettings(retention_days=days, keep_crops=crops)
    return open_store(settings, directory, clock or HandClock(), limits=limits)


def person(person_id: str, name: str = "Somebody", *, references: int = 5, seed: int = 0) -> Person:
    """With random unit vectors of 192 numbers."""
    chance = np.random.default_rng(seed)
    vectors = chance.standard_normal((references, 192))
    units = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Person(person_id, name, tuple(Embedding(frozen_array(unit), "abcdef012345") for unit in units), NOON)


def same(one: Person, other: Person) -> bool:
    """Embeddings compare by identity: this compares what is in them, bit by bit."""
    pairs = zip(one.references, other.references, strict=True)
    return replace(one, references=()) == replace(other, references=()) and all(
        a.space == b.space and a.vector.tobytes() == b.vector.tobytes() for a, b in pairs
    )


def crops(count: int) -> list[NDArray[np.uint8]]:
    """Pictures as the references of a person would be made of."""
    return list(np.random.default_rng(7).integers(0, 256, (count, 112, 112, 3), dtype=np.uint8))


def found(directory: Path, needles: Sequence[bytes]) -> int:
    """How many of `needles` stand in any file of `directory`."""
    files = [path.read_bytes() for path in directory.rglob("*") if path.is_file()]
    return sum(any(needle in file for file in files) for needle in needles)


def pieces(directory: Path, person_id: str) -> list[bytes]:
    """Of every sealed field of a person, the wrapped key among them, 50 bytes in each 1,000, as the file holds them."""
    fields = """
        SELECT data_key FROM people WHERE id = ?1 UNION ALL SELECT record FROM people WHERE id = ?1
        UNION ALL SELECT vector FROM person_references WHERE person_id = ?1
        UNION ALL SELECT crop FROM person_crops WHERE person_id = ?1"""
    with closing(sqlite3.connect(directory / "store.db")) as connection:
        blobs = [blob for (blob,) in connection.execute(fields, (person_id,))]
    return [blob[at : at + 50] for blob in blobs for at in range(0, len(blob) - 49, 1000)]


def plain_store(directory: Path, *people: Person) -> list[bytes]:
    """A store as it was before people were sealed, closed; what is to be read in it."""
    with closing(sqlite3.connect(directory / "store.db", isolation_level=None)) as old:
        old.execute("PRAGMA journal_mode = WAL")
        schema.migrate(old, schema.SEALED - 1)
        for one in people:
            old.execute("INSERT INTO people VALUES (?, ?, ?)", (one.id, one.name, one.enrolled_at.isoformat()))
            rows = [(one.id, n, each.space, 192, each.vector.tobytes()) for n, each in enumerate(one.references)]
            old.executemany("INSERT INTO person_references VALUES (?, ?, ?, ?, ?)", rows)
        old.execute("UPDATE counters SET generation = 7")
        old.execute("INSERT INTO pin VALUES (1, ?, ?, 3)", (b"salt", b"a digest of the PIN"))
        old.execute("UPDATE person_references SET vector = zeroblob(768) WHERE person_id = 'p3' AND number = 2")
    needles = [each.vector.tobytes()[:60] for one in people for each in one.references if one.id != "p3"]
    assert found(directory, needles) == len(needles)
    return [*needles, b"a digest of the PIN", *(one.name.encode() for one in people)]


def visit(verdict: str, **data: object) -> Event:
    return Event("access", {"verdict": verdict, **data})

"""What the store tests share: a hand-set clock, made-up people, and a short way to open a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some

from edge.settings import StoreSettings
from edge.store.limits import Limits
from edge.store.seal import PLAIN, Seal
from edge.store.store import Store, open_store
from edge.values import Embedding, Event, Person, frozen_array

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
SMALL = Limits(ballast_bytes=4096)

texts = some.text(some.characters(exclude_categories=["Cs"]), max_size=80)
in_one_directory = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
    directory: Path, clock: HandClock | None = None, *, limits: Limits = SMALL, days: int = 90, seal: Seal = PLAIN
) -> Store:
    return open_store(StoreSettings(retention_days=days), directory, clock or HandClock(), seal=seal, limits=limits)


def person(person_id: str, name: str = "Somebody", *, references: int = 5, seed: int = 0) -> Person:
    """With random unit vectors of 192 numbers."""
    chance = np.random.default_rng(seed)
    vectors = chance.standard_normal((references, 192))
    units = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Person(person_id, name, tuple(Embedding(frozen_array(unit), "abcdef012345") for unit in units), NOON)


def same(one: Person, other: Person) -> bool:
    """Embeddings compare by identity: this compares what is in them, bit by bit."""
    pairs = zip(one.references, other.references, strict=True)
    return (one.id, one.name, one.enrolled_at) == (other.id, other.name, other.enrolled_at) and all(
        a.space == b.space and a.vector.tobytes() == b.vector.tobytes() for a, b in pairs
    )


def visit(verdict: str, **data: object) -> Event:
    return Event("access", {"verdict": verdict, **data})

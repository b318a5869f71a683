"""What sealing costs: opening a store, and reading everybody in it, on the machine at hand."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from edge.clock import Clock
from edge.service.measure import machine
from edge.settings import StoreSettings
from edge.store.store import open_store
from edge.values import Embedding, Person, frozen_array

_PEOPLE, _REFERENCES, _DIMENSION = 20, 10, 192
_TIMES: Final = 20


class StoreFigures(msgspec.Struct, frozen=True):
    """Median milliseconds over `times` runs, for `people` with `references` each. `machine` says where."""

    machine: dict[str, Any]
    people: int
    references: int
    times: int
    open_ms: float
    read_ms: float
    add_ms: float


def measure_store(clock: Clock) -> StoreFigures:
    """In a folder of its own, which is gone afterwards."""
    settings, chance = StoreSettings(), np.random.default_rng(1)
    opened, read, added = [], [], []
    with tempfile.TemporaryDirectory(prefix="limen-bench-") as name:
        directory = Path(name)
        with open_store(settings, directory, clock) as store:
            for number in range(_PEOPLE):
                person = _somebody(f"p{number}", chance, clock)
                started = clock.now()
                store.add_person(person)
                added.append(clock.now() - started)
        for _ in range(_TIMES):
            started = clock.now()
            with open_store(settings, directory, clock) as store:
                opened.append(clock.now() - started)
                started = clock.now()
                assert len(store.people()) == _PEOPLE
                read.append(clock.now() - started)
    medians = [round(1e3 * float(np.median(seconds)), 2) for seconds in (opened, read, added)]
    return StoreFigures(machine("cryptography's AES-256-GCM"), _PEOPLE, _REFERENCES, _TIMES, *medians)


def _somebody(person_id: str, chance: np.random.Generator, clock: Clock) -> Person:
    vectors = chance.standard_normal((_REFERENCES, _DIMENSION))
    units = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    references = tuple(Embedding(frozen_array(unit), "bench") for unit in units)
    return Person(person_id, "Somebody", references, clock.wall())

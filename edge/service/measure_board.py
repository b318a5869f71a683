"""What a page of the dashboard costs once there is a past: a hundred thousand events, on the machine at hand."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from edge.clock import Clock, rfc3339
from edge.dashboard.archive import Archive
from edge.dashboard.database import FILE, Database
from edge.dashboard.hearing import Told
from edge.dashboard.records import Records
from edge.dashboard.values import Query
from edge.mqtt.messages import AccessEvent
from edge.service.measure import machine

EVENTS: Final = 100_000
_PEOPLE: Final = 20
_DOORS: Final = ("front", "back")
_APART: Final = timedelta(minutes=5)
_TIMES: Final = 7
_BATCH: Final = 500


class BoardFigures(msgspec.Struct, frozen=True):
    """`stored`: microseconds to store one event; `answers`: median milliseconds of `times` runs, by question."""

    machine: dict[str, Any]
    events: int
    times: int
    megabytes: float
    stored: float
    answers: dict[str, float]


def measure_board(clock: Clock, events: int = EVENTS) -> BoardFigures:
    """In a folder of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="limen-bench-") as name:
        folder = Path(name)
        with Database(folder) as database:
            stored = _fill(Archive(database), clock, events)
            records = Records(database, clock)
            answers = {question: _median(ask, clock) for question, ask in _questions(records, clock).items()}
            size = (folder / FILE).stat().st_size / 1e6
    return BoardFigures(machine("SQLite through SQLAlchemy"), events, _TIMES, round(size, 1), round(stored, 1), answers)


def _questions(records: Records, clock: Clock) -> dict[str, Callable[[], object]]:
    newest, week = Query(), Query(since=clock.wall() - timedelta(days=7))
    middle = replace(newest, until=clock.wall() - EVENTS // 2 * _APART)
    return {
        "the newest 50 of all": lambda: records.events(newest),
        "50 from the middle": lambda: records.events(middle),
        "50 of one person": lambda: records.events(replace(newest, person="person-7")),
        "50 refusals at one door": lambda: records.events(replace(newest, door="front", verdict="refused")),
        "all charts, of a week": lambda: records.statistics(week),
        "all charts, of everything": lambda: records.statistics(newest),
    }


def _median(ask: Callable[[], object], clock: Clock) -> float:
    taken = []
    for _ in range(_TIMES):
        started = clock.now()
        ask()
        taken.append(clock.now() - started)
    return round(1e3 * float(np.median(taken)), 1)


def _fill(archive: Archive, clock: Clock, events: int) -> float:
    """Microseconds an event."""
    chance, now, took = np.random.default_rng(1), clock.wall(), 0.0
    for start in range(0, events, _BATCH):
        numbers = range(start, min(start + _BATCH, events))
        told = []
        for number in numbers:
            at = now - (events - number) * _APART
            visit = _visit(number, rfc3339(at), chance)
            told.append((Told(_DOORS[number % 2], "access", visit, live=False, at=at, received_at=at), 0))
        started = clock.now()
        archive.add(told)
        took += clock.now() - started
    return 1e6 * took / events


def _visit(number: int, ts: str, chance: np.random.Generator) -> AccessEvent:
    granted = bool(chance.random() < 0.7)
    person = f"person-{chance.integers(_PEOPLE)}"
    facts: dict[str, Any] = {"id": f"event-{number}", "seq": number + 1, "visit": f"visit-{number}", "references": 10}
    facts |= {"ts": ts, "ts_trusted": True, "boot_id": "bench", "detection_threshold": 0.53}
    facts |= {"latency_ms": round(float(chance.normal(60, 15)), 1)}
    if granted:
        facts |= {"verdict": "granted", "reason": "verified", "person_id": person, "person": person.title(), "votes": 9}
        facts |= {"similarity": round(float(chance.normal(0.75, 0.08)), 4)}
    else:
        word = str(chance.choice(["unknown", "dwell", "quality:blurred"]))
        facts |= {"verdict": "refused", "reason": word, "nearest_id": person, "nearest": person.title()}
        facts |= {"similarity": round(float(chance.normal(0.2, 0.1)), 4)}
    return AccessEvent(**facts)

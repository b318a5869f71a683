"""Events and answers come back as they were, or are refused; and the store stays within its bounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from edge.errors import StoreError
from edge.values import Event
from tests.edge.stores import NOON, SMALL, HandClock, in_one_directory, open_small, texts, visit, wait_for_a_date

json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@in_one_directory
@given(data=some.dictionaries(texts, json_values, max_size=5), kind=some.sampled_from(["access", "door", "system"]))
def test_events_come_back_as_they_were(tmp_path: Path, data: dict[str, Any], kind: Any) -> None:
    with open_small(tmp_path) as store:
        row = store.journal(Event(kind, data))
        assert (row.kind, row.data, row.sent) == (kind, data, False)
    with open_small(tmp_path) as store:
        assert store.events(row.seq - 1, 10) == (row,)
        assert store.unsent(10) == (row,)
        store.mark_sent(row.id)
        assert store.unsent(10) == ()
        assert store.events(row.seq - 1, 10) == (replace(row, sent=True),)


@pytest.mark.parametrize(
    "data",
    [
        {"similarity": float("nan")},
        {"similarity": float("inf")},
        {"votes": np.float32(0.5)},
        {"box": (1, 2)},
        {1: "one"},
        {"name": "\ud800"},
        {"when": NOON},
        {"long": "x" * 70_000},
        {"raw": b"bytes"},
        ["not", "an", "object"],
    ],
)
def test_data_that_is_not_clean_json_is_refused(tmp_path: Path, data: Any) -> None:
    with open_small(tmp_path) as store:
        with pytest.raises(StoreError):
            store.journal(Event("access", data))
        assert store.unsent(10) == ()
        assert store.journal(visit("refused")).seq == 1


def test_data_that_contains_itself_is_refused(tmp_path: Path) -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"deeper": deep}
    ring: dict[str, Any] = {}
    ring["ring"] = ring
    with open_small(tmp_path) as store:
        for data in (deep, ring):
            with pytest.raises(StoreError, match="not clean JSON"):
                store.journal(Event("system", data))


def test_a_decayed_event_is_handed_out_marked_and_does_not_block_the_next(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        for _ in range(3):
            store.journal(visit("granted"))
        for damage in (
            "UPDATE journal SET data = '{\"verd' WHERE seq = 2",
            "UPDATE journal SET ts = 9223372036854775807 WHERE seq = 2",
            "UPDATE journal SET data = CAST(x'ff' AS TEXT) WHERE seq = 2",
            "UPDATE journal SET data = '5' WHERE seq = 2",
            "UPDATE journal SET data = '{}', kind = 'acess' WHERE seq = 2",
        ):
            store._database.write(lambda connection, damage=damage: connection.execute(damage))
            assert [row.seq for row in store.unsent(10)] == [1, 2, 3]
        assert (store.unsent(10)[1].kind, store.unsent(10)[1].data) == ("system", {"damaged": True})


def test_events_carry_when_and_in_which_boot_they_were_written(tmp_path: Path) -> None:
    clock = HandClock(NOON + timedelta(microseconds=123_999))
    with open_small(tmp_path, clock) as store:
        first = store.journal(visit("granted"))
        clock.believed = False
        second = store.journal(visit("granted"))
    assert (first.ts, first.ts_trusted, first.monotonic) == ("2026-12-01T12:00:00.123Z", True, 1000.5)
    assert (second.ts_trusted, second.seq - first.seq, second.boot_id) == (False, 1, first.boot_id)
    assert len(first.id) == 32
    assert first.id != second.id


def test_a_full_journal_drops_delivered_rows_then_refused_visits_and_grants_last(tmp_path: Path) -> None:
    limits = replace(SMALL, journal_rows=6)
    with open_small(tmp_path, limits=limits) as store:
        store.mark_sent(store.journal(visit("granted", n=0)).id)
        store.journal(visit("granted", n=1))
        store.journal(Event("system", {"n": 2}))
        store.journal(visit("refused", n=3))
        store.journal(Event("door", {"n": 4}))
        store.journal(visit("refused", n=5))

        def kept_after(event: Event) -> list[int]:
            store.journal(event)
            return [row.data["n"] for row in store.events(0, 100)]

        assert kept_after(visit("granted", n=6)) == [1, 2, 3, 4, 5, 6]
        assert store.dropped == 0
        assert kept_after(visit("granted", n=7)) == [1, 2, 4, 5, 6, 7]
        assert kept_after(Event("door", {"n": 8})) == [1, 2, 4, 6, 7, 8]
        assert kept_after(visit("refused", n=9)) == [1, 2, 4, 6, 7, 8]
        assert kept_after(Event("door", {"n": 10})) == [1, 4, 6, 7, 8, 10]
        assert kept_after(Event("door", {"n": 11})) == [4, 6, 7, 8, 10, 11]
        assert store.dropped == 5
    with open_small(tmp_path, limits=limits) as store:
        assert store.dropped == 5
        store.journal(visit("granted", n=12))
        assert [row.data["n"] for row in store.events(0, 100)] == [6, 7, 8, 10, 11, 12]


def test_the_journal_is_bounded_in_bytes_too(tmp_path: Path) -> None:
    with open_small(tmp_path, limits=replace(SMALL, journal_bytes=10_000)) as store:
        for number in range(40):
            store.journal(visit("granted", n=number, text="x" * 1000))
        kept = [row.data["n"] for row in store.events(0, 100)]
        assert kept == list(range(40 - len(kept), 40))
        assert 5 <= len(kept) <= 10
        assert store.dropped == 40 - len(kept)


def test_old_events_are_pruned_sent_or_not_and_young_ones_stay(tmp_path: Path) -> None:
    clock = HandClock()
    with open_small(tmp_path, clock, limits=replace(SMALL, journal_rows=20), days=10) as store:
        for day in range(20):
            clock.moment = NOON + timedelta(days=day)
            clock.believed = day not in {3, 15}
            row = store.journal(visit("granted", day=day))
            if day % 2:
                store.mark_sent(row.id)
        clock.moment, clock.believed = NOON + timedelta(days=20), False
        assert store.prune() == 0
        clock.believed = True
        wait_for_a_date(store, clock)
        assert store.prune() == 10
        *kept, record = store.events(0, 100)
        assert [row.data["day"] for row in kept] == list(range(10, 20))
        assert record.data["event"] == "journal_pruned"
        assert record.data["detail"].startswith("10 events")
        assert store.dropped == 5
        assert store.prune() == 0
        for _ in range(10):
            store.journal(visit("granted"))
        assert len(store.events(0, 100)) == 20


def test_events_written_before_the_clock_was_set_are_not_taken_for_old(tmp_path: Path) -> None:
    clock = HandClock(datetime(1970, 1, 1, tzinfo=UTC))
    clock.believed = False
    with open_small(tmp_path, clock) as store:
        store.journal(visit("granted"))
        store.remember("t1", "digest", "{}")
        clock.moment, clock.believed = NOON, True
        wait_for_a_date(store, clock)
        assert store.prune() == 0
        assert len(store.unsent(10)) == 1
        assert store.answer("t1") is not None


def test_an_answer_is_kept_a_day_and_bound_to_the_bytes_of_its_request(tmp_path: Path) -> None:
    clock = HandClock()
    with open_small(tmp_path, clock) as store:
        assert store.answer("t1") is None
        store.remember("t1", "digest", '{"status":"accepted"}')
        store.remember("t1", "digest", '{"status":"ok"}')
        with pytest.raises(StoreError, match="t1 was spent"):
            store.remember("t1", "other", "{}")
        with pytest.raises(StoreError, match="65536 bytes"):
            store.remember("t2", "digest", "x" * 70_000)
    with open_small(tmp_path, clock) as store:
        kept = store.answer("t1")
        assert kept is not None
        assert (kept.digest, kept.answer, kept.at) == ("digest", '{"status":"ok"}', NOON)
        clock.moment += timedelta(hours=23, minutes=59)
        wait_for_a_date(store, clock)
        store.prune()
        assert store.answer("t1") is not None
        clock.moment += timedelta(minutes=2)
        store.prune()
        assert store.answer("t1") is None


def test_only_so_many_answers_are_kept(tmp_path: Path) -> None:
    with open_small(tmp_path, limits=replace(SMALL, answers=5)) as store:
        for number in range(12):
            store.remember(f"t{number}", "digest", "{}")
        assert [number for number in range(12) if store.answer(f"t{number}")] == [7, 8, 9, 10, 11]

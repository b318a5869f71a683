"""What is put into the store comes back as it was, or is refused; and the store stays within its bounds."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as some_numpy

from edge.errors import StoreError
from edge.store.limits import Limits
from edge.values import Embedding, Event, Person
from tests.edge.stores import NOON, SMALL, HandClock, open_small, person, same, visit

in_one_directory = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

ids = some.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=64)
texts = some.text(some.characters(exclude_categories=["Cs"]), max_size=80)
json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@some.composite
def embeddings(draw: some.DrawFn) -> Embedding:
    numbers = draw(some_numpy.arrays(np.float64, draw(some.integers(1, 64)), elements=some.floats(-1, 1)))
    numbers[0] += 2.0
    return Embedding((numbers / np.linalg.norm(numbers)).astype(np.float32), draw(texts.filter(bool)))


@some.composite
def people(draw: some.DrawFn) -> Person:
    zone = timezone(timedelta(minutes=draw(some.integers(-720, 720))))
    moment = draw(some.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=some.just(zone)))  # noqa: DTZ001
    return Person(draw(ids), draw(texts), tuple(draw(some.lists(embeddings(), min_size=1, max_size=4))), moment)


@in_one_directory
@given(someone=people())
def test_people_come_back_as_they_were(tmp_path: Path, someone: Person) -> None:
    with open_small(tmp_path) as store:
        store.add_person(someone)
    with open_small(tmp_path) as store:
        (found,) = store.people()
        assert same(found, someone)
        assert store.damaged == ()
        assert store.delete_person(someone.id)
        assert store.people() == ()


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
    "name", ["'; DROP TABLE people; --", "Robert\0Tables", "a\r\nb\x1b[31m", "\u202egnirts", '{"v":1}', "%s%n", ""]
)
def test_a_name_is_only_text(tmp_path: Path, name: str) -> None:
    with open_small(tmp_path) as store:
        store.add_person(person("anna", name))
        store.journal(visit("granted", name=name))
        assert [found.name for found in store.people()] == [name]
        assert [row.data["name"] for row in store.unsent(10)] == [name]
        assert store.delete_person(name) is False
        assert store.answer(name) is None


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


def unfit_people() -> dict[str, Person]:
    good = person("anna")
    first = good.references[0]
    nan, wrong = first.vector.copy(), first.vector.copy()
    nan[3] = np.nan
    wrong *= 2
    vectors = {"nan": nan, "length two": wrong, "zero": np.zeros(192, np.float32), "empty": np.empty(0, np.float32)}
    vectors |= {"float64": first.vector.astype(np.float64), "matrix": first.vector.reshape(2, 96)}
    unfit = {
        what: replace(good, references=(*good.references[:3], Embedding(vector, first.space)))
        for what, vector in vectors.items()
    }
    unfit |= {f"id {name!r}": replace(good, id=name) for name in ("", "Anna", "../x", "a" * 65, "a\n", "ä", "a b")}
    unfit["surrogate"] = replace(good, name="\ud800")
    unfit["nobody"] = replace(good, references=())
    unfit["no time zone"] = replace(good, enrolled_at=NOON.replace(tzinfo=None))
    return unfit


@pytest.mark.parametrize("what", unfit_people())
def test_a_person_who_could_not_be_read_back_is_refused_whole(tmp_path: Path, what: str) -> None:
    with open_small(tmp_path) as store:
        with pytest.raises(StoreError):
            store.add_person(unfit_people()[what])
        assert (store.people(), store.generation) == ((), 0)
        store.add_person(person("anna"))


def test_a_taken_id_is_refused_and_the_first_person_stays(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        store.add_person(person("anna", "Anna"))
        with pytest.raises(StoreError, match="anna is there already"):
            store.add_person(person("anna", "Another", seed=1))
        (found,) = store.people()
        assert same(found, person("anna", "Anna"))


def test_every_change_of_people_is_a_new_generation_that_events_carry(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        assert store.journal(visit("granted")).generation == 0
        store.add_person(person("anna"))
        store.add_person(person("bob"))
        assert [found.id for found in store.people()] == ["anna", "bob"]
        assert store.delete_person("anna")
        assert not store.delete_person("anna")
        assert store.journal(visit("granted")).generation == store.generation == 3


def test_a_deleted_person_leaves_no_bytes_behind(tmp_path: Path) -> None:
    secret = person("anna", "Somebody Unforgettable")
    needles = [reference.vector.tobytes() for reference in secret.references] + [secret.name.encode()]

    def found() -> int:
        return sum(needle in file.read_bytes() for file in tmp_path.iterdir() for needle in needles)

    with open_small(tmp_path) as store:
        store.add_person(person("bob", seed=1))
        store.add_person(secret)
        assert found() >= len(needles)
        store.delete_person("anna")
        assert found() == 0


class Shifted:
    """A seal that is none, but that notices altered and moved bytes."""

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        return hashlib.sha256(plain + bound_to).digest() + plain

    def unseal(self, sealed: bytes, bound_to: bytes) -> bytes:
        if hashlib.sha256(sealed[32:] + bound_to).digest() != sealed[:32]:
            raise StoreError("altered")
        return sealed[32:]


def test_a_sealed_reference_moved_to_somebody_else_disables_that_person_alone(tmp_path: Path) -> None:
    with open_small(tmp_path, seal=Shifted()) as store:
        store.add_person(person("anna"))
        store.add_person(person("bob", seed=1))
        store.add_person(person("carol", seed=2))
        steal = """UPDATE person_references SET vector = (SELECT vector FROM person_references
            WHERE person_id = 'anna' AND number = 0) WHERE person_id = 'bob' AND number = 0"""
        store._database.write(lambda connection: connection.execute(steal))
        assert [found.id for found in store.people()] == ["anna", "carol"]
        assert store.damaged == ("bob",)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE person_references SET vector = zeroblob(768) WHERE number = 2",
        "UPDATE person_references SET vector = CAST(x'0000c07f' || substr(vector, 5) AS BLOB) WHERE number = 2",
        "UPDATE person_references SET vector = substr(vector, 1, 767) WHERE number = 2",
        "UPDATE person_references SET vector = x'' WHERE number = 2",
        "DELETE FROM person_references WHERE person_id = 'anna'",
        "UPDATE people SET enrolled_at = 'yesterday'",
    ],
)
def test_a_damaged_person_is_left_out_and_named(tmp_path: Path, damage: str) -> None:
    with open_small(tmp_path) as store:
        store.add_person(person("anna"))
        store._database.write(lambda connection: connection.execute(damage))
        store.add_person(person("bob", seed=1))
        assert [found.id for found in store.people()] == ["bob"]
        assert store.damaged == ("anna",)


def test_a_decayed_event_is_handed_out_marked_and_does_not_block_the_next(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        for _ in range(3):
            store.journal(visit("granted"))
        for damage in (
            "UPDATE journal SET data = '{\"verd' WHERE seq = 2",
            "UPDATE journal SET ts = 9223372036854775807 WHERE seq = 2",
            "UPDATE journal SET data = CAST(x'ff' AS TEXT) WHERE seq = 2",
        ):
            store._database.write(lambda connection, damage=damage: connection.execute(damage))
            assert [row.seq for row in store.unsent(10)] == [1, 2, 3]
        assert store.unsent(10)[1].data == {"damaged": True}


def test_events_carry_when_and_in_which_boot_they_were_written(tmp_path: Path) -> None:
    clock = HandClock(NOON + timedelta(microseconds=123_999))
    with open_small(tmp_path, clock) as store:
        first = store.journal(visit("granted"))
        clock.believed = False
        second = store.journal(visit("granted"))
    assert (first.ts, first.ts_trusted, first.monotonic) == (NOON + timedelta(milliseconds=123), True, 1000.5)
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
    with open_small(tmp_path, clock, days=10) as store:
        for day in range(20):
            clock.moment = NOON + timedelta(days=day)
            clock.believed = day not in {3, 15}
            row = store.journal(visit("granted", day=day))
            if day % 2:
                store.mark_sent(row.id)
        clock.believed = False
        assert store.prune(NOON + timedelta(days=20)) == 0
        clock.believed = True
        assert store.prune(NOON + timedelta(days=20)) == 10
        assert [row.data["day"] for row in store.events(0, 100)] == list(range(10, 20))
        assert store.dropped == 5
        assert store.prune(NOON + timedelta(days=20)) == 0


def test_events_written_before_the_clock_was_set_are_not_taken_for_old(tmp_path: Path) -> None:
    clock = HandClock(datetime(1970, 1, 1, tzinfo=UTC))
    clock.believed = False
    with open_small(tmp_path, clock) as store:
        store.journal(visit("granted"))
        store.remember("t1", b"digest", "{}")
        clock.moment, clock.believed = NOON, True
        assert store.prune(NOON) == 0
        assert len(store.unsent(10)) == 1
        assert store.answer("t1") is not None


def test_an_answer_is_kept_a_day_and_bound_to_the_bytes_of_its_request(tmp_path: Path) -> None:
    clock = HandClock()
    with open_small(tmp_path, clock) as store:
        assert store.answer("t1") is None
        store.remember("t1", b"digest", '{"status":"accepted"}')
        store.remember("t1", b"digest", '{"status":"ok"}')
        with pytest.raises(StoreError, match="t1 was spent"):
            store.remember("t1", b"other", "{}")
        with pytest.raises(StoreError, match="65536 bytes"):
            store.remember("t2", b"digest", "x" * 70_000)
    with open_small(tmp_path, clock) as store:
        kept = store.answer("t1")
        assert kept is not None
        assert (kept.digest, kept.answer, kept.at) == (b"digest", '{"status":"ok"}', NOON)
        store.prune(NOON + timedelta(hours=23, minutes=59))
        assert store.answer("t1") is not None
        store.prune(NOON + timedelta(hours=24, minutes=1))
        assert store.answer("t1") is None


def test_only_so_many_answers_are_kept(tmp_path: Path) -> None:
    with open_small(tmp_path, limits=Limits(answers=5, ballast_bytes=4096)) as store:
        for number in range(12):
            store.remember(f"t{number}", b"digest", "{}")
        assert [number for number in range(12) if store.answer(f"t{number}")] == [7, 8, 9, 10, 11]

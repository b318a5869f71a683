"""People are stored whole or not at all, come back as they were, and leave nothing behind."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra import numpy as some_numpy

from edge.errors import StoreError
from edge.values import Embedding, Person
from tests.edge.stores import NOON, in_one_directory, open_small, person, same, texts, visit

ids = some.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=64)


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
        "UPDATE person_references SET vector = CAST(vector || x'00000000' AS BLOB) WHERE number = 2",
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
        assert store.person_ids() == {"anna", "bob"}

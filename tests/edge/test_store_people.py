"""People are stored whole or not at all, come back as they were, and leave nothing behind."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra import numpy as some_numpy

from edge.errors import StoreError
from edge.store.pin import KeptPin
from edge.values import Embedding, Hours, Person, Schedule, Separation, Terms
from tests.edge.stores import (
    NOON,
    crops,
    found,
    in_one_directory,
    open_small,
    person,
    pieces,
    plain_store,
    same,
    texts,
    visit,
)

ids = some.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=64)


zones = some.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = some.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=zones)  # noqa: DTZ001
spans = some.builds(Hours, some.lists(some.integers(0, 6)).map(tuple), some.integers(0, 1439), some.integers(0, 1439))
schedules = some.builds(Schedule, some.lists(spans, max_size=3).map(tuple), texts)
factors = some.sampled_from(["automatic", "always", "never"])
terms = some.builds(
    Terms, some.none() | moments, some.none() | moments, some.none() | schedules, factors, some.booleans()
)
similarities = some.floats(-1, 1)
separations = some.builds(
    Separation, similarities, some.none() | ids, some.none() | similarities, some.lists(texts, max_size=3).map(tuple)
)


@some.composite
def people(draw: some.DrawFn) -> Person:
    space, references = draw(texts.filter(bool)), []
    for _ in range(draw(some.integers(1, 4))):
        numbers = draw(some_numpy.arrays(np.float64, draw(some.integers(1, 64)), elements=similarities))
        numbers[0] += 2.0
        references.append(Embedding((numbers / np.linalg.norm(numbers)).astype(np.float32), space))
    rest = (draw(moments), draw(terms), draw(some.none() | separations), draw(some.none() | some.booleans()))
    return Person(draw(ids), draw(texts), tuple(references), *rest)


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
    unfit["mixed spaces"] = replace(good, references=(first, Embedding(first.vector, "another")))
    unfit["no time zone"] = replace(good, enrolled_at=NOON.replace(tzinfo=None))
    unfit["no time zone until"] = replace(good, terms=Terms(valid_until=NOON.replace(tzinfo=None)))
    unfit["the last moment"] = replace(good, enrolled_at=datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))))
    unfit["a nan"] = replace(good, separation=Separation(math.nan))
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
    with open_small(tmp_path) as store:
        for number in range(20):
            store.add_person(person(f"p{number}", seed=number), crops=crops(5))
            store.journal(visit("granted", person_id=f"p{number}"))
        for number in (3, 19, 0, 7, 8, 9):
            needles = pieces(tmp_path, f"p{number}")
            assert found(tmp_path, needles) > 0.9 * len(needles) > 170, "but for those over the end of a page"
            store.delete_person(f"p{number}")
            assert found(tmp_path, needles) == 0, number
        assert len(store.people()) == 14
    assert found(tmp_path, needles) == 0


def test_what_was_answered_about_a_deleted_person_is_forgotten_and_stays_spent(tmp_path: Path) -> None:
    answers = {
        "own": {"status": "ok", "data": {"person_id": "anna-b"}, "error": None},
        "nearest": {"status": "ok", "data": {"warnings": ["looks like anna-b (similarity 0.61)"]}, "error": None},
        "error": {"status": "error", "data": None, "error": {"code": "already_enrolled", "message": "as anna-b"}},
        "another": {"status": "ok", "data": {"person_id": "anna-b2"}, "error": None},
    }
    with open_small(tmp_path) as store:
        store.add_person(person("anna-b"))
        for name, answer in answers.items():
            store.remember(name, f"digest of {name}", json.dumps(answer))
        store.remember("decayed", "digest", '{"person_id": "anna-b"')
        assert store.delete_person("anna-b")
        kept = {name: store.answer(name) for name in [*answers, "decayed"]}
        assert all(kept.values())
        assert kept["own"].digest == "digest of own"
        told = {name: json.loads(one.answer) for name, one in kept.items()}
    assert told["own"] == told["nearest"] == {"status": "ok", "data": None, "error": None}
    assert told["error"]["error"] == {"code": "already_enrolled", "message": ""}
    assert told["another"] == answers["another"]
    assert told["decayed"] == {}
    assert found(tmp_path, [b"anna-b "]) == found(tmp_path, [b'anna-b"']) == 0


def test_what_is_written_of_a_person_is_not_to_be_read_in_the_file(tmp_path: Path) -> None:
    secret = person("anna", "Somebody Unforgettable")
    needles = [reference.vector.tobytes() for reference in secret.references]
    needles += [secret.name.encode(), NOON.isoformat().encode(), crops(1)[0].tobytes()[:100]]
    with open_small(tmp_path) as store:
        store.add_person(secret, crops=crops(5))
        store.change_person(replace(secret, consent=True))
        store.keep("lockout", b"Somebody Unforgettable")
        assert found(tmp_path, needles) == 0
    assert found(tmp_path, needles) == 0


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE person_references SET vector = zeroblob(768) WHERE number = 2",
        "UPDATE person_references SET vector = CAST(x'0000c07f' || substr(vector, 5) AS BLOB) WHERE number = 2",
        "UPDATE person_references SET vector = substr(vector, 1, 767) WHERE number = 2",
        "UPDATE person_references SET vector = x'' WHERE number = 2",
        "UPDATE person_references SET vector = CAST(vector || x'00000000' AS BLOB) WHERE number = 2",
        "DELETE FROM person_references WHERE person_id = 'anna'",
        "DELETE FROM person_references WHERE person_id = 'anna' AND number = 4",
        "INSERT INTO person_references SELECT person_id, 5, space, vector FROM person_references WHERE number = 4",
        "UPDATE person_references SET number = number + 1 WHERE number = 4",
        "UPDATE person_references SET space = 'another' WHERE number = 2",
        "UPDATE people SET record = x''",
        "UPDATE people SET generation = generation + 1",
        "DELETE FROM people",
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


def test_people_of_before_there_was_a_seal_are_sealed_and_their_plain_bytes_are_gone(tmp_path: Path) -> None:
    before = [person(f"p{number}", f"Unforgettable{number}", seed=number) for number in range(6)]
    needles = plain_store(tmp_path, *before)
    with open_small(tmp_path) as store:
        after = store.people()
        assert all(same(one, before[int(one.id[1])]) for one in after)
        assert [one.id for one in after] == ["p0", "p1", "p2", "p4", "p5"]
        assert (store.damaged, store.rolled_back, store.generation) == (("p3",), False, 7)
        assert store.pin.kept() == KeptPin(b"salt", b"a digest of the PIN", 3)
        assert found(tmp_path, needles) == 0
    assert found(tmp_path, needles) == 0


@pytest.mark.parametrize("intruders", [(person("mallory", "Mallory"),), ()], ids=["with people", "with a PIN"])
def test_a_file_that_was_never_sealed_is_not_slipped_in_where_there_is_a_key(
    tmp_path: Path, intruders: tuple[Person, ...]
) -> None:
    with open_small(tmp_path) as store:
        store.add_person(person("anna"))
    (tmp_path / "store.db").unlink()
    plain_store(tmp_path, *intruders)
    with pytest.raises(StoreError, match=r"never sealed.*master\.key"):
        open_small(tmp_path)

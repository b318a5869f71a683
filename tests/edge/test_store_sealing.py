"""Whatever somebody without the key does to the sealed fields is noticed, and costs only those whom it touched."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import StoreError
from edge.store.store import Store
from tests.edge.stores import crops, open_small, person, same, visit

FIELDS = {
    "wrapped key": ("people", "data_key", "id = 'anna'"),
    "record": ("people", "record", "id = 'anna'"),
    "first reference": ("person_references", "vector", "person_id = 'anna' AND number = 0"),
    "last reference": ("person_references", "vector", "person_id = 'anna' AND number = 2"),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Anna with her pictures, and Bob; the journal knows of both."""
    with open_small(tmp_path) as store:
        store.add_person(person("anna", references=3), visit("granted"), crops(3))
        store.add_person(person("bob", references=3, seed=1), visit("granted"))
        assert len(store.people()) == 2
        yield store


@contextmanager
def tampered(store: Store, *statements: str, values: tuple[object, ...] = ()) -> Iterator[None]:
    """The store as somebody left it who changed the file; as it was when this is over."""
    connection = store._database._connection
    connection.execute("BEGIN")
    for statement in statements:
        assert connection.execute(statement, values).rowcount, statement
    yield
    connection.execute("ROLLBACK")


def flips(store: Store, table: str, field: str, where: str, step: int = 1) -> Iterator[bytes]:
    """The field with one byte altered, for every byte of it, or every `step`th."""
    ((whole,),) = store._database.read(f"SELECT {field} FROM {table} WHERE {where}")  # noqa: S608 - constants
    for place in range(0, len(whole), step):
        yield whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]


@pytest.mark.parametrize("what", FIELDS)
def test_every_single_flipped_byte_disables_that_person_alone(store: Store, what: str) -> None:
    table, field, where = FIELDS[what]
    number = 0
    for number, flipped in enumerate(flips(store, table, field, where), start=1):
        with tampered(store, f"UPDATE {table} SET {field} = ? WHERE {where}", values=(flipped,)):  # noqa: S608 - constants
            assert [one.id for one in store.people()] == ["bob"], number
            assert store.damaged == ("anna",), number
    assert number >= 60
    assert len(store.people()) == 2


def test_every_single_flipped_byte_of_a_picture_a_memory_the_pin_or_the_roll_is_noticed(store: Store) -> None:
    store.keep("lockout", b"{}")
    assert len(store.crops("anna")) == 3
    for flipped in flips(store, "person_crops", "crop", "number = 1", step=97):
        with tampered(store, "UPDATE person_crops SET crop = ? WHERE number = 1", values=(flipped,)):
            with pytest.raises(StoreError, match="crop anna 1"):
                store.crops("anna")
            assert len(store.people()) == 2, "their references are still theirs"
    for flipped in flips(store, "memory", "value", "name = 'lockout'"):
        with tampered(store, "UPDATE memory SET value = ?", values=(flipped,)), pytest.raises(StoreError):
            store.kept("lockout")
    store.pin.keep(b"salt", b"digest")
    for flipped in flips(store, "pin", "digest", "number = 1"):
        with tampered(store, "UPDATE pin SET digest = ?", values=(flipped,)):
            assert store.pin.kept() is None, "a PIN that nobody knows opens nothing"
    for flipped in flips(store, "sealing", "roll", "number = 1"):
        with tampered(store, "UPDATE sealing SET roll = ?", values=(flipped,)):
            assert (store.people(), store.damaged, store.rolled_back) == ((), ("anna", "bob"), True)
    assert (len(store.people()), store.rolled_back) == (2, False)


MOVES = {
    "a reference of somebody else": """UPDATE person_references SET vector = (SELECT vector FROM person_references
        WHERE person_id = 'bob' AND number = 0) WHERE person_id = 'anna' AND number = 0""",
    "a reference in another's place": """UPDATE person_references SET vector = (SELECT vector FROM person_references
        WHERE person_id = 'anna' AND number = 1) WHERE person_id = 'anna' AND number = 0""",
    "somebody else's record": """UPDATE people SET record =
        (SELECT record FROM people WHERE id = 'bob') WHERE id = 'anna'""",
    "somebody else's key": """UPDATE people SET data_key =
        (SELECT data_key FROM people WHERE id = 'bob') WHERE id = 'anna'""",
    "another space": "UPDATE person_references SET space = 'another' WHERE person_id = 'anna'",
    "another generation": "UPDATE people SET generation = 2 WHERE id = 'anna'",
    "a row less": "DELETE FROM people WHERE id = 'anna'",
    "a reference less": "DELETE FROM person_references WHERE person_id = 'anna' AND number = 2",
    "all of somebody else": """UPDATE people SET (generation, data_key, record) =
        (SELECT generation, data_key, record FROM people WHERE id = 'bob') WHERE id = 'anna'""",
}


@pytest.mark.parametrize("what", MOVES)
def test_rows_that_were_moved_disable_whom_they_were_moved_to(store: Store, what: str) -> None:
    with tampered(store, MOVES[what]):
        assert [one.id for one in store.people()] == ["bob"]
        assert store.damaged == ("anna",)


def test_a_person_who_never_was_is_nobody(store: Store) -> None:
    copies = "INSERT INTO people SELECT 'mallory', generation, data_key, record FROM people WHERE id = 'bob'"
    rows = "INSERT INTO person_references SELECT 'mallory', number, space, vector FROM person_references"
    with tampered(store, copies, f"{rows} WHERE person_id = 'bob'"):
        assert [one.id for one in store.people()] == ["anna", "bob"]
        assert store.damaged == ("mallory",)


def put_back(directory: Path, old: Path, *tables: str, where: str = "true") -> None:
    """Rows of `tables` as they are in the file `old`."""
    with closing(sqlite3.connect(directory / "store.db", isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS old", (str(old),))
        connection.execute("BEGIN")
        for table in tables:
            condition = where.replace("id", "person_id") if table == "person_references" else where
            connection.execute(f"DELETE FROM main.{table} WHERE {condition}")  # noqa: S608 - constants
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM old.{table} WHERE {condition}")  # noqa: S608 - constants
        connection.execute("COMMIT")


PEOPLE = ("people", "person_references")


@pytest.fixture
def aged(tmp_path: Path) -> tuple[Path, Path]:
    """A store in which Anna has changed and Bob was deleted, and the file as it was before."""
    live, old = tmp_path / "live", tmp_path / "old.db"
    with open_small(live) as store:
        for number, name in enumerate(("anna", "bob", "carol")):
            store.add_person(person(name, seed=number), visit("granted"))
    shutil.copyfile(live / "store.db", old)
    with open_small(live) as store:
        store.change_person(person("anna", "Another", seed=7), visit("granted"))
        store.delete_person("bob")
    return live, old


@pytest.mark.parametrize(("who", "trusted"), [("anna", ["carol"]), ("bob", ["anna", "carol"])])
def test_older_rows_of_one_person_disable_that_person(aged: tuple[Path, Path], who: str, trusted: list[str]) -> None:
    live, old = aged
    put_back(live, old, *PEOPLE, where=f"id = '{who}'")
    with open_small(live) as store:
        assert sorted(one.id for one in store.people()) == trusted
        assert (store.damaged, store.rolled_back) == ((who,), False)
        assert store.delete_person(who)
        store.people()
        assert store.damaged == ()


def test_older_rows_of_everybody_disable_whoever_has_changed_since(aged: tuple[Path, Path]) -> None:
    live, old = aged
    put_back(live, old, *PEOPLE)
    with open_small(live) as store:
        assert [one.id for one in store.people()] == ["carol"]
        assert (store.damaged, store.rolled_back) == (("anna", "bob"), False)


@pytest.mark.parametrize("tables", [(*PEOPLE, "sealing"), (*PEOPLE, "sealing", "counters"), ("sealing",)])
def test_older_people_under_a_newer_journal_are_noticed_and_nobody_is_trusted(
    aged: tuple[Path, Path], tables: tuple[str, ...]
) -> None:
    live, old = aged
    put_back(live, old, *tables)
    with open_small(live) as store:
        assert (store.people(), store.rolled_back) == ((), True)
        assert {"anna", "carol"} <= set(store.damaged)
        before = store.generation
        store.add_person(person("dora", seed=9), visit("granted"))
        assert store.generation > before
        assert [one.id for one in store.people()] == ["dora"], "to enrol somebody does not make the others trusted"
        assert not store.rolled_back
    with open_small(live) as store:
        assert [one.id for one in store.people()] == ["dora"]
        assert {"anna", "carol"} <= set(store.damaged)


@pytest.mark.parametrize("tables", [(*PEOPLE, "sealing"), (*PEOPLE, "sealing", "counters")])
def test_what_the_door_writes_afterwards_does_not_make_older_people_trusted(
    aged: tuple[Path, Path], tables: tuple[str, ...]
) -> None:
    live, old = aged
    put_back(live, old, *tables)
    for _ in range(2):  # noticed, told in the journal, and started again
        with open_small(live) as store:
            assert (store.people(), store.rolled_back) == ((), True)
            store.journal(visit("refused"))
            assert (store.people(), store.rolled_back) == ((), True)


def test_people_of_another_store_under_the_same_key_do_not_open(aged: tuple[Path, Path], tmp_path: Path) -> None:
    live, _ = aged
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(live / "master.key", other)
    with open_small(other) as store:
        for number in range(5):
            store.add_person(person(f"p{number}", seed=number), visit("granted"))
    put_back(live, other / "store.db", *PEOPLE)
    with open_small(live) as store:
        assert store.people() == ()
    with closing(sqlite3.connect(live / "store.db")) as connection, connection:
        connection.execute("ATTACH ? AS other", (str(other / "store.db"),))
        connection.execute("UPDATE sealing SET roll = (SELECT roll FROM other.sealing)")
    with open_small(live) as store:
        assert (store.people(), store.rolled_back) == ((), True)


def test_what_is_kept_is_known_again_under_its_own_name(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        assert store.kept("lockout") is None
        store.keep("lockout", b'{"until":1}')
        store.keep("lockout", b'{"until":2}')
        store.keep("other", b"")
    with open_small(tmp_path) as store:
        assert (store.kept("lockout"), store.kept("other")) == (b'{"until":2}', b"")
        with pytest.raises(StoreError, match="65536 bytes"):
            store.keep("lockout", bytes(70_000))
        move = "UPDATE memory SET value = (SELECT value FROM memory WHERE name = 'other')"
        with tampered(store, move), pytest.raises(StoreError, match="memory lockout"):
            store.kept("lockout")


def test_a_change_keeps_the_place_and_the_pictures_of_references_that_stay(tmp_path: Path) -> None:
    anna, pictures = person("anna", references=4), crops(4)
    with open_small(tmp_path) as store:
        store.add_person(anna, crops=pictures)
        store.add_person(person("bob", seed=1))
        fewer = replace(anna, name="Anna the Second", references=(anna.references[2], anna.references[0]))
        store.change_person(fewer)
        assert [one.id for one in store.people()] == ["anna", "bob"]
        assert same(store.people()[0], fewer)
        assert [crop.tobytes() for crop in store.crops("anna")] == [pictures[2].tobytes(), pictures[0].tobytes()]
        store.change_person(person("anna", references=4, seed=5))
        assert store.crops("anna") == ()
        with pytest.raises(StoreError, match="nobody has the id dora"):
            store.change_person(person("dora"))
        with pytest.raises(StoreError, match="3 crops of 4 references"):
            store.change_person(anna, crops=pictures[:3])
        assert same(store.people()[0], person("anna", references=4, seed=5))


def test_pictures_are_kept_only_while_that_is_asked_for(tmp_path: Path) -> None:
    with open_small(tmp_path, crops=False) as store:
        store.add_person(person("anna"), crops=crops(5))
        assert store.crops("anna") == ()
    with open_small(tmp_path) as store:
        store.change_person(person("anna"), crops=crops(5))
        assert len(store.crops("anna")) == 5
    with open_small(tmp_path, crops=False) as store:
        assert store.crops("anna") == ()
        assert len(store.people()) == 1
        assert store._database.read("SELECT * FROM person_crops") == []

"""Killed, corrupted, locked, filled up: the store is old or new, never half, and says what to do."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge.errors import StoreBusyError, StoreError
from tests.edge.stores import open_small, person, same, visit

# Adds and deletes the same people for ever and journals between; says what is done once it is done.
WRITER = """
import itertools, sys
from pathlib import Path
from tests.edge.stores import open_small, person, visit
with open_small(Path(sys.argv[1])) as store:
    first = len(store.people())
    for turn in itertools.count():
        store.add_person(person(f"p{first + turn}", seed=first + turn))
        print("person", first + turn, flush=True)
        for _ in range(3):
            print("event", store.journal(visit("granted")).seq, flush=True)
"""


def run_until_killed(directory: Path, chance: random.Random) -> list[list[str]]:
    """What a writer had acknowledged when it was killed."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(chance.randrange(6))]
        writer.kill()
        said += writer.stdout.readlines()
    return [line.split() for line in said if line.endswith("\n")]


def test_a_kill_at_any_moment_loses_nothing_acknowledged_and_leaves_nothing_half(tmp_path: Path) -> None:
    chance = random.Random(3)
    people, events = 0, 0
    for _ in range(30):
        for what, number in run_until_killed(tmp_path, chance):
            people, events = (int(number) + 1, events) if what == "person" else (people, int(number))
        with open_small(tmp_path) as store:
            found = store.people()
            assert store.damaged == ()
            assert all(same(one, person(one.id, seed=number)) for number, one in enumerate(found))
            assert len(found) in {people, people + 1}
            assert [row.seq for row in store.events(0, 10_000)] in (
                list(range(1, events + 1)),
                list(range(1, events + 2)),
            )
            assert store.generation == len(found)
            assert store._database.read("PRAGMA integrity_check") == [("ok",)]
            people, events = len(found), len(store.events(0, 10_000))


def test_a_crash_image_taken_at_any_moment_opens(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with open_small(live) as store:
        for number in range(12):
            store.add_person(person(f"p{number}", seed=number))
            store.journal(visit("granted"))
            image = tmp_path / f"image-{number}"
            shutil.copytree(live, image)
            wal = image / "store.db-wal"
            os.truncate(wal, max(0, wal.stat().st_size - 512 * number))
            with open_small(image) as copy:
                found = copy.people()
                assert all(same(one, person(one.id, seed=index)) for index, one in enumerate(found))
                assert len(found) <= number + 1 if number else len(found) == 1


def written_store(directory: Path) -> Path:
    with open_small(directory) as store:
        for number in range(4):
            store.add_person(person(f"p{number}", seed=number))
            store.journal(visit("granted"))
    return directory / "store.db"


def flip_header(file: Path) -> None:
    file.write_bytes(b"SQLite formal 3" + file.read_bytes()[15:])


def zero_pages(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:4096] + bytes(file.stat().st_size - 4096))


def write_future(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 7")


def add_trigger(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON journal BEGIN DELETE FROM people; END")


def write_another(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE people (id TEXT)")


def forget_database(file: Path) -> None:
    file.rename(file.with_name("store.db-wal"))


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "flipped header": (flip_header, "damaged.*backup"),
    "zero bytes": (lambda file: file.write_bytes(b""), "empty.*backup"),
    "a text file": (lambda file: file.write_text("people: [anna]\n" * 100), "damaged.*backup"),
    "truncated": (lambda file: os.truncate(file, file.stat().st_size // 2), "backup"),
    "truncated inside the first page": (lambda file: os.truncate(file, 700), "backup"),
    "zeroed pages": (zero_pages, "damaged.*backup"),
    "a future version": (write_future, "newer Limen"),
    "a foreign trigger": (add_trigger, "not a store.*backup"),
    "another program's file": (write_another, "not a store.*backup"),
    "only its log": (forget_database, "missing.*backup"),
    "a directory": (lambda file: (file.unlink(), file.mkdir()), "no file.*backup"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_spoiled_store_is_named_with_a_cure_and_left_as_it_is(tmp_path: Path, fault: str) -> None:
    file = written_store(tmp_path)
    spoil, said = FAULTS[fault]
    spoil(file)
    before = file.read_bytes() if file.is_file() else None
    with pytest.raises(StoreError, match=said) as caught:
        open_small(tmp_path)
    assert str(file) in str(caught.value)
    assert before == (file.read_bytes() if file.is_file() else None)


def test_a_spoiled_store_is_not_changed_by_its_write_ahead_log_either(tmp_path: Path) -> None:
    live, image = tmp_path / "live", tmp_path / "image"
    written_store(live)
    with open_small(live) as store:
        store.add_person(person("anna"))
        shutil.copytree(live, image)
    file, log = image / "store.db", image / "store.db-wal"
    zero_pages(file)
    before = (file.read_bytes(), log.read_bytes())
    with pytest.raises(StoreError, match=r"damaged.*backup"):
        open_small(image)
    assert (file.read_bytes(), log.read_bytes()) == before


def test_mutants_of_a_store_open_whole_or_not_at_all(tmp_path: Path) -> None:
    whole = written_store(tmp_path / "good").read_bytes()
    chance = random.Random(5)
    (tmp_path / "bad").mkdir()
    shutil.copy(tmp_path / "good" / "master.key", tmp_path / "bad")
    refusals = []
    file = tmp_path / "bad" / "store.db"
    for _ in range(120):
        mutant = bytearray(whole)
        for _ in range(chance.choice([1, 1, 8])):
            mutant[chance.randrange(len(mutant))] ^= 1 << chance.randrange(8)
        file.write_bytes(mutant if chance.random() < 0.8 else mutant[: chance.randrange(len(mutant))])
        try:
            with open_small(file.parent) as store:
                assert len(store.people()) + len(store.damaged) <= 4
                store.unsent(10)
        except StoreError as error:
            refusals.append(str(error))
        for leftover in file.parent.glob("store.db-*"):
            leftover.unlink()
    assert 10 < len(refusals) < 120
    assert all(str(file) in refusal for refusal in refusals)


def test_the_second_opener_is_told_and_the_next_one_gets_in(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        with pytest.raises(StoreBusyError, match="in use by another Limen"):
            open_small(tmp_path)
        store.add_person(person("anna"))
    with open_small(tmp_path) as store:
        assert len(store.people()) == 1
    with pytest.raises(StoreError):
        store.people()


def test_a_directory_that_cannot_be_used_is_an_error_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file cannot be used.*store\.directory"):
        open_small(tmp_path / "file")
    with pytest.raises(StoreError, match=r"store\.directory"):
        open_small(tmp_path / "file" / "below")


def test_only_the_owner_may_read_the_store(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    with open_small(directory) as store:
        store.add_person(person("anna"))
        assert {path.name for path in directory.iterdir()} == {
            "master.key",
            "store.ballast",
            "store.db",
            "store.db-shm",
            "store.db-wal",
            "store.lock",
        }
        assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_store_that_was_being_made_when_the_power_went_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "new.db").write_bytes(b"SQLite form")
    (tmp_path / "new.db-wal").write_bytes(b"half")
    with open_small(tmp_path) as store:
        store.add_person(person("anna"))


def test_the_settings_that_protect_the_file_are_on(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        said = {
            name: store._database.read(f"PRAGMA {name}")[0][0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "trusted_schema")
        }
    assert said == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "trusted_schema": 0,
    }

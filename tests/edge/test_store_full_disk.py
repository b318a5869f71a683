"""On a full disk the store frees its ballast, then says so, and what it acknowledged stays."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import StoreError
from edge.store.journal import JournalRow
from edge.store.store import Store
from tests.edge.stores import SMALL, open_small, person, visit


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 4 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("ab", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue


def journal_until_full(store: Store) -> int:
    """How many events went in before the store said that it is full."""
    rows: list[JournalRow] = []
    with pytest.raises(StoreError, match=r"^store_full: "):
        rows.extend(store.journal(visit("granted", text="x" * 500)) for _ in itertools.count())
    return len(rows)


LIGHT = replace(SMALL, ballast_bytes=1024 * 1024)


def test_a_full_disk_frees_the_ballast_then_says_so_and_loses_nothing(small_disk: Path) -> None:
    with open_small(small_disk, limits=LIGHT) as store:
        store.add_person(person("anna"))
        assert not store.disk_was_full
        fill(small_disk)
        written = journal_until_full(store)
        assert written > 20
        assert store.disk_was_full
        with pytest.raises(StoreError, match="store_full"):
            store.add_person(person("bob"))
        assert [found.id for found in store.people()] == ["anna"]
        assert len(store.unsent(10_000)) == written
        (small_disk / "filler").unlink()
        store.prune()
        assert not store.disk_was_full
        assert store.journal(visit("granted")).seq == written + 1
    with open_small(small_disk, limits=LIGHT) as store:
        assert len(store.unsent(10_000)) == written + 1


def test_a_store_opens_on_a_disk_that_is_full(small_disk: Path) -> None:
    with open_small(small_disk, limits=LIGHT) as store:
        store.add_person(person("anna"))
    fill(small_disk)
    with open_small(small_disk, limits=LIGHT) as store:
        assert [found.id for found in store.people()] == ["anna"]
        assert store.disk_was_full
        store.journal(visit("granted"))


def test_without_room_for_a_ballast_and_more_the_store_works_and_says_so(small_disk: Path) -> None:
    with open_small(small_disk, limits=replace(SMALL, ballast_bytes=3 * 1024 * 1024)) as store:
        store.journal(visit("granted"))
        assert store.disk_was_full


def test_a_database_that_may_not_grow_is_full_and_stays_whole(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        store._database.read("PRAGMA max_page_count = 40")
        written = journal_until_full(store)
        assert written > 0
        assert [row.seq for row in store.unsent(10_000)] == list(range(1, written + 1))
        store._database.read("PRAGMA max_page_count = 4000")
        assert store.journal(visit("granted")).seq == written + 1

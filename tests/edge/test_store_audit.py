"""The journal's chain: whatever is done to it is found, and what the door itself takes out leaves it whole."""

from __future__ import annotations

import contextlib
import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.errors import StoreError
from edge.store import schema
from edge.store.audit import check_export, check_store, export
from edge.store.chain import Finding
from edge.values import Event
from tests.edge.stores import NOON, SMALL, HandClock, open_small, person, visit

ROWS = 200


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with 200 rows, closed."""
    directory = tmp_path_factory.mktemp("written")
    with open_small(directory) as store:
        for number in range(ROWS):
            store.journal(visit("granted", n=number))
    return directory


def finding(directory: Path, known: str | None = None) -> Finding:
    return check_store(directory, _head(known))[0]


def _head(text: str | None) -> tuple[int, str] | None:
    return None if text is None else (int(text.split(":")[0]), text.split(":")[1])


def tamper(directory: Path, *statements: str) -> None:
    with closing(sqlite3.connect(directory / "store.db", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def exported(directory: Path, file: Path) -> list[str]:
    with file.open("w", encoding="utf-8") as target:
        export(directory, target)
    return file.read_text(encoding="utf-8").splitlines(keepends=True)


ALTERATIONS = {
    "deleted": "DELETE FROM journal WHERE seq = {n}",
    "data": """UPDATE journal SET data = '{{"verdict":"refused"}}' WHERE seq = {n}""",
    "data and salt": """UPDATE journal SET data = '{{"verdict":"refused"}}', salt = NULL WHERE seq = {n}""",
    "kind": "UPDATE journal SET kind = 'door' WHERE seq = {n}",
    "time": "UPDATE journal SET ts = ts - 1 WHERE seq = {n}",
    "trust": "UPDATE journal SET ts_trusted = 0 WHERE seq = {n}",
    "id": "UPDATE journal SET id = 'another' WHERE seq = {n}",
    "boot": "UPDATE journal SET boot_id = 'another' WHERE seq = {n}",
    "monotonic": "UPDATE journal SET monotonic = 1.0 WHERE seq = {n}",
    "generation": "UPDATE journal SET generation = 9 WHERE seq = {n}",
    "link": "UPDATE journal SET hash = zeroblob(32) WHERE seq = {n}",
    "moved": "UPDATE journal SET seq = CASE seq WHEN {n} THEN -1 ELSE seq END",
    "dropped": "INSERT INTO audit_dropped SELECT seq, seq, hash FROM journal WHERE seq = {n}",
}


@pytest.mark.parametrize("what", ALTERATIONS)
def test_whatever_row_is_touched_it_is_found(tmp_path: Path, written: Path, what: str) -> None:
    for number in range(1, ROWS + 1) if what in {"deleted", "data"} else (1, 2, 77, ROWS - 1, ROWS):
        shutil.copyfile(written / "store.db", tmp_path / "store.db")
        tamper(tmp_path, ALTERATIONS[what].format(n=number))
        assert finding(tmp_path).problem is not None, number


def test_rows_that_changed_places_or_came_from_elsewhere_are_found(tmp_path: Path, written: Path) -> None:
    columns = "id, boot_id, ts, ts_trusted, kind, data, monotonic, generation, worth, bytes, salt, commitment, amended"
    swap = (
        "UPDATE journal SET seq = -1 WHERE seq = 50",
        "UPDATE journal SET seq = 50 WHERE seq = 51",
        "UPDATE journal SET seq = 51 WHERE seq = -1",
    )
    copy = f"INSERT INTO journal ({columns}) SELECT 'new' || {columns} FROM journal WHERE seq = 50"  # noqa: S608 - constants
    for statements in (swap, (copy,)):
        shutil.copyfile(written / "store.db", tmp_path / "store.db")
        tamper(tmp_path, *statements)
        assert finding(tmp_path).problem is not None


def test_a_journal_that_was_cut_off_and_goes_on_is_found_by_a_head_of_before(tmp_path: Path, written: Path) -> None:
    for name in ("store.db", "master.key"):
        shutil.copy(written / name, tmp_path)
    with open_small(tmp_path) as store:
        known = store.audit_head
    tamper(
        tmp_path,
        "UPDATE audit_head SET seq = 190, hash = (SELECT hash FROM journal WHERE seq = 190)",
        "DELETE FROM journal WHERE seq > 190",
        "UPDATE sqlite_sequence SET seq = 190 WHERE name = 'journal'",
    )
    assert finding(tmp_path).problem is None, "without a head that is kept elsewhere nobody can tell"
    assert "cut off" in str(finding(tmp_path, known).problem)
    with open_small(tmp_path) as store:
        for _ in range(20):
            store.journal(visit("granted"))
    assert finding(tmp_path).problem is None
    assert "written anew" in str(finding(tmp_path, known).problem)


def test_every_line_of_an_export_counts(tmp_path: Path, written: Path) -> None:
    file = tmp_path / "export.jsonl"
    lines = exported(written, file)
    assert check_export(file)[0] == Finding(rows=ROWS)
    chance = random.Random(4)
    for number in range(len(lines)):
        other = chance.choice([index for index in range(len(lines)) if index != number])
        moved = list(lines)
        moved.insert(other, moved.pop(number))
        altered = lines[number].replace("granted", "refused", 1) if number else lines[0].replace("200", "199", 1)
        for spoilt in (
            moved,
            lines[:number] + lines[number + 1 :],
            [*lines[:number], altered, *lines[number + 1 :]],
            lines[:number],
            [*lines[: number + 1], *lines[number:]],
            [*lines[:number], "{}\n", *lines[number:]],
        ):
            file.write_text("".join(spoilt), encoding="utf-8")
            try:
                problem = check_export(file)[0].problem
            except StoreError as error:
                problem = str(error)
            assert problem, number


def test_bytes_that_are_no_export_are_refused_and_never_raise_anything_else(tmp_path: Path, written: Path) -> None:
    file = tmp_path / "export.jsonl"
    exported(written, file)
    whole = file.read_bytes()
    chance = random.Random(6)
    for _ in range(300):
        mutant = bytearray(whole[: chance.choice([400, 4000])])
        for _ in range(chance.choice([1, 5])):
            mutant[chance.randrange(len(mutant))] = chance.randrange(256)
        file.write_bytes(mutant)
        with contextlib.suppress(StoreError):
            assert check_export(file)[0].problem is not None


def test_what_the_door_drops_and_prunes_leaves_a_chain_that_holds(tmp_path: Path) -> None:
    clock, chance = HandClock(), random.Random(2)
    heads: list[str] = []
    with open_small(tmp_path, clock, limits=replace(SMALL, journal_rows=25), days=10) as store:
        for number in range(400):
            clock.moment = NOON + timedelta(hours=2 * number)
            event = chance.choice([visit("granted"), visit("refused"), Event("system", {}), Event("door", {})])
            row = store.journal(event)
            if chance.random() < 0.3:
                store.mark_sent(row.id)
            if chance.random() < 0.1:
                store.prune()
            heads.append(store.audit_head)
            if number % 7 == 0:
                assert finding(tmp_path).problem is None, number
        assert len(store.events(0, 100)) <= 25
        assert [finding(tmp_path, head).problem for head in heads] == [None] * len(heads)
        assert any("were dropped" in note for note in finding(tmp_path).notes)
        newest = store.events(None, 1)[0].seq
    tamper(tmp_path, ALTERATIONS["deleted"].format(n=newest))
    assert finding(tmp_path).problem is not None


def test_a_row_that_somebody_else_drops_in_the_doors_own_way_is_found(tmp_path: Path, written: Path) -> None:
    shutil.copyfile(written / "store.db", tmp_path / "store.db")
    tamper(
        tmp_path,
        "INSERT INTO audit_dropped SELECT seq, seq, hash FROM journal WHERE seq = 9",
        "DELETE FROM journal WHERE seq = 9",
    )
    assert "dropped or erased was altered" in str(finding(tmp_path).problem)


def test_whoever_is_deleted_leaves_no_name_and_a_chain_that_holds(tmp_path: Path) -> None:
    def granted(person_id: str, name: str) -> Event:
        return visit("granted", person_id=person_id, person=name, similarity=0.8)

    with open_small(tmp_path) as store:
        for person_id, name in (("ada", "Ada Lovelace"), ("ada2", "Grace Hopper")):
            told = Event("system", {"event": "person_enrolled", "person_id": person_id, "person": name})
            store.add_person(person(person_id, name), told)
        for _ in range(20):
            store.journal(granted("ada", "Ada Lovelace"))
            store.journal(granted("ada2", "Grace Hopper"))
        known = store.audit_head
        assert store.delete_person("ada", Event("system", {"event": "person_deleted", "person_id": "ada"}))
        data = [row.data for row in store.events(0, 100)]
        assert "Ada Lovelace" not in json.dumps(data)
        assert '"ada"' not in json.dumps(data)
        (pseudonym,) = {one["person_id"] for one in data if one["person_id"] != "ada2"}
        assert re.fullmatch("erased-[0-9a-f]{8}", pseudonym)
        assert sum(one["person_id"] == pseudonym for one in data) == 22
        assert sum(one.get("person") == "Grace Hopper" for one in data) == 21
        assert finding(tmp_path, known).problem is None
        assert store.delete_person("ada2")
        assert finding(tmp_path, known).problem is None
    assert not [path for path in tmp_path.iterdir() if b"Ada Lovelace" in path.read_bytes()]
    tamper(tmp_path, "UPDATE journal SET data = replace(data, 'granted', 'refused') WHERE seq = 5")
    assert "row 5 was altered" in str(finding(tmp_path).problem)


def test_a_kill_while_it_writes_leaves_a_chain_that_holds(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from dataclasses import replace
from tests.edge.stores import SMALL, open_small, person, visit
with open_small(Path(sys.argv[1]), limits=replace(SMALL, journal_rows=30)) as store:
    while True:
        if not store.delete_person("ada"):
            store.add_person(person("ada"))
        for _ in range(3):
            print(store.journal(visit("granted", person_id="ada")).seq, flush=True)
"""
    chance = random.Random(8)
    for _ in range(10):
        with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randrange(1, 30)):
                writer.stdout.readline()
            assert finding(tmp_path).problem is None, "while somebody writes"
            writer.kill()
        assert finding(tmp_path).problem is None


def test_a_store_of_before_there_was_a_chain_gets_one(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as old:
        old.execute("PRAGMA journal_mode = WAL")
        schema.migrate(old, 2)
        row = (
            "INSERT INTO journal VALUES (NULL, ?, 'boot', ?, 1, 'access', '{\"verdict\":\"granted\"}', 0.5, 3, 0, 220)"
        )
        old.executemany(row, [(f"id{number}", number) for number in range(20)])
        old.execute("DELETE FROM journal WHERE seq IN (1, 2, 9, 20)")
    with pytest.raises(StoreError, match="older Limen"):
        check_store(tmp_path)
    with open_small(tmp_path) as store:
        assert store.audit_head.startswith("20:")
        assert finding(tmp_path).rows == 16
        assert len(finding(tmp_path).notes) == 3
        assert store.journal(visit("granted")).seq == 21
    assert finding(tmp_path).problem is None
    for number in (3, 8, 10, 19, 21):
        shutil.copytree(tmp_path, tmp_path / "copy")
        tamper(tmp_path / "copy", ALTERATIONS["time"].format(n=number))
        assert finding(tmp_path / "copy").problem is not None
        shutil.rmtree(tmp_path / "copy")


def test_an_empty_journal_holds(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        assert store.audit_head == f"0:{'0' * 64}"
        assert finding(tmp_path, store.audit_head) == Finding()


def test_the_command_says_whether_it_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, copy = tmp_path / "config.yaml", tmp_path / "copy.jsonl"
    config.write_text("store: {directory: state}\n")
    config.chmod(0o600)
    here = ["--config", str(config)]
    assert main(["audit", "verify", *here]) == 1
    assert "has the door ever run" in capsys.readouterr().err
    with open_small(tmp_path / "state") as store:  # the door runs
        store.journal(visit("granted", person="Ada"))
        known = store.audit_head
        assert main(["audit", "verify", "--head", known, *here]) == 0
        assert main(["audit", "export", str(copy), *here]) == 0
    assert known in capsys.readouterr().out
    assert copy.stat().st_mode & 0o777 == 0o600
    assert main(["audit", "export", str(copy), *here]) == 1
    assert main(["audit", "export", *here]) == 1
    assert main(["audit", "verify", str(copy), "--head", known]) == 0
    assert main(["audit", "verify", str(copy), "--head", f"2:{'0' * 64}"]) == 1
    assert main(["audit", "verify", str(config)]) == 1
    with pytest.raises(SystemExit):
        main(["audit", "verify", "--head", "today"])
    tamper(tmp_path / "state", "UPDATE journal SET data = '{}'")
    capsys.readouterr()
    assert main(["audit", "verify", *here]) == 1
    assert "the data of row 1 was altered" in capsys.readouterr().err

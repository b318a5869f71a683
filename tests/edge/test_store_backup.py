"""Backup and restore: everybody or nobody, opened by its own key alone."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from edge.__main__ import main
from edge.errors import StoreError
from edge.service.person_pins import PersonPins
from edge.service.roll import forget
from edge.service.rule import embedder_card
from edge.settings import Settings, StoreSettings
from edge.store.backup import Header
from edge.store.records import close_person
from edge.store.sealing import Sealer
from edge.store.store import Store, open_store
from edge.values import Embedding, Person, Terms
from tests.edge.stores import HandClock, crops, found, open_small, person, same

SPACE = embedder_card(Settings()).space or ""


def resident(number: int, name: str = "Somebody") -> Person:
    """In the space of the shipped model."""
    made = person(f"p{number}", name, seed=number)
    return replace(made, references=tuple(Embedding(one.vector, SPACE) for one in made.references))


class Home:
    """A door's folder: its configuration, and its store while the door is stopped."""

    def __init__(self, path: Path, *, keep_crops: bool = True) -> None:
        path.mkdir()
        self.path = path
        self.keep_crops = keep_crops
        config = path / "config.yaml"
        config.write_text(f"store: {{directory: state, keep_crops: {str(keep_crops).lower()}}}\n")
        config.chmod(0o600)

    def store(self) -> Store:
        return open_small(self.path / "state", crops=self.keep_crops)

    def limen(self, *words: str) -> int:
        return main([*words, "--config", str(self.path / "config.yaml")])

    def people(self) -> dict[str, Person]:
        with self.store() as store:
            return {one.id: one for one in store.people()}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    with home.store() as store:
        for number in range(4):
            store.add_person(
                replace(resident(number, f"Unforgettable {number}"), terms=Terms(minor=bool(number % 2))),
                crops=crops(5),
            )
    return home


def test_who_was_lost_comes_back_as_they_were(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, file = home.people(), tmp_path / "people.backup"
    assert home.limen("backup", str(file)) == 0
    assert "p3  Unforgettable 3" in capsys.readouterr().out
    assert file.stat().st_mode & 0o777 == 0o600
    needles = [b"Unforgettable", (home.path / "state/master.key").read_bytes().strip(), crops(1)[0].tobytes()[:50]]
    assert not any(needle in file.read_bytes() for needle in needles)
    (home.path / "state/store.db").unlink()
    assert home.limen("restore", str(file)) == 0
    told = capsys.readouterr().out
    assert "p0  Unforgettable 0  restored" in told
    assert "4 of 4 people were restored" in told
    after = home.people()
    assert all(same(one, after[one.id]) for one in before.values())
    with home.store() as store:
        assert len(store.crops("p2")) == 5
        assert [row.data["event"] for row in store.events(0, 100)] == ["person_restored"] * 4
    assert home.limen("restore", str(file)) == 0
    assert "0 of 4 people were restored" in capsys.readouterr().out


def test_who_changed_since_is_only_replaced_when_asked_and_who_came_since_stays(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "people.backup")
    assert home.limen("backup", file) == 0
    with home.store() as store:
        store.change_person(replace(resident(1), name="Renamed"))
        store.delete_person("p2")
        store.add_person(resident(9))
    assert home.limen("restore", file) == 1
    assert "nobody was restored. Changed since the backup: p1; --replace" in capsys.readouterr().err
    assert sorted(home.people()) == ["p0", "p1", "p3", "p9"]
    assert home.limen("restore", file, "--replace") == 0
    assert sorted(home.people()) == ["p0", "p1", "p2", "p3", "p9"]
    assert home.people()["p1"].name == "Unforgettable 1"


def test_a_passphrase_takes_people_to_another_door(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, file, secret = Home(tmp_path / "other"), str(tmp_path / "people.backup"), tmp_path / "secret"
    secret.write_text("correct horse battery\n")
    assert home.limen("backup", file, "--passphrase-file", str(secret)) == 1
    assert "other users may read the passphrase" in capsys.readouterr().err
    secret.chmod(0o600)
    assert home.limen("backup", file, "--passphrase-file", str(secret)) == 0
    assert other.limen("restore", file) == 1
    assert "under a passphrase" in capsys.readouterr().err
    assert other.limen("restore", file, "--passphrase-file", str(secret)) == 0
    assert all(same(one, other.people()[one.id]) for one in home.people().values())
    for wrong, said in (
        ("correct horse batter", "altered, or this is not"),
        ("short", "at least 12"),
        ("", "at least 12"),
    ):
        secret.write_text(wrong)
        assert other.limen("restore", file, "--passphrase-file", str(secret)) == 1
        assert said in capsys.readouterr().err
    assert other.limen("backup", file, "--passphrase-file", str(secret)) == 1
    assert other.limen("restore", file, "--passphrase-file", str(tmp_path / "none")) == 1


def test_a_pin_comes_back_with_its_owner_and_goes_to_no_door_that_has_others(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, secret = str(tmp_path / "people.backup"), tmp_path / "secret"
    secret.write_text("correct horse battery\n")
    secret.chmod(0o600)
    with home.store() as store:
        pins = PersonPins(store, HandClock())
        pins.change("p1", "860214")
        pins.change("p2", "731955")
    assert home.limen("backup", file, "--passphrase-file", str(secret)) == 0
    told = capsys.readouterr().out
    assert "p1  Unforgettable 1  with their PIN\n" in told
    assert "p0  Unforgettable 0\n" in told
    assert "Not in it: the door's own PIN" in told
    with home.store() as store:
        for lost in ("p1", "p2"):
            forget(store, HandClock(), lost)
        PersonPins(store, HandClock()).change("p3", "731955")  # which was p2's
    empty, taken = Home(tmp_path / "empty"), Home(tmp_path / "taken")
    with taken.store() as store:
        store.add_person(resident(7))
        PersonPins(store, HandClock()).change("p7", "555444")
    for door in (home, empty, taken):
        assert door.limen("restore", file, "--passphrase-file", str(secret)) == 0
    told = capsys.readouterr()
    assert told.out.count("p1  Unforgettable 1  restored, with their PIN\n") == 2
    assert told.err.count("p2: their PIN could not come along") == 2
    assert told.err.count("p1: their PIN could not come along") == 1

    def owners(door: Home) -> list[str | None]:
        with door.store() as store:
            return [PersonPins(store, HandClock()).owner(pin) for pin in ("860214", "731955", "555444")]

    assert owners(home) == ["p1", "p3", None], "one PIN never has two owners"
    assert owners(empty) == ["p1", "p2", None]
    assert owners(taken) == [None, None, "p7"]


def test_pins_that_cannot_be_read_keep_nobody_from_being_saved(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "people.backup")
    with home.store() as store:
        PersonPins(store, HandClock()).change("p1", "860214")
    assert home.limen("backup", file) == 0
    with home.store() as store:
        store._database.write(lambda connection: connection.execute("UPDATE memory SET value = zeroblob(99)"))
    assert home.limen("backup", str(tmp_path / "another.backup")) == 1
    told = capsys.readouterr()
    assert "4 people are in" in told.out
    assert "altered, moved, or sealed under another key; they are not in it" in told.err
    with home.store() as store:
        store.delete_person("p1")
    assert home.limen("restore", file) == 0
    with home.store() as store:
        assert PersonPins(store, HandClock()).owner("860214") == "p1"


def test_a_backup_of_the_first_version_still_opens(home: Home, tmp_path: Path) -> None:
    file, everybody = tmp_path / "people.backup", home.people()
    with home.store() as store:
        key = store._database.key
        sealer = Sealer("backup", key.secret)
        header = Header(limen_backup=1, door="front", made_at="2026-11-22T07:50:38.000Z", master=key.fingerprint)
        rows = [close_person(one, 0, sealer) for one in everybody.values()]
        line = msgspec.json.encode(header)
        file.write_bytes(line + b"\n" + sealer.seal(msgspec.msgpack.encode(rows), "backup", line.decode()))
        members, kept = store.backed_up(file)
    assert [one.person.id for one in members] == sorted(everybody)
    assert kept == {}


@pytest.mark.parametrize("salt", ["123456789", "12345678901", "", "zz" * 8])
def test_a_header_that_is_nearly_right_is_told_apart_from_a_wrong_passphrase(tmp_path: Path, salt: str) -> None:
    file = tmp_path / "people.backup"
    file.write_bytes(f'{{"limen_backup":2,"door":"front","made_at":"now","salt":"{salt}"}}\n'.encode() + bytes(99))
    with open_small(tmp_path) as store, pytest.raises(StoreError, match="is no backup that this Limen can read"):
        store.backed_up(file, "correct horse battery")


def test_another_doors_file_is_refused_by_the_name_of_its_key(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, file, secret = Home(tmp_path / "other"), str(tmp_path / "people.backup"), tmp_path / "secret"
    secret.write_text("correct horse battery\n")
    secret.chmod(0o600)
    assert home.limen("backup", file) == 0
    assert other.limen("restore", file) == 1
    assert "sealed under the master key" in capsys.readouterr().err
    assert other.limen("restore", file, "--passphrase-file", str(secret)) == 1
    assert "under no passphrase" in capsys.readouterr().err
    assert home.limen("key", "rotate") == 0
    assert home.limen("restore", file) == 1, "so does a new key of the same door"
    assert other.people() == {}


def test_an_altered_or_cut_or_foreign_file_restores_nobody(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, other = tmp_path / "people.backup", Home(tmp_path / "other")
    assert home.limen("backup", str(file)) == 0
    shutil.copytree(home.path / "state", other.path / "state")
    (other.path / "state/store.db").unlink()
    good, chance = file.read_bytes(), random.Random(6)
    header = good.index(b"\n") + 1
    places = {*range(header + 20), *chance.sample(range(len(good)), 60), len(good) - 1}
    mutants = [good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :] for place in sorted(places)]
    mutants += [good[:length] for length in (0, 1, header - 1, header, header + 11, header + 30, len(good) - 1)]
    mutants += [
        good + b"\0",
        b"\n" + good,
        b"SQLite format 3\0" + bytes(5000),
        bytes(5000),
        b"{}\n",
        b'{"limen_backup":2}\n',
        b'{"limen_backup":3,"door":"front","made_at":"now"}\n',
    ]
    with open_store(StoreSettings(), other.path / "state", HandClock()) as store:
        for number, mutant in enumerate(mutants):
            file.write_bytes(mutant)
            with pytest.raises(Exception, match=str(file)) as refused:
                store.backed_up(file)
            assert refused.type.__name__ == "StoreError", number
    assert other.limen("restore", str(file)) == 1
    assert other.limen("restore", str(tmp_path / "none")) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert other.people() == {}


def test_references_of_another_model_come_back_only_with_pictures_to_renew_them_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    homes = {kept: Home(tmp_path / f"home {kept}", keep_crops=kept) for kept in (True, False)}
    for kept, home in homes.items():
        with home.store() as store:
            store.add_person(person("anna"), crops=crops(5))
        assert home.limen("backup", str(tmp_path / f"{kept}.backup")) == 0
        (home.path / "state/store.db").unlink()
    assert homes[False].limen("restore", str(tmp_path / "False.backup")) == 1
    assert f"another model, not {SPACE}: anna" in capsys.readouterr().err
    assert homes[True].limen("restore", str(tmp_path / "True.backup")) == 0


def test_with_the_door_running_there_is_no_backup_and_no_restore(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "people.backup"
    with home.store():
        assert home.limen("backup", str(file)) == 75
    assert not file.exists()
    assert home.limen("backup", str(tmp_path / "none" / "people.backup")) == 1


def test_whoever_cannot_be_read_is_named_and_not_in_it(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "people.backup")
    with home.store() as store:
        store._database.write(lambda connection: connection.execute("DELETE FROM people WHERE id = 'p1'"))
    assert home.limen("backup", file) == 1
    told = capsys.readouterr()
    assert "3 people are in" in told.out
    assert "not in it: p1" in told.err
    with home.store() as store:
        store._database.write(lambda connection: connection.execute("UPDATE counters SET generation = 99"))
    assert home.limen("backup", file) == 1
    assert "older than the journal" in capsys.readouterr().err
    assert home.limen("restore", file) == 0, "and a backup brings trust back"
    assert sorted(home.people()) == ["p0", "p2", "p3"]
    assert found(tmp_path, [b"Unforgettable"]) == 1, "only the journal names people"

"""The master key: made, found, refused, renewed; and what is left when the power goes meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.errors import StoreBusyError, StoreError
from edge.store.rotation import rotate_key
from tests.edge.stores import SMALL, crops, found, open_small, person, plain_store, same

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A closed store with four people in it, in the folder of a configuration."""
    (tmp_path / "config.yaml").write_text("store: {directory: state}\n")
    (tmp_path / "config.yaml").chmod(0o600)
    with open_small(tmp_path / "state") as store:
        for number in range(4):
            store.add_person(person(f"p{number}", seed=number), crops=crops(5))
        store.keep("lockout", b"{}")
        store.pin.keep(b"salt", b"a digest of the PIN")
    return tmp_path / "state"


def whole(directory: Path) -> bool:
    """Whether everybody is there as they were."""
    with open_small(directory) as store:
        people = store.people()
        assert store.damaged == ()
        assert store.kept("lockout") == b"{}"
        assert (pin := store.pin.kept()) is not None
        assert (pin.salt, pin.digest) == (b"salt", b"a digest of the PIN")
        assert [len(store.crops(one.id)) for one in people] == [5] * 4
        return all(same(one, person(one.id, seed=number)) for number, one in enumerate(people))


def test_the_first_start_makes_a_key_for_the_owner_alone(state: Path) -> None:
    key = state / "master.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(key.read_text().strip())) == 32
    assert not (state / "master.key.new").exists()


def link_to_itself(key: Path) -> None:
    key.rename(key.with_name("elsewhere"))
    key.symlink_to(key.with_name("elsewhere"))


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "others may read it": (lambda key: key.chmod(0o640), "other users may read.*chmod 600"),
    "another key": (
        lambda key: key.write_text("ab" * 32),
        "sealed under the master key [0-9a-f]{16}, and .* is [0-9a-f]",
    ),
    "half a key": (lambda key: key.write_text("ab" * 16), "no master key: that is a file with 64"),
    "no text": (lambda key: key.write_bytes(bytes(32)), "no master key"),
    "gone": (lambda key: key.unlink(), "sealed under the master key [0-9a-f]{16}, and there is none"),
    "a directory": (lambda key: (key.unlink(), key.mkdir(mode=0o700)), "no master key"),
    "a link": (link_to_itself, "cannot be read"),
    "a pipe": (lambda key: (key.unlink(), os.mkfifo(key, 0o600)), "no master key"),
}
if os.geteuid() == 0:
    FAULTS["somebody else's"] = (lambda key: os.chown(key, 12345, 0), "belongs to another user")


@pytest.mark.parametrize("fault", FAULTS)
def test_without_its_key_a_store_does_not_open_and_stays_as_it_is(state: Path, fault: str) -> None:
    key = state / "master.key"
    kept = key.read_text()
    spoil, said = FAULTS[fault]
    spoil(key)
    before = (state / "store.db").read_bytes()
    with pytest.raises(StoreError, match=said):
        open_small(state)
    assert (state / "store.db").read_bytes() == before
    shutil.rmtree(key) if key.is_dir() else key.unlink(missing_ok=True)
    key.write_text(kept)
    key.chmod(0o600)
    assert whole(state)


def test_a_credential_of_systemd_comes_before_a_file(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert whole(state), "systemd may have other credentials for the service, and not this one"
    (state / "master.key").rename(credentials / "limen-master-key")
    (credentials / "limen-master-key").chmod(0o440)
    assert whole(state)
    assert not (state / "master.key").exists()
    with open_small(tmp_path / "new") as store:
        store.add_person(person("anna"))
    assert not (tmp_path / "new" / "master.key").exists()
    (credentials / "limen-master-key").chmod(0o444)
    with pytest.raises(StoreError, match="other users may read"):
        open_small(state)


def test_a_renewed_key_opens_everything_and_the_old_one_nothing(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ["--config", str(state.parent / "config.yaml")]
    old = (state / "master.key").read_text()
    assert main(["key", "show", *here]) == 0
    before = capsys.readouterr().out
    assert main(["key", "rotate", *here]) == 0
    told = capsys.readouterr().out
    assert main(["key", "show", *here]) == 0
    after = capsys.readouterr().out
    new = (state / "master.key").read_text()
    assert before[:16] != after[:16]
    assert before[:16] in told
    assert after[:16] in told
    assert "seals 4 people" in after
    for text in (before, told, after):
        assert old.strip() not in text
        assert new.strip() not in text
    assert whole(state)
    (state / "master.key").write_text(old)
    with pytest.raises(StoreError, match=f"sealed under the master key {after[:16]}.* is {before[:16]}"):
        open_small(state)
    assert main(["key", "rotate", *here]) == 1
    assert main(["key", "show", *here]) == 0
    assert "not here" in capsys.readouterr().out


def test_a_key_is_not_renewed_under_a_running_door(state: Path) -> None:
    with open_small(state):
        with pytest.raises(StoreBusyError, match="in use"):
            rotate_key(state, SMALL)
        assert main(["key", "rotate", "--config", str(state.parent / "config.yaml")]) == 75
        assert main(["key", "show", "--config", str(state.parent / "config.yaml")]) == 0
    assert whole(state)


def killed(action: str, store: Path, into: Path) -> list[Path]:
    """Copies of `store`, to each of which `action` was done up to another step, where it was killed."""
    into.mkdir()
    subprocess.run(
        [sys.executable, "-m", "tests.edge.kills", action, str(store), str(into)], cwd=PROJECT, check=True, timeout=300
    )
    copies = [path for path in into.iterdir() if path.name != "whole"]
    assert len(copies) > 30
    return copies


def test_a_kill_while_the_key_is_renewed_leaves_a_store_that_opens(state: Path, tmp_path: Path) -> None:
    old = (state / "master.key").read_text()
    after = set()
    for copy in killed("rotate", state, tmp_path / "killed"):
        assert whole(copy), copy.name
        assert not (copy / "master.key.new").exists()
        after.add((copy / "master.key").read_text() == old)
    assert after == {True, False}, "some were killed before the change, some after"


def test_a_kill_while_a_person_changes_leaves_the_old_or_the_new_one(state: Path, tmp_path: Path) -> None:
    new = replace(person("p1", "New", seed=91), consent=True)
    after = set()
    for copy in killed("change", state, tmp_path / "killed"):
        with open_small(copy) as store:
            people = {one.id: one for one in store.people()}
            assert (len(people), store.damaged, store.rolled_back) == (4, (), False)
            assert same(people["p1"], new) or same(people["p1"], person("p1", seed=1))
            after.add(people["p1"].name)
    assert after == {"Somebody", "New"}


def test_a_kill_while_a_person_is_deleted_leaves_all_or_nothing_of_them(state: Path, tmp_path: Path) -> None:
    after = set()
    for copy in killed("delete", state, tmp_path / "killed"):
        with open_small(copy) as store:
            ids = [one.id for one in store.people()]
            assert (store.damaged, store.rolled_back) == ((), False)
            assert store.person_ids() == set(ids)
            after.add(len(ids))
            if len(ids) == 4:
                assert same(store.people()[1], person("p1", seed=1))
    assert after == {3, 4}


def test_a_kill_while_people_are_restored_leaves_all_of_them_or_none(state: Path, tmp_path: Path) -> None:
    after = set()
    for copy in killed("restore", state, tmp_path / "killed"):
        with open_small(copy) as store:
            after.add(tuple((one.id, one.name) for one in store.people() if one.name == "New"))
            assert len(store.events(0, 10)) == (3 if len(store.people()) == 5 else 0)
            assert (store.damaged, store.rolled_back) == ((), False)
    assert after == {(), (("p1", "New"), ("p2", "New"), ("p7", "New"))}


def test_a_kill_while_people_are_sealed_for_the_first_time_loses_nobody(tmp_path: Path) -> None:
    needles = plain_store(tmp_path, *(person(f"p{number}", seed=number) for number in range(3)))
    for copy in killed("open", tmp_path, tmp_path.with_name("killed")):
        with open_small(copy) as store:
            assert [same(one, person(one.id, seed=number)) for number, one in enumerate(store.people())] == [True] * 3
            assert store.damaged == ()
        assert found(copy, needles) == 0

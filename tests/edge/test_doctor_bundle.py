"""The doctor's archive: what helps, and nobody's face, name, address, key or password."""

from __future__ import annotations

import json
import resource
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.clock import SystemClock
from edge.config import read_config
from edge.service.doctor.bundle import write_bundle
from edge.service.doctor.finding import fail
from edge.settings import Settings
from edge.store.store import open_store
from edge.values import Event
from tests.edge.stores import person

CLOCK = SystemClock()
PROJECT = Path(__file__).parents[2]
CANARIES = """
# canary-comment
door: {id: canary, driver: mock}
camera: {source: "rtsp://canary-user:canary-secret@canary-camera.invalid/x?token=canary", open_timeout_seconds: 0.5}
vision: {models: canary-models}
store: {directory: canary-state}
mqtt: {broker: canary-host.invalid, username: canary-user, password_file: canary-word, base: canary-base}
dashboard:
  database: "postgresql://canary-user:canary-secret@canary-host/canary"
  origin: "https://canary.example.org"
  key: canary.key
  username: canary-user
home_assistant: {prefix: canary-prefix}
"""


def written(folder: Path, text: str) -> Settings:
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    (folder / "config.yaml").chmod(0o600)
    return read_config(folder / "config.yaml")


def test_the_archive_holds_no_face_name_address_key_or_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A canary in whatever somebody can write, choose or be called; looked for in each byte of the archive."""
    home = tmp_path / "canary-home"
    home.mkdir()
    monkeypatch.setenv("CANARY", "canary-environment")
    shutil.copytree(PROJECT / "models", home / "canary-models")
    (home / "canary-word").write_text("canary-password")
    (home / "canary-word").chmod(0o600)
    settings = written(home, CANARIES)
    with open_store(settings.store, settings.state, CLOCK) as store:
        for number in range(2):
            store.add_person(person(f"canary-{number}", "Canary Name"))
        store.journal(Event("system", {"event": "canary", "detail": "canary-journal"}))
    with closing(sqlite3.connect(settings.state / "store.db")) as connection, connection:
        connection.execute("DELETE FROM people WHERE id = 'canary-0'")
    assert main(["doctor", "--config", str(home / "config.yaml"), "--bundle", str(home / "canary.tar.gz")]) == 1
    on_screen = capsys.readouterr().out
    assert "canary-0" in on_screen
    assert "canary-host" in on_screen
    with tarfile.open(home / "canary.tar.gz") as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        held = {name: file.read().decode() for name, file in files.items() if file is not None}
    whole = "\n".join([*held, *held.values()]).lower()
    assert "canary" not in whole
    assert b"canary" not in (home / "canary.tar.gz").read_bytes()
    assert str(tmp_path) not in whole
    report = {line["what"]: line for line in json.loads(held["limen-doctor/report.json"])}
    assert report["store"]["text"] == "1 people cannot be read"
    assert (report["broker"]["state"], report["camera"]["state"]) == ("fail", "fail")
    told = json.loads(held["limen-doctor/settings.json"])
    assert (told["dashboard.database"], told["mqtt.port"], told["access.security"]) == ("(changed)", 1883, "balanced")


def test_of_what_a_door_tells_only_numbers_go_into_the_archive(tmp_path: Path) -> None:
    status = {"people": 3, "problems": ["canary"], "strike": "canary", "disk_free_bytes": 10}
    findings = [fail("door", "it runs, and does not answer", "look at its log", private="canary")]
    write_bundle(tmp_path / "bundle.tar.gz", findings, Settings(), {}, status)
    with tarfile.open(tmp_path / "bundle.tar.gz") as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        held = {name: file.read().decode() for name, file in files.items() if file is not None}
    assert "canary" not in "".join(held.values())
    assert json.loads(held["limen-doctor/status.json"]) == {"people": 3, "disk_free_bytes": 10}
    assert (tmp_path / "bundle.tar.gz").stat().st_mode & 0o077 == 0


def test_an_archive_never_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(FileExistsError):
        write_bundle(tmp_path / "precious", [], Settings(), {}, {})
    assert (tmp_path / "precious").read_text() == "mine"


def test_an_archive_for_which_there_is_no_room_leaves_none_behind(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write_bundle(tmp_path / "bundle", [], Settings(), {}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not [*tmp_path.iterdir()]

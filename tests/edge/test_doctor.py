"""`limen doctor`: what is well, what is wrong and how it is mended; and an archive that holds nobody's secrets."""

from __future__ import annotations

import base64
import json
import resource
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.__main__ import main
from edge.clock import SystemClock
from edge.config import read_config
from edge.deploy.boot import lines_added
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine
from edge.service.doctor import broker, parts, pins, system
from edge.service.doctor.bundle import write_bundle
from edge.service.doctor.finding import Finding, fail
from edge.settings import DoorSettings, Settings
from edge.store.store import open_store
from edge.values import Event
from tests.edge.brokers import Mosquitto
from tests.edge.doors import RunningDoor, film
from tests.edge.eyes import Image
from tests.edge.stores import person

CLOCK = SystemClock()
PROJECT = Path(__file__).parents[2]


def states(findings: Iterator[Finding]) -> dict[str, str]:
    return {finding.what: finding.state for finding in findings}


def written(folder: Path, text: str) -> Settings:
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    (folder / "config.yaml").chmod(0o600)
    return read_config(folder / "config.yaml")


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """The JSON lines that were printed, by what they are about."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return {line["what"]: line for line in lines}


# -- pins ------------------------------------------------------------------------------------------------------------


def a_board(folder: Path, kept: str) -> tuple[Path, Path]:
    """The part of /sys and /dev that tells of a Raspberry Pi 5 with this setting of its pins."""
    parameter = folder / "sys/module/pinctrl_rp1/parameters/persist_gpio_outputs"
    parameter.parent.mkdir(parents=True)
    parameter.write_text(kept)
    (folder / "dev").mkdir()
    (folder / "dev/gpiochip0").touch()
    return folder / "sys", folder / "dev"


@pytest.mark.parametrize(("kept", "state"), [("Y\n", "warn"), ("N\n", "ok")])
def test_a_kernel_that_keeps_levels_is_warned_of(tmp_path: Path, kept: str, state: str) -> None:
    sys, dev = a_board(tmp_path, kept)
    found = states(pins.pins(DoorSettings(), sys=sys, dev=dev, boot=tmp_path))
    assert found["kernel and pins"] == state
    assert "strike at boot" not in found


def test_a_pi_whose_kernel_does_not_say_what_it_does_with_levels_is_warned_of_too(tmp_path: Path) -> None:
    model = tmp_path / "firmware/devicetree/base/model"
    model.parent.mkdir(parents=True)
    model.write_text("Raspberry Pi 4 Model B Rev 1.4\0")
    assert states(pins.pins(DoorSettings(), sys=tmp_path, dev=tmp_path, boot=tmp_path))["kernel and pins"] == "warn"


@pytest.mark.parametrize(
    ("door", "state"),
    [
        (DoorSettings(), None),
        (DoorSettings(pin=22), "warn"),
        (DoorSettings(active_high=False), "fail"),
    ],
)
def test_a_line_in_config_txt_for_another_pin_or_level_than_the_configured_one_is_found(
    tmp_path: Path, door: DoorSettings, state: str | None
) -> None:
    """As the installer wrote it for the configuration of that day."""
    sys, dev = a_board(tmp_path, "Y")
    (tmp_path / "config.txt").touch()
    pi = Machine("bookworm", "aarch64", (3, 11), "Raspberry Pi 4", tmp_path / "config.txt", True, True, True, True)
    for step in lines_added(Layout(tmp_path), pi, wanted=True):
        step.do()
    found = {finding.what: finding for finding in pins.pins(door, sys=sys, dev=dev, boot=tmp_path)}
    assert (found["strike at boot"].state if "strike at boot" in found else None) == state
    assert "reboot" in found["kernel and pins"].fix


@pytest.mark.parametrize(("pin", "active_high", "risky"), [(17, True, False), (17, False, True), (4, True, True)])
def test_a_relay_that_would_click_at_boot_is_warned_of(
    tmp_path: Path, *, pin: int, active_high: bool, risky: bool
) -> None:
    sys, dev = a_board(tmp_path, "N")
    found = states(pins.pins(DoorSettings(pin=pin, active_high=active_high), sys=sys, dev=dev, boot=tmp_path))
    assert ("strike at boot" in found) == risky


def test_no_pins_and_a_mock_are_said_to_be_so(tmp_path: Path) -> None:
    assert states(pins.pins(DoorSettings(), sys=tmp_path, dev=tmp_path, boot=tmp_path))["strike"] == "fail"
    assert states(pins.pins(DoorSettings(driver="mock")))["strike"] == "warn"


# -- the machine -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "state"), [("throttled=0x0", "ok"), ("throttled=0x50005", "warn"), ("throttled=0x50000", "warn")]
)
def test_a_weak_supply_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, state: str) -> None:
    (tmp_path / "vcgencmd").write_text(f"#!/bin/sh\necho {says}\n")
    (tmp_path / "vcgencmd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert states(system.system(tmp_path))["power"] == state


def test_a_state_directory_that_is_still_to_be_made_counts_with_the_disk_it_will_be_on(tmp_path: Path) -> None:
    assert states(system.system(tmp_path / "not/there/yet"))["disk"] == "ok"


# -- parts -----------------------------------------------------------------------------------------------------------


def test_an_altered_model_and_a_missing_camera_are_found_and_named(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for file in (Path(__file__).parents[2] / "models").glob("*.*"):
        (models / file.name).write_bytes(file.read_bytes())
    settings = written(tmp_path, 'camera: {source: "usb:97", open_timeout_seconds: 0.5}\n')
    assert states(parts.models(settings, CLOCK)) == {"models": "ok"}
    whole = (models / "mobilefacenet.tflite").read_bytes()
    (models / "mobilefacenet.tflite").write_bytes(whole[:-1] + b"x")
    assert states(parts.models(settings, CLOCK)) == {"models": "fail"}
    assert states(parts.camera(settings, CLOCK)) == {"camera": "fail"}


def test_a_dark_doorstep_is_told_from_a_lit_one(tmp_path: Path, faces: dict[str, Image]) -> None:
    film(tmp_path / "lit.avi", [([(faces["resident"], 200)], 3)])
    lit = written(tmp_path, 'camera: {source: "file:lit.avi?loop=1"}\n')
    assert states(parts.camera(lit, CLOCK)) == {"camera": "ok", "light": "ok"}
    dark = {name: (image // 12) for name, image in faces.items()}
    film(tmp_path / "dark.avi", [([(dark["resident"], 480)], 3)])
    night = written(tmp_path, 'camera: {source: "file:dark.avi?loop=1"}\n')
    assert states(parts.camera(night, CLOCK)) == {"camera": "ok", "light": "warn"}


# -- the broker ------------------------------------------------------------------------------------------------------


def test_a_wrong_password_an_open_broker_and_one_that_keeps_doors_apart_are_told_from_each_other(
    tmp_path: Path,
) -> None:
    access = tmp_path / "access"
    access.write_text("topic readwrite limen/front/#\n")
    with Mosquitto(tmp_path, "allow_anonymous true", f"acl_file {access}") as strict:
        settings = written(tmp_path, f"mqtt: {{broker: 127.0.0.1, port: {strict.login.port}}}\n")
        assert states(broker.broker(settings, CLOCK)) == {"broker": "ok", "broker's rights": "ok"}
        access.write_text("topic read limen/front/#\n")
        strict.stop()
        strict.start()
        assert states(broker.broker(settings, CLOCK))["broker's rights"] == "fail"
    nobody = written(tmp_path, "mqtt: {broker: 127.0.0.1, port: 1}\n")
    assert states(broker.broker(nobody, CLOCK)) == {"broker": "fail"}


def test_a_port_that_somebody_else_has_is_found_before_the_door_fails_for_it(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as theirs:
        taken = written(tmp_path, f"mqtt: {{port: {theirs.login.port}}}\n")
        assert states(broker.port(taken)) == {"broker's port": "fail"}
    assert states(broker.port(written(tmp_path, "mqtt: {port: 0}\n"))) == {}


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

# -- the whole -------------------------------------------------------------------------------------------------------


def test_it_asks_a_running_door_and_looks_for_itself_when_it_is_stopped(
    tmp_path: Path, faces: dict[str, Image], capsys: pytest.CaptureFixture[str]
) -> None:
    film(tmp_path / "scene.avi", [([(faces["stranger"], 200)], 2)])
    words = ["doctor", "--json", "--config", str(tmp_path / "config.yaml")]
    with RunningDoor(tmp_path) as door:
        door.start()
        assert main(words) == 0
        running = told(capsys)
        assert running["door"]["state"] == "ok"
        assert "camera" not in running, "which the daemon holds"
    main(words)
    stopped = told(capsys)
    assert (stopped["camera"]["state"], stopped["models"]["state"]) == ("ok", "ok")
    assert stopped["store"]["text"] == "nobody is enrolled"


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


def test_a_runtime_that_computes_something_else_is_found(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for file in (Path(__file__).parents[2] / "models").glob("*.*"):
        (models / file.name).write_bytes(file.read_bytes())
    settings = written(tmp_path, "")
    card = json.loads((models / "mobilefacenet.json").read_text())
    assert card["selftest"]
    assert states(parts.models(settings, CLOCK)) == {"models": "ok"}
    other = np.random.default_rng(1).normal(size=192).astype("<f2")
    for answer in (base64.b64encode(other.tobytes()).decode(), "not base64", "AAAA"):
        (models / "mobilefacenet.json").write_text(json.dumps(card | {"selftest": answer}))
        assert states(parts.models(settings, CLOCK)) == {"models": "fail"}
    (models / "mobilefacenet.json").write_text(json.dumps(card | {"selftest": ""}))
    assert states(parts.models(settings, CLOCK)) == {"models": "ok"}, "a card of somebody's own may have none"

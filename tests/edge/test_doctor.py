"""`limen doctor`: what is well, what is wrong and how it is mended; and an archive that holds nobody's secrets."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
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
from edge.service.doctor.finding import Finding
from edge.settings import DoorSettings, Settings
from tests.edge.brokers import Mosquitto
from tests.edge.doors import RunningDoor, film
from tests.edge.eyes import Image
from tests.edge.heads import models_with_head

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


def test_whole_models_by_which_no_door_decides_are_found(tmp_path: Path) -> None:
    models = models_with_head(tmp_path / "models", card={"thresholds": []})
    settings = written(tmp_path, f"vision: {{models: {models}}}\n")
    (found,) = parts.models(settings, CLOCK)
    assert (found.state, found.text) == ("fail", "no door decides by them")


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
    (tmp_path / "word").write_text("wrong")
    (tmp_path / "word").chmod(0o600)
    (tmp_path / "users").write_text("front:$6$8AtpSCIhmIAXSbyq$nobody\n")
    with Mosquitto(tmp_path, "allow_anonymous false", f"password_file {tmp_path}/users") as closed:
        login = "username: front, password_file: word"
        wrong = written(tmp_path, f"mqtt: {{broker: 127.0.0.1, port: {closed.login.port}, {login}}}\n")
        (finding,) = broker.broker(wrong, CLOCK)
        assert (finding.state, "password" in finding.private) == ("fail", True)
    nobody = written(tmp_path, "mqtt: {broker: 127.0.0.1, port: 1}\n")
    assert states(broker.broker(nobody, CLOCK)) == {"broker": "fail"}


def test_a_port_that_somebody_else_has_is_found_before_the_door_fails_for_it(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as theirs:
        taken = written(tmp_path, f"mqtt: {{port: {theirs.login.port}}}\n")
        assert states(broker.port(taken)) == {"broker's port": "fail"}
    assert states(broker.port(written(tmp_path, "mqtt: {port: 0}\n"))) == {}


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

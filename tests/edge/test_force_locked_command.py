"""`limen force-locked`, as systemd calls it when everything else has died; judged by the pin."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.door.strike import open_strike
from edge.settings import DoorSettings
from tests.edge.pins import CLOCK, Pin, soon

DOOR = DoorSettings(driver="mock", unlock_seconds=10.0)
GOOD = "door: {driver: mock, unlock_seconds: 10}\nstore: {directory: .}\n"


def force_locked(home: Path, text: str = GOOD, *words: str) -> int:
    (home / "config.yaml").write_text(text, encoding="utf-8")
    return main(["force-locked", "--config", str(home / "config.yaml"), *words])


@pytest.mark.parametrize("active_high", [True, False])
def test_an_open_door_is_locked_and_a_locked_one_stays_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, active_high: bool
) -> None:
    pin = Pin(tmp_path, DoorSettings(driver="mock", active_high=active_high))
    pin.leave("unlocked")
    text = GOOD.replace("mock", f"mock, active_high: {str(active_high).lower()}")
    assert force_locked(tmp_path, text) == 0
    assert force_locked(tmp_path, text) == 0
    assert pin.now() == "locked"
    assert f"GPIO 17 was driven {'low' if active_high else 'high'}: locked." in capsys.readouterr().out


def test_a_living_strike_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pin = Pin(tmp_path, DOOR)
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(10.0, soon())
        assert force_locked(tmp_path) == 75
        assert pin.story() == ["locked", "unlocked"]
        assert "another process holds it" in capsys.readouterr().err
    assert force_locked(tmp_path) == 0


@pytest.mark.parametrize(
    "mistake", ["acess: {}", "mqtt: {broker: 7}", "inputs: {contact_pin: 17}", "camera: [", "\tx", "- a list"]
)
def test_a_mistake_elsewhere_in_the_file_keeps_no_door_open(tmp_path: Path, mistake: str) -> None:
    pin = Pin(tmp_path, DOOR)
    pin.leave("unlocked")
    readable = mistake not in {"camera: [", "\tx", "- a list"}
    text = f"{GOOD}{mistake}\n" if mistake != "- a list" else mistake
    assert force_locked(tmp_path, text) == (0 if readable else 78)
    assert pin.now() == ("locked" if readable else "unlocked")


@pytest.mark.parametrize("mistake", ["unlock_seconds: 99", "pni: 4", "accept_boot_level: perhaps"])
def test_a_mistake_beside_the_pin_keeps_no_door_open(tmp_path: Path, mistake: str) -> None:
    Pin(tmp_path, DOOR).leave("unlocked")
    text = f"door: {{driver: mock, pin: 17, {mistake}}}\nstore: {{directory: ., keep: 1}}\n"
    assert force_locked(tmp_path, text) == 0
    assert Pin(tmp_path, DOOR).now() == "locked"


@pytest.mark.parametrize("door", ["{pin: 99}", "{active_high: 1}", "{driver: none}", "7"])
def test_a_strike_that_nobody_names_is_exit_78(tmp_path: Path, capsys: pytest.CaptureFixture[str], door: str) -> None:
    assert force_locked(tmp_path, f"door: {door}") == 78
    assert "limen: door" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("lgpio") is not None, reason="lgpio is here: this would drive a real pin")
def test_the_command_lines_pin_is_a_real_one_and_counts_where_the_file_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert force_locked(tmp_path, "door: {pin: 99}", "--pin", "22", "--active-low") == 1
    assert "lgpio" in capsys.readouterr().err, "it was tried: never a pretended pin"


def test_the_configurations_pin_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Pin(tmp_path, DOOR).leave("unlocked")
    assert force_locked(tmp_path, GOOD, "--pin", "22", "--active-low") == 0
    assert Pin(tmp_path, DOOR).now() == "locked"
    assert "--pin 22 is left alone" in capsys.readouterr().err
    assert not (tmp_path / "pin-22.level").exists()


def test_a_pin_without_its_polarity_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert force_locked(tmp_path, "door: {pin: 99}", "--pin", "22") == 2
    assert "--active-high or --active-low" in capsys.readouterr().err

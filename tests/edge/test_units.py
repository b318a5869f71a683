"""The systemd units: what they promise holds, by systemd's own judgement where it is installed."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from edge.__main__ import EXIT_CONFIG
from edge.settings import CameraSettings

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNITS = ("limen.service", "limen-dashboard.service")
EXPOSURE = 2.0

judged = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def service(unit: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read(SYSTEMD / unit, encoding="utf-8")
    return parser["Service"]


@judged
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_a_unit_little_exposed(unit: str) -> None:
    command = ["systemd-analyze", "security", "--offline=true", str(SYSTEMD / unit)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    score = re.search(r"Overall exposure level for \S+ ([\d.]+)", said)
    assert score, said
    assert float(score.group(1)) <= EXPOSURE


@judged
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_every_line(unit: str, tmp_path: Path) -> None:
    """With a program in the place of the one that an installation puts there."""
    copy = tmp_path / unit
    copy.write_text((SYSTEMD / unit).read_text().replace("/opt/limen/current/venv/bin/limen", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_whatever_ends_the_door_the_strike_is_forced_to_its_locked_level() -> None:
    door = service("limen.service")
    assert "force-locked" in door["ExecStopPost"]
    assert (door["Type"], door["NotifyAccess"], door["Restart"]) == ("notify", "main", "always")
    assert float(door["WatchdogSec"]) <= 20


def test_the_watchdog_waits_longer_than_a_camera_may_take_to_open() -> None:
    longest = msgspec.json.schema(CameraSettings)["$defs"]["CameraSettings"]["properties"]["open_timeout_seconds"]
    assert float(service("limen.service")["WatchdogSec"]) > longest["maximum"]


def test_a_wrong_configuration_is_not_tried_for_ever() -> None:
    assert all(service(unit)["RestartPreventExitStatus"] == str(EXIT_CONFIG) for unit in UNITS)


def test_the_dashboard_reaches_nothing_of_the_door() -> None:
    dashboard = service("limen-dashboard.service")
    assert dashboard["User"] != service("limen.service")["User"]
    assert dashboard["PrivateDevices"] == "yes"

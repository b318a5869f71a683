"""When a wall clock is believed, and what the journal is told of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.clock import SystemClock, lead, local_zone
from edge.service.timekeeper import Timekeeper
from tests.edge.stores import NOON, HandClock


class FixedClock(SystemClock):
    """At noon, on the machine whose files lie in `folder`."""

    at = NOON

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "timesync", folder / "rtc")

    def wall(self) -> datetime:
        return self.at


def rtc(folder: Path, says: str) -> None:
    (folder / "rtc/rtc0").mkdir(parents=True)
    (folder / "rtc/rtc0/since_epoch").write_text(says)


def test_where_nobody_says_a_time_since_this_software_exists_is_believed(tmp_path: Path) -> None:
    clock = FixedClock(tmp_path)
    assert clock.trusted()
    clock.at = datetime(1970, 1, 1, tzinfo=UTC)
    assert not clock.trusted()


def test_a_pi_that_goes_on_from_its_last_shutdown_is_not_believed_until_a_time_server_answered(tmp_path: Path) -> None:
    (tmp_path / "timesync").mkdir()
    clock = FixedClock(tmp_path)
    assert not clock.trusted()
    (tmp_path / "timesync/synchronized").touch()
    assert clock.trusted()
    clock.at = datetime(1970, 1, 1, tzinfo=UTC)
    assert not clock.trusted(), "whoever set it"


def test_a_hardware_clock_that_says_the_same_is_believed(tmp_path: Path) -> None:
    (tmp_path / "timesync").mkdir()
    rtc(tmp_path, f"{NOON.timestamp() - 2:.0f}\n")
    assert FixedClock(tmp_path).trusted()


@pytest.mark.parametrize("says", ["37\n", "", "not a number", f"{NOON.timestamp() - 3600:.0f}"])
def test_a_hardware_clock_without_a_battery_is_not(tmp_path: Path, says: str) -> None:
    (tmp_path / "timesync").mkdir()
    rtc(tmp_path, says)
    assert not FixedClock(tmp_path).trusted()


def told(keeper: Timekeeper) -> list[tuple[str, str]]:
    return [(event.data["event"], event.data["detail"]) for event in keeper.step()]


def test_a_clock_that_is_right_from_the_start_is_not_worth_a_word() -> None:
    clock = HandClock()
    keeper = Timekeeper(clock)
    for _ in range(3):
        assert told(keeper) == []
        clock.sleep(0.5)  # as a time server that only corrects its pace
    assert lead(clock) == pytest.approx(NOON.timestamp() - 1000.5 + 1.5)


def test_a_clock_that_is_set_late_and_moved_afterwards_is_told_each_time_once() -> None:
    clock = HandClock(datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    clock.believed = False
    keeper = Timekeeper(clock)
    assert told(keeper) == [("clock_untrusted", "it says 1970-01-01 00:01 UTC")]
    assert told(keeper) == []
    clock.moment, clock.believed = NOON, True
    assert told(keeper) == [("clock_trusted", "it says 2026-12-01 12:00 UTC, put forward by 20788 days, 11:59:00")]
    clock.moment = NOON - timedelta(hours=1)
    assert told(keeper) == [("clock_jumped", "it says 2026-12-01 11:00 UTC, put back by 1:00:00")]
    assert told(keeper) == []


def test_a_machine_says_its_time_zone_by_name_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    zones = tmp_path / "zoneinfo" / "Europe"
    zones.mkdir(parents=True)
    (zones / "Berlin").touch()
    setting = tmp_path / "localtime"
    assert local_zone(setting) == "UTC", "as the system's library takes it"
    setting.symlink_to(zones / "Berlin")
    assert local_zone(setting) == "Europe/Berlin"
    setting.unlink()
    setting.write_bytes(b"TZif2")
    assert local_zone(setting) == "", "a copy has no name"
    monkeypatch.setenv("TZ", ":America/Anchorage")
    assert local_zone(setting) == "America/Anchorage"
    monkeypatch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
    assert local_zone(setting) == ""

"""The strike told in levels: what the pin did, in both polarities. Safety bounds are asserted, speed is not."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.door.force_locked import force_locked
from edge.door.strike import open_strike
from edge.errors import StrikeError
from edge.settings import DoorSettings
from tests.edge.pins import CLOCK, Pin, soon, wait_until

DOOR = DoorSettings(driver="mock", unlock_seconds=0.3)
SLOW_DOOR = DoorSettings(driver="mock", unlock_seconds=10.0)

both_polarities = pytest.mark.parametrize(
    "door",
    [DOOR, DoorSettings(driver="mock", unlock_seconds=0.3, active_high=False), replace(DOOR, pin=2)],
    ids=["active_high", "active_low", "on_a_pin_with_a_pull_up"],
)


@both_polarities
def test_a_pulse_opens_the_strike_and_closes_it_again(tmp_path: Path, door: DoorSettings) -> None:
    pin = Pin(tmp_path, door)
    with open_strike(door, CLOCK, tmp_path) as strike:
        strike.ready()
        assert pin.story() == ["locked"]
        strike.pulse(0.3, soon())
        assert strike.state == "UNLOCKED"
        assert pin.story() == ["locked", "unlocked"]
        wait_until(lambda: strike.state == "LOCKED", strike)
        assert [(notice.state, notice.detail) for notice in strike.notices()] == [
            ("LOCKED", "ready"),
            ("UNLOCKED", "pulse"),
            ("LOCKED", "pulse ended"),
        ]
        assert strike.notices() == ()
    assert pin.story() == ["locked", "unlocked", "locked"]
    pin.assert_never_open_too_long()


@both_polarities
def test_the_first_act_is_to_lock_whatever_was_left_behind(tmp_path: Path, door: DoorSettings) -> None:
    pin = Pin(tmp_path, door)
    pin.leave("unlocked")
    with open_strike(door, CLOCK, tmp_path) as strike:
        assert strike.state == "JAMMED"
        strike.ready()
        assert strike.state == "LOCKED"
        assert pin.now() == "locked"
    assert pin.story() == ["locked"]


@both_polarities
def test_force_locked_locks_an_open_door_and_leaves_a_locked_one(tmp_path: Path, door: DoorSettings) -> None:
    pin = Pin(tmp_path, door)
    pin.leave("unlocked")
    force_locked(door, tmp_path, CLOCK)
    assert pin.now() == "locked"
    force_locked(door, tmp_path, CLOCK)
    assert pin.story() == ["locked"]


def test_a_pulse_is_cut_to_unlock_seconds(tmp_path: Path) -> None:
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(9.0, soon())
        wait_until(lambda: strike.state == "LOCKED", strike)
    Pin(tmp_path, DOOR).assert_never_open_too_long()


def test_many_grants_at_once_make_one_pulse_that_never_outlasts_the_cap(tmp_path: Path) -> None:
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        first = CLOCK.now()
        strike.pulse(0.1, soon())
        while strike.state == "UNLOCKED" and CLOCK.now() < first + 0.25:
            strike.pulse(0.3, soon())
        wait_until(lambda: strike.state == "LOCKED", strike)
    pin = Pin(tmp_path, DOOR)
    assert pin.story() == ["locked", "unlocked", "locked"]
    pin.assert_never_open_too_long()


def test_a_stale_grant_is_refused_and_the_next_one_works(tmp_path: Path) -> None:
    pin = Pin(tmp_path, DOOR)
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        with pytest.raises(StrikeError, match="too late"):
            strike.pulse(0.3, CLOCK.now() - 0.001)
        assert strike.state == "LOCKED"
        assert pin.story() == ["locked"]
        strike.pulse(0.3, soon())
        assert pin.story() == ["locked", "unlocked"]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0, 1e12])
def test_a_time_that_is_no_time_never_reaches_the_strike(tmp_path: Path, number: float) -> None:
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        with pytest.raises(StrikeError, match="no such pulse"):
            strike.pulse(number, soon())
        with pytest.raises(StrikeError, match="no such pulse"):
            strike.pulse(0.3, number)
        with pytest.raises(StrikeError, match="no such pulse"):
            strike.pulse(0.0, soon())
    assert Pin(tmp_path, DOOR).story() == ["locked"]


def test_lock_ends_a_pulse_before_its_time(tmp_path: Path) -> None:
    with open_strike(SLOW_DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        opened = CLOCK.now()
        strike.pulse(10.0, soon())
        strike.lock()
        wait_until(lambda: strike.state == "LOCKED", strike)
        assert Pin(tmp_path, SLOW_DOOR).now() == "locked"
        assert CLOCK.now() - opened < 10.0


def test_closing_in_the_middle_of_a_pulse_locks(tmp_path: Path) -> None:
    with open_strike(SLOW_DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(10.0, soon())
    assert strike.state == "LOCKED"
    assert Pin(tmp_path, SLOW_DOOR).story() == ["locked", "unlocked", "locked"]


def test_a_strike_that_was_never_started_opens_nothing(tmp_path: Path) -> None:
    strike = open_strike(DOOR, CLOCK, tmp_path)
    with pytest.raises(StrikeError, match="has not started"):
        strike.ready()
    with pytest.raises(StrikeError, match="has not started"):
        strike.lock()
    assert strike.fileno() == -1
    strike.close()


def test_ctrl_c_in_the_terminal_does_not_reach_the_strike(tmp_path: Path) -> None:
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        assert strike.pid is not None
        assert os.getsid(strike.pid) != os.getsid(0)


@pytest.mark.skipif(importlib.util.find_spec("lgpio") is not None, reason="lgpio is here: this would drive a real pin")
def test_without_lgpio_the_door_does_not_open_a_pretend_lock(tmp_path: Path) -> None:
    strike = open_strike(DoorSettings(driver="gpio"), CLOCK, tmp_path)
    strike.__enter__()
    with pytest.raises(StrikeError, match=r"limen\[pi\].*python3-lgpio.*group gpio.*door\.driver: mock"):
        strike.ready()
    with pytest.raises(StrikeError, match="lgpio"):
        strike.close()
    assert list(tmp_path.iterdir()) == []

"""The strike's own process dies or hangs, and the pin is locked all the same: by its second hand."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from edge.door.force_locked import force_locked
from edge.door.strike import Strike, open_strike
from edge.errors import StrikeError
from edge.settings import DoorSettings
from tests.edge.pins import CLOCK, LONG, Pin, second_hand, soon, wait_for_the_end_of, wait_until

UNLOCK = 2.0
DOOR = DoorSettings(driver="mock", unlock_seconds=UNLOCK)


def test_a_strike_killed_in_a_pulse_is_locked_though_its_daemon_never_looks(tmp_path: Path) -> None:
    pin = Pin(tmp_path, DOOR)
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(UNLOCK, soon())
        second = second_hand(strike.pid)
        assert strike.pid is not None
        os.kill(strike.pid, signal.SIGKILL)
        wait_for_the_end_of(second)
        assert pin.now() == "locked"
    assert pin.story() == ["locked", "unlocked", "locked"]
    pin.assert_never_open_too_long()


def test_a_strike_that_hangs_in_a_pulse_is_ended_though_its_daemon_never_looks(tmp_path: Path) -> None:
    pin = Pin(tmp_path, DOOR)
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(UNLOCK, soon())
        second = second_hand(strike.pid)
        assert strike.pid is not None
        os.kill(strike.pid, signal.SIGSTOP)
        wait_for_the_end_of(second)
        assert pin.now() == "locked"
        wait_until(lambda: strike.state == "LOCKED", strike)
        strike.pulse(0.1, soon())
    assert pin.story() == ["locked", "unlocked", "locked", "unlocked", "locked"]
    pin.assert_never_open_too_long()


def test_a_strike_that_hangs_while_locked_is_left_to_its_daemon(tmp_path: Path) -> None:
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(0.05, soon())
        wait_until(lambda: strike.state == "LOCKED", strike)
        assert strike.pid is not None
        second = second_hand(strike.pid)
        os.kill(strike.pid, signal.SIGSTOP)
        CLOCK.sleep(0.5)
        assert psutil.pid_exists(second)
        os.kill(strike.pid, signal.SIGCONT)
        strike.pulse(0.05, soon())
    assert Pin(tmp_path, DOOR).story() == ["locked", "unlocked", "locked", "unlocked", "locked"]


def test_a_second_hand_that_dies_ends_the_pulse_and_both_are_started_anew(tmp_path: Path) -> None:
    pin = Pin(tmp_path, DOOR)
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(UNLOCK, soon())
        strike.notices()
        first = strike.pid
        os.kill(second_hand(first), signal.SIGKILL)
        wait_until(lambda: strike.state == "JAMMED", strike)
        assert pin.now() == "locked"
        assert strike.notices()[0].detail == "its second hand is gone"
        wait_until(lambda: strike.state == "LOCKED", strike)
        assert strike.pid != first
        strike.pulse(0.05, soon())


def test_a_second_hand_that_cannot_be_told_lets_nobody_in(tmp_path: Path) -> None:
    """Hung, with its letter box full, it is as good as dead."""
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        second = second_hand(strike.pid)
        os.kill(second, signal.SIGSTOP)
        with pytest.raises(StrikeError, match="second hand"):
            pulse_until_refused(strike)
        assert Pin(tmp_path, DOOR).now() == "locked"
        wait_until(lambda: not psutil.pid_exists(second), strike)


def pulse_until_refused(strike: Strike) -> None:
    for _ in range(2_000):
        strike.pulse(0.001, soon())
        wait_until(lambda: strike.state == "LOCKED", strike)


def test_a_slow_second_hand_is_not_flooded_by_a_crowd_of_grants(tmp_path: Path) -> None:
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        second = second_hand(strike.pid)
        os.kill(second, signal.SIGSTOP)
        for _ in range(1_000):
            strike.pulse(1.0, soon())
        os.kill(second, signal.SIGCONT)
        assert strike.state == "UNLOCKED"
    assert Pin(tmp_path, DOOR).story() == ["locked", "unlocked", "locked"]


def test_a_clean_end_leaves_nobody_behind(tmp_path: Path) -> None:
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        second = second_hand(strike.pid)
    assert not psutil.pid_exists(second)
    assert Pin(tmp_path, DOOR).story() == ["locked"]


def test_a_signal_to_everybody_is_the_strikes_to_obey(tmp_path: Path) -> None:
    """As at the end of a system without systemd: all get SIGTERM at once."""
    pin = Pin(tmp_path, DOOR)
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(UNLOCK, soon())
        assert strike.pid is not None
        second = second_hand(strike.pid)
        os.kill(second, signal.SIGTERM)
        os.kill(strike.pid, signal.SIGTERM)
        wait_for_the_end_of(second)
        assert pin.now() == "locked"
    assert pin.story() == ["locked", "unlocked", "locked"]


def test_force_locked_after_a_second_hand_finds_a_locked_pin(tmp_path: Path) -> None:
    pin = Pin(tmp_path, DOOR)
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(UNLOCK, soon())
        assert strike.pid is not None
        second = second_hand(strike.pid)
        os.kill(strike.pid, signal.SIGKILL)
        wait_for_the_end_of(second)
        force_locked(DOOR, tmp_path, CLOCK)
    assert pin.story() == ["locked", "unlocked", "locked"]


def test_a_strike_that_can_have_no_second_hand_locks_what_was_left_open_and_opens_nothing(tmp_path: Path) -> None:
    """No room for one more process, after everybody was killed in a pulse: what can be locked must be."""
    pin = Pin(tmp_path, DOOR)
    pin.leave("unlocked")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    words = (theirs.fileno(), DOOR.driver, DOOR.pin, DOOR.active_high, DOOR.unlock_seconds, tmp_path)
    with ours, theirs:
        done = subprocess.run(
            [sys.executable, "-c", NO_FORK, *map(str, words)], pass_fds=[theirs.fileno()], check=False, timeout=LONG
        )
        theirs.close()
        assert ours.recv(200).startswith(b"FAILED it can have no second hand")
        assert ours.recv(200) == b"", "it was never ready"
    assert done.returncode == 1
    assert pin.now() == "locked"


NO_FORK = """
import os, sys
from edge.door.strike_process import main
def fork(): raise BlockingIOError(11, "Resource temporarily unavailable")
os.fork = fork
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGSEGV, signal.SIGABRT, signal.SIGALRM, signal.SIGUSR1])
def test_a_strike_that_any_other_signal_ends_is_locked_by_its_second_hand(
    tmp_path: Path, number: signal.Signals
) -> None:
    pin = Pin(tmp_path, DOOR)
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(UNLOCK, soon())
        second = second_hand(strike.pid)
        assert strike.pid is not None
        os.kill(strike.pid, number)
        wait_for_the_end_of(second)
        assert pin.now() == "locked"
    pin.assert_never_open_too_long()


@pytest.mark.parametrize("stopped", ["strike", "second", "both"])
def test_processes_that_hang_in_a_pulse_do_not_outlive_a_daemon_that_works(tmp_path: Path, stopped: str) -> None:
    pin = Pin(tmp_path, DOOR)
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(UNLOCK, soon())
        first = strike.pid
        assert first is not None
        hands = {"strike": first, "second": second_hand(first)}
        for name, pid in hands.items():
            if stopped in {name, "both"}:
                os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: strike.state == "LOCKED" and pin.now() == "locked", strike)
        strike.pulse(0.05, soon())
        wait_until(lambda: strike.state == "LOCKED", strike)
    if stopped == "both":
        os.kill(hands["second"], signal.SIGCONT)  # it finds its strike dead, and nothing to do
    for pid in hands.values():
        wait_for_the_end_of(pid)
    assert pin.story() == ["locked", "unlocked", "locked", "unlocked", "locked"]

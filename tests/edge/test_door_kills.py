"""Whatever dies, in whatever phase, a pulse ends: judged by the levels that the pin left behind."""

from __future__ import annotations

import itertools
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.door.force_locked import force_locked
from edge.door.strike import CONFIRM_SECONDS, Strike, open_strike
from edge.errors import StrikeError
from edge.settings import DoorSettings
from tests.edge.pins import CLOCK, LONG, Pin, second_hand, soon, wait_for_the_end_of, wait_until

UNLOCK = 0.5
DOOR = DoorSettings(driver="mock", unlock_seconds=UNLOCK)

DAEMON = f"""
import sys
from pathlib import Path
from edge.clock import SystemClock
from edge.door.strike import open_strike
from edge.settings import DoorSettings
clock = SystemClock()
with open_strike(DoorSettings(driver="mock", unlock_seconds={UNLOCK}), clock, Path(sys.argv[1])) as strike:
    print(strike.pid, flush=True)
    strike.ready()
    strike.pulse({UNLOCK}, clock.now() + 10)
    print("unlocked", flush=True)
    while True:
        strike.poll()
        clock.sleep(0.01)
"""


@contextmanager
def daemon(state: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A small daemon in the middle of its work, and its strike's process id."""
    with subprocess.Popen([sys.executable, "-c", DAEMON, str(state)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def read_unlocked(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "unlocked\n"


def send(strike: Strike, number: signal.Signals) -> int:
    assert strike.pid is not None
    os.kill(strike.pid, number)
    return strike.pid


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.1])
def test_a_daemon_killed_in_any_phase_of_a_pulse_leaves_a_locked_door(tmp_path: Path, phase: float) -> None:
    with daemon(tmp_path) as (process, strike):
        read_unlocked(process)
        CLOCK.sleep(phase * UNLOCK)
        process.kill()
        wait_for_the_end_of(strike)
    pin = Pin(tmp_path, DOOR)
    assert pin.story() == ["locked", "unlocked", "locked"]
    pin.assert_never_open_too_long()


def test_a_daemon_killed_while_its_strike_starts_leaves_a_locked_door(tmp_path: Path) -> None:
    pin = Pin(tmp_path, DOOR)
    pin.leave("unlocked")
    with daemon(tmp_path) as (process, strike):
        process.kill()
        wait_for_the_end_of(strike)
    assert pin.now() == "locked"


def test_a_daemon_that_hangs_cannot_hold_the_door_open(tmp_path: Path) -> None:
    pin = Pin(tmp_path, DOOR)
    with daemon(tmp_path) as (process, strike):
        read_unlocked(process)
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: pin.now() == "locked")
        process.kill()
        wait_for_the_end_of(strike)
    pin.assert_never_open_too_long()


def test_a_killed_strike_is_replaced_by_one_that_locks(tmp_path: Path) -> None:
    pin = Pin(tmp_path, DOOR)
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(UNLOCK, soon())
        strike.notices()
        first = send(strike, signal.SIGKILL)
        wait_until(lambda: strike.state == "JAMMED", strike)
        with pytest.raises(StrikeError, match="cannot confirm its level: it died"):
            strike.pulse(UNLOCK, soon())
        wait_until(lambda: strike.state == "LOCKED", strike)
        assert pin.now() == "locked"
        assert strike.pid != first
        assert [(notice.state, notice.detail) for notice in strike.notices()] == [
            ("JAMMED", "it died"),
            ("LOCKED", "ready"),
        ]
        strike.pulse(UNLOCK, soon())
    assert pin.story() == ["locked", "unlocked", "locked", "unlocked", "locked"]


def test_strikes_that_keep_dying_are_started_less_and_less_often(tmp_path: Path) -> None:
    starts = [CLOCK.now()]
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        for _ in range(3):
            strike.ready()
            dead = send(strike, signal.SIGKILL)
            wait_until(lambda dead=dead: strike.pid != dead, strike)
            starts.append(CLOCK.now())
        strike.ready()
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert all(gap > least for gap, least in zip(gaps, (0.15, 0.35, 0.75), strict=True)), gaps


def test_a_strike_that_dies_in_a_pulse_is_replaced_at_once_however_often_it_does(tmp_path: Path) -> None:
    """Its pin keeps its level: only the next one locks."""
    long = DoorSettings(driver="mock", unlock_seconds=10.0)
    with open_strike(long, CLOCK, tmp_path) as strike:
        for _ in range(4):
            strike.ready()
            strike.pulse(10.0, soon())
            dead = send(strike, signal.SIGKILL)
            wait_for_the_end_of(dead)
            strike.poll()
            strike.poll()
            assert strike.pid != dead
        strike.ready()
        assert Pin(tmp_path, long).now() == "locked"


def test_closing_while_the_strike_is_dead_still_locks(tmp_path: Path) -> None:
    pin = Pin(tmp_path, DOOR)
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(UNLOCK, soon())
        second = second_hand(strike.pid)
        os.kill(second, signal.SIGSTOP)  # else it would lock
        wait_for_the_end_of(send(strike, signal.SIGKILL))
        assert pin.now() == "unlocked"
        os.kill(second, signal.SIGKILL)
    assert pin.now() == "locked"


def test_when_all_are_killed_force_locked_closes_the_door(tmp_path: Path) -> None:
    pin = Pin(tmp_path, DOOR)
    with daemon(tmp_path) as (process, strike):
        read_unlocked(process)
        process.send_signal(signal.SIGSTOP)
        second = second_hand(strike)
        os.kill(strike, signal.SIGSTOP)  # it would lock as soon as it hears of the other's end
        for pid in (second, strike, process.pid):
            os.kill(pid, signal.SIGKILL)
    wait_for_the_end_of(strike)
    assert pin.now() == "unlocked"  # nobody is left to lock: this is what ExecStopPost is for
    force_locked(DOOR, tmp_path, CLOCK)
    assert pin.now() == "locked"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_locks_and_ends_the_strike_and_the_daemon_starts_another(
    tmp_path: Path, number: signal.Signals
) -> None:
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(UNLOCK, soon())
        first = send(strike, number)
        wait_for_the_end_of(first)
        assert Pin(tmp_path, DOOR).now() == "locked"
        wait_until(lambda: strike.pid != first and strike.state == "LOCKED", strike)


def test_a_strike_that_does_not_answer_is_given_up_in_time_and_replaced(tmp_path: Path) -> None:
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        first = send(strike, signal.SIGSTOP)
        asked = CLOCK.now()
        with pytest.raises(StrikeError, match="did not answer within"):
            strike.pulse(UNLOCK, soon())
        assert CLOCK.now() - asked >= CONFIRM_SECONDS
        assert strike.state == "JAMMED"
        wait_until(lambda: strike.state == "LOCKED", strike)
        assert strike.pid != first
    assert Pin(tmp_path, DOOR).story() == ["locked"]


def test_a_strike_that_hangs_while_open_is_replaced_by_one_that_locks(tmp_path: Path) -> None:
    with open_strike(DOOR, CLOCK, tmp_path) as strike:
        strike.ready()
        strike.pulse(UNLOCK, soon())
        send(strike, signal.SIGSTOP)
        wait_until(lambda: strike.state == "JAMMED", strike)
        assert strike.notices()[-1].detail in {"it died", "it did not lock in time"}  # its second hand is quicker
        wait_until(lambda: strike.state == "LOCKED", strike)
        assert Pin(tmp_path, DOOR).now() == "locked"
    Pin(tmp_path, DOOR).assert_never_open_too_long()


def test_a_strike_that_does_not_obey_lock_is_replaced_long_before_its_pulse_ends(tmp_path: Path) -> None:
    slow = DoorSettings(driver="mock", unlock_seconds=10.0)
    with open_strike(slow, CLOCK, tmp_path) as strike:
        strike.ready()
        opened = CLOCK.now()
        strike.pulse(10.0, soon())
        send(strike, signal.SIGSTOP)
        strike.lock()
        wait_until(lambda: strike.state == "LOCKED", strike)
        assert Pin(tmp_path, slow).now() == "locked"
        assert CLOCK.now() - opened < 10.0


# The strike alone, with this test in the daemon's place.


@contextmanager
def bare_strike(state: Path) -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(LONG)
    words = [str(theirs.fileno()), "mock", "17", "True", str(UNLOCK), str(state)]
    command = [sys.executable, "-m", "edge.door.strike_process", *words]
    with ours, subprocess.Popen(command, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        try:
            assert ours.recv(100) == b"READY"
            yield ours, process
        finally:
            process.kill()


def pulse(milliseconds: bytes = b"400") -> bytes:
    return b"PULSE %b %d" % (milliseconds, round(soon() * 1e9))


def malformed(chance: random.Random) -> bytes:
    """Noise, or a pulse that is nearly right."""
    lengths = [b"-400", b"0", b"4e2", b"0x10", b"", b"9999999", "\uff14".encode(), b"nan", b"400 "]
    nearly = [
        chance.randbytes(chance.randrange(1, 300)),
        pulse() + chance.choice([b"\n", b" ", b"\0", b"0" * 20, b" PULSE 400 1", b"x" * 5000]),
        chance.choice([b" ", b"\n", b"x", b"LOCK "]) + pulse(),
        pulse(chance.choice(lengths)),
        pulse().replace(b"PULSE", chance.choice([b"pulse", b"PULS", b"UNLOCK", b"READY", b"PULSE,"])),
        pulse()[: chance.randrange(1, 10)],
    ]
    return chance.choice(nearly)


def test_garbage_never_makes_a_pulse(tmp_path: Path) -> None:
    chance = random.Random(7)
    with bare_strike(tmp_path) as (control, process):
        for _ in range(400):
            control.send(malformed(chance))
            assert control.recv(100) == b"REFUSED malformed"
        control.send(b"PULSE 400 1")
        assert control.recv(100) == b"REFUSED too late"
        control.close()
        assert process.wait(LONG) == 0
    assert Pin(tmp_path, DOOR).story() == ["locked"]


@pytest.mark.parametrize("news", ["read", "unread"])
def test_a_closed_socket_ends_the_pulse(tmp_path: Path, news: str) -> None:
    with bare_strike(tmp_path) as (control, process):
        for _ in range(3):
            control.send(pulse())
            if news == "read":
                assert control.recv(100).startswith(b"UNLOCKED ")
        control.close()
        assert process.wait(LONG) == 0
    pin = Pin(tmp_path, DOOR)
    assert pin.now() == "locked"
    pin.assert_never_open_too_long()


def test_an_empty_packet_counts_as_the_end(tmp_path: Path) -> None:
    with bare_strike(tmp_path) as (control, process):
        control.send(pulse())
        control.send(b"")
        assert process.wait(LONG) == 0
    assert Pin(tmp_path, DOOR).now() == "locked"

"""The strike: a small process that owns the door's pin, so that a pulse ends whatever happens to the daemon.

Started by `edge.door.strike` with one end of a socket pair; one packet is one message, so nothing can be split,
joined or resumed in the middle:

    PULSE <ms> <not_after_ns>   ->  UNLOCKED <until_ns> | REFUSED <why>
    LOCK                        ->  LOCKED
                                <-  READY (claimed, locked) | FAILED <why>, once at the start
                                <-  LOCKED at the end of a pulse

Times are CLOCK_MONOTONIC, which all processes of a machine share. The line drops at the deadline, on SIGTERM or
SIGINT, when the other end closes (the daemon ended, however it ended), and on any error; when this process itself dies
or hangs, by its second hand (`edge.door.second_hand`). It runs in a session of its own: Ctrl-C in a terminal reaches
the daemon alone, whose clean end arrives here as a closed socket.
"""

from __future__ import annotations

import contextlib
import re
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Final, cast

from edge.clock import Clock, SystemClock
from edge.door.chip import Driver, strike_chip
from edge.door.line import Line, claim_locked, claim_of
from edge.door.second_hand import Lock, SecondHand, start_second_hand
from edge.errors import StrikeError

MAX_PULSE_SECONDS: Final = 10.0
_PULSE: Final = re.compile(rb"PULSE ([1-9][0-9]{0,5}) ([0-9]{1,19})")
_MAX_MESSAGE: Final = 256


class _Strike:
    """Serves one daemon until it goes away. `cap` is the longest pulse in seconds."""

    def __init__(self, line: Line, second: SecondHand, control: socket.socket, clock: Clock, cap: float) -> None:
        self._line = line
        self._second = second
        self._control = control
        self._clock = clock
        self._cap = min(cap, MAX_PULSE_SECONDS)
        self._latest = 0.0  # no pulse lasts beyond this, however often it is renewed
        self._until: float | None = None

    def serve(self, signals: socket.socket) -> None:
        """Until the other end closes, a signal arrives, or the second hand is gone. The caller locks."""
        self._control.send(b"READY")
        heard: list[socket.socket | SecondHand] = [self._control, signals, self._second]
        while True:
            wait = None if self._until is None else max(0.0, self._until - self._clock.now())
            readable, _, _ = select.select(heard, [], [], wait)
            if self._until is not None and self._clock.now() >= self._until:
                self._lock()
            if signals in readable:
                return
            if self._second in readable:
                raise StrikeError("its second hand is gone")
            if self._control in readable:
                message = self._control.recv(_MAX_MESSAGE)
                if not message:
                    return
                self._obey(message)

    def _obey(self, message: bytes) -> None:
        pulse = _PULSE.fullmatch(message)
        if pulse:
            self._pulse(int(pulse[1]) / 1e3, int(pulse[2]) / 1e9)
        elif message == b"LOCK":
            self._lock()
        else:
            self._control.send(b"REFUSED malformed")

    def _pulse(self, seconds: float, not_after: float) -> None:
        """Unlock, or renew the running pulse: two grants at once make one pulse, never longer than the cap."""
        now = self._clock.now()
        if now > not_after:
            self._control.send(b"REFUSED too late")
            return
        if self._until is None:
            self._latest = now + self._cap
            self._second.until(self._latest)
        self._until = min(max(self._until or 0.0, now + seconds), self._latest)
        self._line.unlock()
        self._control.send(b"UNLOCKED %d" % round(self._until * 1e9))

    def _lock(self) -> None:
        self._line.lock()
        self._until = None
        self._second.locked()
        self._control.send(b"LOCKED")


def _wake_on_signals() -> socket.socket:
    """A socket that becomes readable on SIGTERM or SIGINT. The handlers do nothing, so none interrupts a lock."""
    wake, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.detach())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return wake


def main(arguments: list[str]) -> int:
    """Serve on the socket whose number is the first argument. 0: ended on request, and locked."""
    descriptor, driver, pin, active_high, cap, state_dir = arguments
    control = socket.socket(fileno=int(descriptor))
    control.setblocking(False)
    clock, high = SystemClock(), active_high == "True"

    def prepare() -> Lock:
        chip = strike_chip(cast(Driver, driver), Path(state_dir))
        return lambda: claim_of(chip, int(pin), active_high=high, clock=clock)

    try:
        # Before anything is claimed: a fork has a share in whatever its parent holds.
        second = start_second_hand(prepare, control, clock)
        line = claim_locked(cast(Driver, driver), int(pin), active_high=high, state_dir=Path(state_dir), clock=clock)
        try:
            _Strike(line, second, control, clock, float(cap)).serve(_wake_on_signals())
        finally:
            line.lock()
            second.dismiss()
    except ConnectionError:
        return 0  # the daemon died with news unread: as good as a closed socket
    except StrikeError as error:
        with contextlib.suppress(ConnectionError):
            control.send(b"FAILED " + str(error).encode())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

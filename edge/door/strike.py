"""The daemon's end of the strike: starts the process that owns the pin, asks it for pulses, and believes no one.

    with open_strike(settings.door, clock, settings.state) as strike:   # the process starts here ...
        ...                                                             # ... while models load ...
        strike.ready()                                                  # ... and must have locked by now
        strike.pulse(5.0, not_after=frame.at + 1.0)
        strike.poll()                                                   # in every turn of the main loop

Whatever cannot be confirmed is JAMMED: nobody is let in, and a new strike, whose first act is to lock, takes over.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from edge.clock import Clock
from edge.errors import StrikeError
from edge.settings import DoorSettings

_log = logging.getLogger(__name__)

StrikeState = Literal["LOCKED", "UNLOCKED", "JAMMED"]

START_SECONDS: Final = 10.0
CONFIRM_SECONDS: Final = 0.5
GRACE_SECONDS: Final = 0.25
STOP_SECONDS: Final = 2.0
_FIRST_DELAY, _LONGEST_DELAY, _STEADY_SECONDS = 0.2, 5.0, 10.0
_CODE: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class StrikeNotice:
    """The strike's state changed. `detail` says why, in a few words."""

    state: StrikeState
    detail: str
    at: float


def open_strike(settings: DoorSettings, clock: Clock, state_dir: Path) -> Strike:
    """The strike of this door, not started yet: enter it, and before the first pulse wait for `ready`."""
    return Strike(settings, clock, state_dir)


class Strike:
    """Used by one thread. Nothing here but `ready` and `close` waits longer than `CONFIRM_SECONDS`."""

    def __init__(self, settings: DoorSettings, clock: Clock, state_dir: Path) -> None:
        self._settings = settings
        self._clock = clock
        self._state_dir = state_dir
        self._state: StrikeState = "JAMMED"
        self._notices: deque[StrikeNotice] = deque(maxlen=64)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._until = 0.0
        self._answer = b""
        self._trouble = "it has not started yet"
        self._started_at = 0.0
        self._delay = _FIRST_DELAY

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except StrikeError:
            if error is None:
                raise
            _log.exception("the strike could not be locked at the end")  # what ended the door is the better news

    @property
    def state(self) -> StrikeState:
        """As of the last `poll` or `pulse`."""
        return self._state

    @property
    def until(self) -> float | None:
        """When the running pulse ends, monotonic seconds; None while none is running, or it is to end now."""
        return self._until if self._state == "UNLOCKED" and self._until > self._clock.now() else None

    @property
    def pid(self) -> int | None:
        """The strike's process, while there is one."""
        return self._process.pid if self._process else None

    def fileno(self) -> int:
        """Readable when there is news for `poll`; -1 while no strike is connected."""
        return self._control.fileno() if self._control else -1

    def ready(self) -> None:
        """Wait until the strike has claimed its pin and locked. Raises StrikeError with the cause."""
        deadline = self._started_at + START_SECONDS
        while self._state == "JAMMED":
            if self._control is None:
                raise StrikeError(f"the strike did not start: {self._trouble}")
            self._listen(deadline - self._clock.now())
            if self._state == "JAMMED" and self._clock.now() >= deadline:
                self._jam(f"it was not ready within {START_SECONDS:g} s")

    def pulse(self, seconds: float, not_after: float) -> None:
        """Unlock for `seconds` (capped by `unlock_seconds`) unless `not_after`, monotonic seconds, has passed.

        Returns once the strike confirms. Raises StrikeError when it refuses, is late or is gone: then nobody was let
        in, or the strike is being replaced by one that locks.
        """
        self.poll()
        milliseconds, latest = _wire_numbers(seconds, not_after)
        answer = self._ask(b"PULSE %d %d" % (milliseconds, latest))
        if not answer:
            raise StrikeError(f"the strike did not confirm the pulse: {self._trouble}")
        if not answer.startswith(b"UNLOCKED "):
            raise StrikeError(f"the strike refused the pulse: {answer.decode(errors='replace')}")

    def lock(self) -> None:
        """End a running pulse now. Confirmed by `state`; a strike that does not lock is replaced by `poll`."""
        self._send(b"LOCK")
        self._until = min(self._until, self._clock.now())

    def poll(self) -> None:
        """Read the strike's news without waiting; replace a strike that died, hangs or does not lock in time."""
        self._listen(0.0)
        now = self._clock.now()
        if self._control is None:
            self._restart_when_due(now)
        elif self._state == "UNLOCKED" and now > self._until + GRACE_SECONDS:
            self._jam("it did not lock in time")
        elif self._state == "JAMMED" and now > self._started_at + START_SECONDS:
            self._jam(f"it was not ready within {START_SECONDS:g} s")
        elif now > self._started_at + _STEADY_SECONDS:
            self._delay = _FIRST_DELAY

    def notices(self) -> tuple[StrikeNotice, ...]:
        """The state changes since the last call, oldest first."""
        news = tuple(self._notices)
        self._notices.clear()
        return news

    def close(self) -> None:
        """Lock and end the strike. Where it cannot say that it locked, drive the pin from here."""
        self._hang_up()
        if self._process is None:
            return
        try:
            locked = self._process.wait(STOP_SECONDS) == 0
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            locked = False
        self._process = None
        if not locked:
            from edge.door.force_locked import force_locked

            force_locked(self._settings, self._state_dir, self._clock)
        self._change("LOCKED", "closed")

    def _start(self) -> None:
        """Start by exec, never by a bare fork: the strike shares nothing with the daemon but one socket."""
        self._started_at = self._clock.now()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        door = self._settings
        words = (
            theirs.fileno(),
            door.driver,
            door.pin,
            door.active_high,
            door.unlock_seconds,
            self._state_dir.resolve(),
        )
        path = os.pathsep.join(filter(None, (str(_CODE), os.environ.get("PYTHONPATH"))))
        self._control = ours
        with theirs:
            try:
                self._state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "edge.door.strike_process", *map(str, words)],
                    stdin=subprocess.DEVNULL,
                    env=os.environ | {"PYTHONPATH": path},
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except OSError as error:
                self._jam(f"it cannot be started: {error}")

    def _restart_when_due(self, now: float) -> None:
        """At once after a steady time, or where the door may be open; else apart by a delay that doubles."""
        if self._process is not None and self._process.poll() is None:
            return
        if now < self._started_at + self._delay:
            return
        self._delay = min(2 * max(self._delay, _FIRST_DELAY), _LONGEST_DELAY)
        self._start()

    def _ask(self, message: bytes) -> bytes:
        """Send, and wait for the answer; empty when there is none, and then this strike is given up."""
        self._answer = b""
        self._send(message)
        deadline = self._clock.now() + CONFIRM_SECONDS
        while not self._answer and self._control is not None:
            self._listen(deadline - self._clock.now())
            if not self._answer and self._clock.now() >= deadline:
                self._jam(f"it did not answer within {CONFIRM_SECONDS:g} s")
        if not self._answer:
            self._delay = 0.0  # it may have opened before it died
        return self._answer

    def _send(self, message: bytes) -> None:
        if self._control is None or self._state == "JAMMED":
            raise StrikeError(f"the strike cannot confirm its level: {self._trouble}")
        try:
            self._control.setblocking(False)
            self._control.send(message)
        except OSError as error:
            self._jam(f"it cannot be reached: {error}")

    def _listen(self, seconds: float) -> None:
        """Take in all news that is there, waiting at most `seconds` for the first."""
        wait = max(0.0, seconds)
        while self._control is not None:
            self._control.settimeout(wait)
            try:
                message = self._control.recv(4096)
            except (BlockingIOError, TimeoutError):
                return
            except ConnectionError:
                message = b""
            self._take(message)
            wait = 0.0

    def _take(self, message: bytes) -> None:
        word, _, rest = message.partition(b" ")
        if word == b"READY":
            self._change("LOCKED", "ready")
        elif word == b"LOCKED":
            self._change("LOCKED", "pulse ended")
        elif word == b"UNLOCKED" and rest.isdigit():
            self._until = int(rest) / 1e9
            self._answer = message
            self._change("UNLOCKED", "pulse")
        elif word == b"REFUSED":
            self._answer = message
        elif word == b"FAILED":
            self._jam(rest.decode(errors="replace"))
        else:
            self._jam(f"it said {message!r}" if message else "it died")

    def _jam(self, trouble: str) -> None:
        """Give this strike up. `poll` starts the next once the process is gone."""
        self._trouble = trouble
        if self._state == "UNLOCKED":
            self._delay = 0.0  # the next one's first act is to lock: that cannot wait
        self._hang_up()
        if self._process is not None:
            self._process.kill()
        self._change("JAMMED", trouble)

    def _hang_up(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None

    def _change(self, state: StrikeState, detail: str) -> None:
        if state != self._state:
            self._state = state
            self._notices.append(StrikeNotice(state, detail, self._clock.now()))


def _wire_numbers(seconds: float, not_after: float) -> tuple[int, int]:
    """Milliseconds and nanoseconds as they are sent. Raises StrikeError on what is no time, such as NaN."""
    if not (0.001 <= seconds < 1000.0 and 0.0 <= not_after < 1e9):
        raise StrikeError(f"no such pulse: {seconds} s, not after {not_after} s")
    return round(seconds * 1e3), round(not_after * 1e9)

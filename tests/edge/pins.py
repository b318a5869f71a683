"""What the strike tests look at: the levels the mock pin left behind, and who is still alive."""

from __future__ import annotations

import itertools
import os
import select
from collections.abc import Callable
from pathlib import Path

from edge.clock import SystemClock
from edge.door.strike import Strike
from edge.settings import DoorSettings

CLOCK = SystemClock()
PROMISE = 0.25  # seconds a pulse may last beyond unlock_seconds, whatever dies
LONG = 20.0  # seconds after which a test that waits has failed


class Pin:
    """The files of one strike's pin, in words of the door instead of levels."""

    def __init__(self, directory: Path, settings: DoorSettings) -> None:
        self._files = directory / f"pin-{settings.pin}"
        self._words = {settings.active_high: "unlocked", not settings.active_high: "locked"}
        self._longest = settings.unlock_seconds + PROMISE

    def now(self) -> str:
        return self._words[self._files.with_suffix(".level").read_text() == "1"]

    def leave(self, word: str) -> None:
        """As a process that died while the pin was in this state."""
        level = next(level for level, name in self._words.items() if name == word)
        self._files.with_suffix(".level").write_text(str(int(level)))

    def story(self) -> list[str]:
        return [word for _, word in self.changes()]

    def pulses(self) -> list[tuple[float, float]]:
        """Since when and until when it was unlocked, monotonic seconds; without one that still lasts."""
        pairs = itertools.pairwise(self.changes())
        return [(since, until) for (since, word), (until, _) in pairs if word == "unlocked"]

    def longest(self) -> float:
        """Of the times it was unlocked that are over, the longest, in seconds; 0 if there was none."""
        return max((until - since for since, until in self.pulses()), default=0.0)

    def assert_never_open_too_long(self) -> None:
        assert self.longest() <= self._longest

    def changes(self) -> list[tuple[float, str]]:
        lines = self._files.with_suffix(".trace").read_text().splitlines()
        return [(float(at), self._words[level == "1"]) for at, level in map(str.split, lines)]


def second_hand(strike: int | None) -> int:
    """The process id of a strike's second hand."""
    (child,) = Path(f"/proc/{strike}/task/{strike}/children").read_text().split()
    return int(child)


def soon() -> float:
    """A `not_after` that no test reaches."""
    return CLOCK.now() + LONG


def wait_until(condition: Callable[[], bool], strike: Strike | None = None) -> None:
    """Until `condition`, with `strike`'s owner at work meanwhile."""
    deadline = CLOCK.now() + LONG
    while not condition():
        assert CLOCK.now() < deadline, "waited too long"
        if strike is not None:
            strike.poll()
        CLOCK.sleep(0.005)


def wait_for_the_end_of(pid: int) -> None:
    """Of any process, also of one that is not a child."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], LONG)[0], "it lives on"
    finally:
        os.close(handle)

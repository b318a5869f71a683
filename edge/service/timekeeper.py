"""Tells what becomes of the wall clock: whether it can be believed, and when somebody moves it.

Nothing is decided here. It is for whoever reads the journal later: time stamps before and after a move do not compare.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from edge.clock import Clock, lead
from edge.service.telling import system_event
from edge.values import Event

_MOVED_SECONDS: Final = 5.0  # a time server that only corrects the clock's pace moves it by far less in a turn


class Timekeeper:
    """Belongs to the main thread. A clock that is right from the start is not worth a word."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trusted = True
        self._lead = lead(clock)

    def step(self) -> tuple[Event, ...]:
        """What there is to tell since the last call."""
        trusted, ahead = self._clock.trusted(), lead(self._clock)
        moved, self._lead = ahead - self._lead, ahead
        word = "clock_jumped" if abs(moved) > _MOVED_SECONDS else ""
        if trusted != self._trusted:
            self._trusted = trusted
            word = "clock_trusted" if trusted else "clock_untrusted"
        if not word:
            return ()
        return (system_event(word, f"it says {self._clock.wall():%Y-%m-%d %H:%M} UTC{_in_words(moved)}"),)


def _in_words(moved: float) -> str:
    if abs(moved) <= _MOVED_SECONDS:
        return ""
    return f", put {'forward' if moved > 0 else 'back'} by {timedelta(seconds=round(abs(moved)))}"

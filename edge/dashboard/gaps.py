"""What is missing of one door's journal, by its sequence numbers, and when to ask for it. Pure.

Whatever is missing is asked for once: what the door then does not send, it has not any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GRACE_SECONDS: Final = 3.0  # a door sends late events by itself when it comes back
PATIENCE_SECONDS: Final = 15.0  # without any event after asking: that was all
REST_SECONDS: Final = 5.0  # between two questions to the same door
MOST_AT_ONCE: Final = 1000  # what one `events.query` may bring
_MOST_GAPS: Final = 100


@dataclass(frozen=True, slots=True)
class Question:
    """An `events.query`: `limit` events after number `after_seq`."""

    after_seq: int
    limit: int


class Sequence:
    """Of one door. Times are monotonic seconds. `lost`: how many numbers were asked for in vain."""

    def __init__(self, era: int = 0, highest: int | None = None, missing: tuple[tuple[int, int], ...] = ()) -> None:
        self.era = era
        self.lost = 0
        self._highest = highest
        self._missing = list(missing)[-_MOST_GAPS:]
        self._changed_at = float("-inf")
        self._asked: tuple[int, int] | None = None
        self._asked_at = float("-inf")
        self._came = False

    @property
    def missing(self) -> int:
        """How many numbers there is still hope for."""
        return sum(last - first + 1 for first, last in self._missing)

    def arrive(self, seq: int, now: float, *, live: bool) -> None:
        """An event that was not known. Numbers are only ever repeated live by a journal that began again."""
        if seq == 0:  # the door could not write it into its journal
            return
        if live and self._highest is not None and seq <= self._highest and not self._is_missing(seq):
            self.era += 1
            self._highest, self._missing, self._asked = None, [], None
        self.expect(seq - 1, now)
        self._highest = max(seq, self._highest or 0)
        self._missing = _without(self._missing, seq, seq)
        if self._asked is not None and self._asked[0] <= seq <= self._asked[1]:
            self._asked_at, self._came = now, True
            if not any(low <= self._asked[1] and high >= self._asked[0] for low, high in self._missing):
                self._asked = None

    def expect(self, head: int, now: float) -> None:
        """The door's newest event has the number `head`. Of a door never heard before only so many are wanted."""
        known = max(0, head - MOST_AT_ONCE) if self._highest is None else self._highest
        if head > known:
            self._missing = [*self._missing, (known + 1, head)][-_MOST_GAPS:]
            self._changed_at = now
        self._highest = max(head, known)

    def miss(self, seq: int) -> None:
        """An event that had arrived could not be kept: it is missing again."""
        if 0 < seq <= (self._highest or 0) and not self._is_missing(seq):
            *others, (first, last) = self._missing or [(seq, seq - 1)]
            parts = [(first, seq)] if last == seq - 1 else [(first, last), (seq, seq)]
            self._missing = [*others, *parts][-_MOST_GAPS:]

    def due(self, now: float) -> Question | None:
        """What to ask the door for now."""
        if self._asked is not None and now - self._asked_at > PATIENCE_SECONDS:
            self._settle(self._asked[1] if self._came else self._end_of_gap())
        rested = now >= self._asked_at + REST_SECONDS and now >= self._changed_at + GRACE_SECONDS
        if self._asked is not None or not self._missing or not rested:
            return None
        first, last = min(self._missing)
        self._asked, self._asked_at, self._came = (first, min(last, first + MOST_AT_ONCE - 1)), now, False
        return Question(first - 1, self._asked[1] - first + 1)

    def answered(self, count: int) -> None:
        """The door said how many events it will send."""
        if count == 0 and self._asked is not None:
            self._settle(self._end_of_gap())

    def ask_again(self) -> None:
        """The door was too busy, or went away before it had sent everything."""
        self._asked = None

    def _settle(self, last: int) -> None:
        """Give up what was asked for, up to the number `last`."""
        assert self._asked is not None
        before = self.missing
        self._missing, self._asked = _without(self._missing, self._asked[0], last), None
        self.lost += before - self.missing

    def _end_of_gap(self) -> int:
        """Nothing came at all: then asking for the next thousand would bring nothing, either."""
        assert self._asked is not None
        first, last = self._asked
        return max((high for low, high in self._missing if low <= last and high >= first), default=last)

    def _is_missing(self, seq: int) -> bool:
        return any(low <= seq <= high for low, high in self._missing)


def _without(ranges: list[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """`ranges` with the numbers from `first` to `last` cut out."""
    pieces = [piece for low, high in ranges for piece in ((low, min(high, first - 1)), (max(low, last + 1), high))]
    return [(low, high) for low, high in pieces if low <= high]

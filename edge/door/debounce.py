"""A level that shivers -> a level that holds. Pure: what is there and when goes in, steady changes come out."""

from __future__ import annotations

from typing import Final

LEAST_LOOKS: Final = 3


class Debounce:
    """One wire, looked at again and again.

    A level counts once every look for `seconds`, and `LEAST_LOOKS` at least, has found it there: whoever looks too
    seldom takes longer to believe it, and never takes a flicker for a press.
    """

    def __init__(self, seconds: float) -> None:
        self.steady: bool | None = None
        self._seconds = seconds
        self._seen: bool | None = None
        self._since = 0.0
        self._looks = 0

    def look(self, level: bool, at: float) -> float | None:  # noqa: FBT001 - what is there, and when
        """`level` is there at `at`, monotonic seconds. Returns since when, if that makes it the new `steady` level."""
        if level != self._seen:
            self._seen, self._since, self._looks = level, at, 0
        self._looks += 1
        if level == self.steady or self._looks < LEAST_LOOKS or at - self._since < self._seconds:
            return None
        self.steady = level
        return self._since

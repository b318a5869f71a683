"""A lamp and a buzzer, so that whoever stands in front of the door knows what it thinks."""

from __future__ import annotations

from typing import Literal, Protocol

# `look`, `wait` and `done` guide an enrolment; the others say how the door is, or what it has decided.
IndicatorWord = Literal["idle", "granted", "refused", "jammed", "ring", "look", "wait", "done"]


class Indicator(Protocol):
    """Used by one thread."""

    def show(self, word: IndicatorWord) -> None:
        """Begin to show `word`, in place of what was shown before. Never waits."""

"""What a door's inputs mean, in time. Pure: signals and the strike's pulse go in, what to tell and to do comes out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from edge.settings import InputSettings
from edge.values import DoorSignal

ContactState = Literal["open", "closed", "unknown"]
DoorWord = Literal["forced_open", "held_open", "exit_button", "doorbell", "tamper"]

# The same word is not told again within so many seconds: fingers are impatient, and a loose wire must not fill the
# journal. A press that is not told does nothing either.
QUIET_SECONDS: Final[dict[DoorWord, float]] = {
    "forced_open": 10.0,
    "held_open": 0.0,
    "exit_button": 1.0,
    "doorbell": 1.0,
    "tamper": 10.0,
}


@dataclass(frozen=True, slots=True)
class Passage:
    """What is remembered of a door between two steps; times are monotonic seconds.

    `opened_at` and `remind_at` are there while it is open. `pulse` is the end of the last pulse known, `used` whether
    the door was opened in it. Whoever opens until `free_until` was let in. `told_at`: when each word was told last.
    """

    contact: ContactState = "unknown"
    opened_at: float | None = None
    remind_at: float | None = None
    pulse: float | None = None
    used: bool = False
    free_until: float = -math.inf
    told_at: Mapping[DoorWord, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """One line for the journal; `detail` is a sentence."""

    word: DoorWord
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a step leads to. `exit_at`: pulse the strike for a button that was pressed then. `relock`: end the pulse."""

    told: tuple[Told, ...] = ()
    exit_at: float | None = None
    relock: bool = False


def step(
    passage: Passage, signals: Iterable[DoorSignal], pulse: float | None, now: float, settings: InputSettings
) -> tuple[Passage, Consequence]:
    """`signals` since the last step, oldest first; `pulse`: when the running one ends, None while locked."""
    if pulse is not None and pulse != passage.pulse:
        free = max(passage.free_until, pulse + settings.opening_seconds)
        passage = replace(passage, pulse=pulse, used=False, free_until=free)
    done = Consequence()
    for signal in signals:
        match signal.kind:
            case "contact_open":
                passage, done = _opened(passage, done, signal.at, settings, pulsed=pulse is not None)
            case "contact_closed":
                passage, done = _closed(passage, done, signal.at, settings, pulsed=pulse is not None)
            case "contact_unknown":
                passage = replace(passage, contact="unknown", opened_at=None, remind_at=None, used=False)
            case "exit_button" | "doorbell" | "tamper" as word:
                passage, done = _pressed(passage, done, word, signal.at, settings)
            case _:
                pass  # `confirm` and `intent` are answers, for whoever asked
    if passage.opened_at is not None and passage.remind_at is not None and now >= passage.remind_at:
        detail = f"open for {now - passage.opened_at:.0f} s"
        passage = replace(passage, remind_at=now + settings.held_open_reminder_seconds)
        passage, done = _tell(passage, done, "held_open", now, detail)
    return passage, done


_Step = tuple[Passage, Consequence]


def _opened(passage: Passage, done: Consequence, at: float, settings: InputSettings, *, pulsed: bool) -> _Step:
    """A door that is found open, at the start or after its contact was lost, was not seen to be forced."""
    forced = passage.contact == "closed" and not pulsed and at > passage.free_until
    passage = replace(
        passage, contact="open", opened_at=at, remind_at=at + settings.held_open_seconds, used=passage.used or pulsed
    )
    if forced and settings.tell_forced_open:
        return _tell(passage, done, "forced_open", at, "opened without a grant or the exit button")
    return passage, done


def _closed(passage: Passage, done: Consequence, at: float, settings: InputSettings, *, pulsed: bool) -> _Step:
    """Whoever was let in has gone through: the rest of the pulse would be for somebody else."""
    relock = pulsed and passage.used
    free = at + settings.opening_seconds if relock else passage.free_until
    passage = replace(passage, contact="closed", opened_at=None, remind_at=None, used=False, free_until=free)
    return passage, replace(done, relock=done.relock or relock)


def _pressed(passage: Passage, done: Consequence, word: DoorWord, at: float, settings: InputSettings) -> _Step:
    if _quiet(passage, word, at):
        return passage, done
    if word == "exit_button":
        passage = replace(passage, free_until=max(passage.free_until, at + settings.opening_seconds))
        done = replace(done, exit_at=at)
    return _tell(passage, done, word, at)


def _tell(passage: Passage, done: Consequence, word: DoorWord, at: float, detail: str = "") -> _Step:
    if _quiet(passage, word, at):
        return passage, done
    passage = replace(passage, told_at={**passage.told_at, word: at})
    return passage, replace(done, told=(*done.told, Told(word, detail)))


def _quiet(passage: Passage, word: DoorWord, at: float) -> bool:
    return at - passage.told_at.get(word, -math.inf) < QUIET_SECONDS[word]

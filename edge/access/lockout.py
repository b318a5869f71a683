"""After visits that look like attempts on somebody, no face is let in for a while. A pure state machine.

Only monotonic time counts, so that a clock that is set never shortens anything. What is kept over a restart holds how
long ago things were, and not when: the time that the door was off does not count, and a lock-out that was running
begins again from its start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from edge.access.policy import Rule
from edge.values import Decision

FREE_ATTEMPTS: Final = 5
SHORTEST_SECONDS: Final = 30.0
LONGEST_SECONDS: Final = 900.0
DAY_SECONDS: Final = 86_400.0
ATTEMPTS_A_DAY: Final = 50

_ALWAYS: Final = frozenset({"ambiguous", "not_live"})
# Refusals of the face itself. Whoever was recognised, and kept out by the hour or for want of a PIN, tried to be nobody
# else (docs/decisions/0003-what-waits-and-what-counts.md).
_WHEN_ALIKE: Final = frozenset({"unknown", "unstable"})


@dataclass(frozen=True, slots=True)
class Lockout:
    """What was tried since somebody was let in last. Times are monotonic seconds.

    `in_a_row` attempts, of which `attempts` tells when those of the last day were. No face is let in before `until`;
    `seconds` is how long that was when it began, 0 while no lock-out is running.
    """

    in_a_row: int = 0
    attempts: tuple[float, ...] = ()
    until: float = -math.inf
    seconds: float = 0.0

    @property
    def is_for_the_day(self) -> bool:
        return self.seconds >= DAY_SECONDS


def lockout_seconds(wrong: int) -> float:
    """After so many wrong ones in a row: 30 s after the fifth, then twice as long after each, up to 15 minutes."""
    beyond = wrong - FREE_ATTEMPTS
    return 0.0 if beyond < 0 else min(LONGEST_SECONDS, SHORTEST_SECONDS * 2.0 ** min(beyond, 10))


def is_attempt(decision: Decision, rule: Rule) -> bool:
    """Whether a visit looks like an attempt on somebody. Plain strangers, who look like nobody here, do not count."""
    if decision.verdict == "granted":
        return False
    if decision.reason in _ALWAYS:
        return True
    of_the_face = decision.reason in _WHEN_ALIKE or decision.reason.startswith("quality:")
    return of_the_face and decision.best_similarity is not None and decision.best_similarity >= rule.attempt_similarity


def after(lockout: Lockout, decision: Decision, rule: Rule, now: float) -> Lockout:
    """The state when a visit has been decided. While no face is let in there is nothing to try, and nothing counts."""
    if decision.verdict == "granted":
        return Lockout()
    if is_locked(lockout, now) or not is_attempt(decision, rule):
        return lockout
    attempts = (*(at for at in lockout.attempts if now - at < DAY_SECONDS), now)
    in_a_row = lockout.in_a_row + 1
    return _locked_for(
        DAY_SECONDS if len(attempts) >= ATTEMPTS_A_DAY else lockout_seconds(in_a_row), now, in_a_row, attempts
    )


def is_locked(lockout: Lockout, now: float) -> bool:
    """Whether no face is let in at `now`. A time that is no number locks."""
    return not now >= lockout.until


def passed(lockout: Lockout, now: float) -> Lockout:
    """The state as time goes by: a lock-out that is over is let go, and one of a day with everything before it."""
    if lockout.seconds == 0 or is_locked(lockout, now):
        return lockout
    return Lockout() if lockout.is_for_the_day else Lockout(lockout.in_a_row, lockout.attempts)


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`ages`: how many seconds ago the attempts were."""

    in_a_row: Annotated[int, Meta(ge=0)]
    ages: Annotated[tuple[Annotated[float, Meta(ge=0)], ...], Meta(max_length=ATTEMPTS_A_DAY)]
    seconds: Annotated[float, Meta(ge=0, le=DAY_SECONDS)]


def to_keep(lockout: Lockout, now: float) -> bytes:
    """JSON for `from_kept`."""
    ages = tuple(max(0.0, now - at) for at in lockout.attempts)
    return msgspec.json.encode(_Kept(lockout.in_a_row, ages, lockout.seconds))


def from_kept(kept: bytes | None, now: float) -> Lockout:
    """The state after a restart. What cannot be read could have been any: the longest of the short lock-outs begins."""
    if kept is None:
        return Lockout()
    try:
        read = msgspec.json.decode(kept, type=_Kept)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _locked_for(LONGEST_SECONDS, now, FREE_ATTEMPTS)
    return _locked_for(read.seconds, now, read.in_a_row, tuple(now - age for age in read.ages))


def _locked_for(seconds: float, now: float, in_a_row: int, attempts: tuple[float, ...] = ()) -> Lockout:
    return Lockout(in_a_row, attempts, now + seconds if seconds else -math.inf, seconds)

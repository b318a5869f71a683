"""The settings and the embedder's card become one Rule, which can say in plain words what it asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from edge.comparing import COSINE, Comparator, readable
from edge.errors import ConfigError
from edge.settings import AccessSettings

MINIMUM_REFERENCES: Final = 5
# From this false match rate of one comparison on, a refused visit looks like an attempt on somebody.
ATTEMPT_FMR: Final = 1e-2
# How far apart a face and its second factor may be, whichever comes first.
SECOND_FACTOR_SECONDS: Final = 20.0
# The cosine below which the face in one place has been swapped, and from which a face elsewhere is the same again.
SWAPPED_BELOW: Final = 0.35
SAME_AGAIN: Final = 0.4

# How often two different people may be taken for one, per comparison.
_FALSE_MATCH_RATES: Final = {"convenience": 1e-3, "balanced": 1e-4, "strict": 1e-5}


def level_fmr(security: Literal["convenience", "balanced", "strict"]) -> float:
    """The false match rate of one comparison that a security level stands for."""
    return _FALSE_MATCH_RATES[security]


@dataclass(frozen=True, slots=True)
class Rule:
    """When the door opens. Times are seconds; similarities are what `compare` says of two embeddings.

    `level_threshold` is the card's similarity for the level `security`, None where the card has none. A refused visit
    that reached `attempt_similarity` looks like an attempt on somebody; `attempt_fmr` is the card's rate at that
    similarity, None where the card has none. A rule that would let everybody in cannot be made: ConfigError.
    """

    security: Literal["convenience", "balanced", "strict"]
    level_threshold: float | None
    detection_threshold: float
    verification_threshold: float
    minimum_references: int
    frames_needed: int
    frames_window: int
    margin: float
    faces: Literal["nearest", "refuse"]
    trigger: Literal["always", "dwell", "button"]
    dwell: float
    button: float
    second_factor: Literal["as_needed", "always"]
    untrusted_clock: Literal["refuse_limited", "ignore"]
    attempt_similarity: float
    attempt_fmr: float | None
    refuse_after: float
    gone: float
    cooldown: float
    maximum_frame_age: float
    compare: Comparator = COSINE

    def __post_init__(self) -> None:
        possible = {
            "detection_threshold": 0.0 < self.detection_threshold <= 1.0,
            "verification_threshold": 0.0 < self.verification_threshold <= 1.0,
            "frames_needed": 1 <= self.frames_needed <= self.frames_window,
            "margin": 0.0 <= self.margin <= 1.0,
            "attempt_similarity": -1.0 <= self.attempt_similarity <= 1.0,
        }
        problems = [
            f"access.{key}: {getattr(self, key)} is no possible value" for key, fits in possible.items() if not fits
        ]
        if problems:
            raise ConfigError(*problems)

    @property
    def swapped_below(self) -> float:
        """The similarity of two frames below which the face in one place is another one."""
        return SWAPPED_BELOW if self.compare.score == "cosine" else self._seldom_a_stranger

    @property
    def same_again(self) -> float:
        """The similarity of two frames from which a face in another place is the same one."""
        return SAME_AGAIN if self.compare.score == "cosine" else self._seldom_a_stranger

    @property
    def _seldom_a_stranger(self) -> float:
        # The cosines above lie about where 1 in 100 strangers does; every head has a place of its own for that.
        return min(self.attempt_similarity, self.detection_threshold)

    def explain(self) -> str:
        """What it takes to open the door, a sentence a line."""
        several = "the nearest one decides" if self.faces == "nearest" else "nobody is let in"
        intent = {
            "dwell": f"It must have been there for {self.dwell:g} s. ",
            "button": f"The button must be pressed within {self.button:g} s of it. ",
            "always": "Walking past is enough. ",
        }[self.trigger]
        return (
            f"A face is a person's when it reaches similarity {readable(self.detection_threshold, 3)} with at least "
            f"{self.verification_threshold:.0%} of that person's references ({self.minimum_references} or more).\n"
            f"{self._origin()}{self._score()}\n"
            f"The door opens when {self.frames_needed} of the last {self.frames_window} good frames say so, "
            f"and everybody else is at least {self.margin:g} less similar.\n"
            f"{intent}The picture must not be older than {self.maximum_frame_age:g} s. With several faces, {several}.\n"
            f"Otherwise the face is refused after {self.refuse_after:g} s and may try again {self.cooldown:g} s later."
            f"\n{self._second_factor()}\n"
            f"{self._lockout()}"
        )

    def _score(self) -> str:
        head = "\nSimilarity is what the network's own head says of two embeddings, from 0 to 1."
        return "" if self.compare.score == "cosine" else head

    def _second_factor(self) -> str:
        some = "Children, people who look too much like another, and whoever is told to"
        who = "Everybody" if self.second_factor == "always" else some
        return f"{who} must also give a PIN, or be\nconfirmed inside, within {SECOND_FACTOR_SECONDS:g} s of the face."

    def _lockout(self) -> str:
        origin = "the model's card has no figure, so that is the threshold itself"
        if self.attempt_fmr is not None:
            rate = f"1 in {1 / self.attempt_fmr:,.0f} comparisons of two different people"
            origin = f"by the model's card, {rate} reaches that"
        return (
            f"A refused face that was ambiguous, or {readable(self.attempt_similarity, 3)} like somebody, counts as an "
            "attempt\n"
            f"({origin}).\n"
            "After 5 in a row no face is let in for 30 s, then for twice as long after each, up to 15 minutes; after\n"
            "50 in a day for a day."
        )

    def _origin(self) -> str:
        if self.level_threshold is None:
            return "That similarity is set by hand; the model's card has no figure to hold it against."
        rate = f"1 in {1 / level_fmr(self.security):,.0f} comparisons of two different people"
        if self.detection_threshold == self.level_threshold:
            return f"That is the level `{self.security}`: by the model's card, {rate} reaches it."
        asked = readable(self.level_threshold, 3)
        return f"That similarity is set by hand; the level `{self.security}` ({rate}) asks for {asked}."


def make_rule(access: AccessSettings, thresholds: Sequence[tuple[float, float]], compare: Comparator = COSINE) -> Rule:
    """The rule for `access` with the embedder card's `thresholds`, pairs of (false match rate, similarity).

    The similarities are those of `compare`. Where the card has several figures for the level's rate (one a group of
    people), the strictest counts. Raises ConfigError where it has none, or where `access.detection_threshold` is laxer
    than the level without `access.accept_lower_security`.
    """
    level = _level_threshold(access, thresholds)
    wanted = access.detection_threshold
    threshold = level if wanted is None else wanted
    if threshold is None:
        raise ConfigError(
            f"access.security: the embedder's card has no threshold for `{access.security}` "
            f"(FMR {level_fmr(access.security):g}); choose another level or another model"
        )
    if wanted is not None and not access.accept_lower_security and not (level is not None and wanted >= level):
        asked = "nothing to hold it against" if level is None else f"at least {level:.3f} for `{access.security}`"
        raise ConfigError(
            f"access.detection_threshold: {wanted} lowers the door's security (the embedder's card has {asked}); "
            "access.accept_lower_security: true would allow it"
        )
    attempt_fmr, attempt_similarity = _attempt_point(thresholds) or (None, threshold)
    return Rule(
        security=access.security,
        level_threshold=level,
        detection_threshold=threshold,
        verification_threshold=access.verification_threshold,
        minimum_references=MINIMUM_REFERENCES,
        frames_needed=access.frames_needed,
        frames_window=access.frames_window,
        margin=access.margin,
        faces=access.faces,
        trigger=access.trigger,
        dwell=access.dwell_seconds,
        button=access.button_seconds,
        second_factor=access.second_factor,
        untrusted_clock=access.untrusted_clock,
        attempt_similarity=attempt_similarity,
        attempt_fmr=attempt_fmr,
        refuse_after=access.refuse_after_seconds,
        gone=access.gone_seconds,
        cooldown=access.cooldown_seconds,
        maximum_frame_age=access.maximum_frame_age_seconds,
        compare=compare,
    )


def _level_threshold(access: AccessSettings, thresholds: Sequence[tuple[float, float]]) -> float | None:
    rate = level_fmr(access.security)
    return max((similarity for fmr, similarity in thresholds if math.isclose(fmr, rate)), default=None)


def _attempt_point(thresholds: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """The card's figure for `ATTEMPT_FMR`, of several the strictest; its laxest one where it has none for that rate."""
    known = [point for point in thresholds if all(map(math.isfinite, point))]
    meant = [point for point in known if math.isclose(point[0], ATTEMPT_FMR)]
    return max(meant, key=lambda point: point[1], default=None) or min(known, key=lambda point: point[1], default=None)

"""One frame: `verified`, or the one word that says why not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, get_args

from edge.access import schedule
from edge.access.gallery import Gallery
from edge.access.policy import Rule
from edge.access.second_factor import NOTHING, Given
from edge.values import Match, Person, Probe, Quality

VERIFIED: Final = "verified"
_LIMITS: Final[tuple[schedule.Limit, ...]] = get_args(schedule.Limit)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What bears on a decision besides the picture and the people.

    `wall` is the clock on the wall, aware. No face is let in before `locked_until` (monotonic seconds). As it is when
    nothing is known: the clock is not to be trusted, and nobody gave anything.
    """

    wall: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    clock_trusted: bool = False
    locked_until: float = -math.inf
    given: Given = NOTHING


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a check may look at. `match` is the verified person, else the nearest; `runner_up` the nearest other."""

    probe: Probe
    gallery: Gallery
    match: Match | None
    runner_up: Match | None
    rule: Rule
    now: float


@dataclass(frozen=True, slots=True)
class Look:
    """What one frame said about the face in it. `passed` says whether the quality gate let it through.

    `recognised`: it is the face of `match`, who may still have to stay out.
    """

    reason: str
    passed: bool
    recognised: bool
    frame_at: float
    quality: Quality | None
    match: Match | None
    runner_up: Match | None

    @property
    def person_id(self) -> str | None:
        """Whose face this frame showed."""
        return self.match.person_id if self.match is not None and self.recognised else None


def look_at(probe: Probe, gallery: Gallery, rule: Rule, circumstances: Circumstances, now: float) -> Look:
    """Judge one frame that holds a face: whose it is, and whether they may come in."""
    matches = gallery.match(probe.embedding, rule) if probe.embedding is not None else ()
    match = next((one for one in matches if one.verified), matches[0] if matches else None)
    runner_up = next((one for one in matches if one is not match), None)
    candidate = Candidate(probe, gallery, match, runner_up, rule, now)
    of_the_face = next((reason for reason in (check(candidate) for check in CHECKS) if reason is not None), None)
    person = gallery.person(match.person_id) if match is not None and of_the_face is None else None
    reason = of_the_face or kept_out(person, rule, circumstances, now) or VERIFIED
    passed = not reason.startswith("quality:")
    return Look(reason, passed, of_the_face is None, probe.at, probe.quality, match, runner_up)


def kept_out(person: Person | None, rule: Rule, circumstances: Circumstances, now: float) -> str | None:
    """What keeps somebody out who is recognised; None when nothing does."""
    if person is None:
        return "unknown"
    believed = circumstances.clock_trusted or rule.untrusted_clock == "ignore"
    limit = schedule.limit(person.terms, circumstances.wall, believed=believed)
    return limit or (None if now >= circumstances.locked_until else "lockout")


def limits_in_words(person: Person | None, reason: str, circumstances: Circumstances) -> str:
    """The terms that kept somebody out, where it was they that did."""
    return schedule.words(person.terms, circumstances.wall) if person is not None and reason in _LIMITS else ""


def _quality(candidate: Candidate) -> str | None:
    quality = candidate.probe.quality
    if quality is None or candidate.probe.embedding is None:
        return f"quality:{quality.refusal if quality and quality.refusal else 'not_a_face'}"
    return None if quality.refusal is None else f"quality:{quality.refusal}"


def _embedding(candidate: Candidate) -> str | None:
    return None if candidate.gallery.comparable(candidate.probe.embedding) else "bad_embedding"


def _somebody_enrolled(candidate: Candidate) -> str | None:
    return None if candidate.gallery.people else "nobody_enrolled"


def _one_face(candidate: Candidate) -> str | None:
    return None if candidate.rule.faces == "nearest" or candidate.probe.faces == 1 else "several_faces"


def _recognised(candidate: Candidate) -> str | None:
    return None if candidate.match is not None and candidate.match.verified else "unknown"


def _distinct(candidate: Candidate) -> str | None:
    match, other = candidate.match, candidate.runner_up
    if match is None or other is None:
        return None
    return None if match.similarity - other.similarity >= candidate.rule.margin else "ambiguous"


def _fresh(candidate: Candidate) -> str | None:
    age = candidate.now - candidate.probe.at
    return None if 0.0 <= age <= candidate.rule.maximum_frame_age else "stale"


Check = Callable[[Candidate], str | None]

# In this order; the first reason counts. Liveness goes before `_fresh`. What a visit can wait for, a second factor or a
# button, is asked in `edge.access.visits`.
CHECKS: Final[tuple[Check, ...]] = (
    _quality,
    _embedding,
    _somebody_enrolled,
    _one_face,
    _recognised,
    _distinct,
    _fresh,
)

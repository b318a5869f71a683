"""One frame: `verified`, or the one word that says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge.access.gallery import Gallery
from edge.access.policy import Rule
from edge.values import Match, Probe, Quality

VERIFIED: Final = "verified"


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
    """What one frame said about the face in it. `passed` says whether the quality gate let it through."""

    reason: str
    passed: bool
    frame_at: float
    quality: Quality | None
    match: Match | None
    runner_up: Match | None

    @property
    def person_id(self) -> str | None:
        """Whom this frame verified."""
        return self.match.person_id if self.match is not None and self.reason == VERIFIED else None


def look_at(probe: Probe, gallery: Gallery, rule: Rule, now: float) -> Look:
    """Judge one frame that holds a face."""
    matches = gallery.match(probe.embedding, rule) if probe.embedding is not None else ()
    match = next((one for one in matches if one.verified), matches[0] if matches else None)
    runner_up = next((one for one in matches if one is not match), None)
    candidate = Candidate(probe, gallery, match, runner_up, rule, now)
    reasons = (check(candidate) for check in CHECKS)
    reason = next((reason for reason in reasons if reason is not None), VERIFIED)
    passed = not reason.startswith("quality:")
    return Look(reason, passed, probe.at, probe.quality, match, runner_up)


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

# In this order; the first reason counts. Liveness, schedule, lock-out and second factor go before `_fresh`.
CHECKS: Final[tuple[Check, ...]] = (
    _quality,
    _embedding,
    _somebody_enrolled,
    _one_face,
    _recognised,
    _distinct,
    _fresh,
)

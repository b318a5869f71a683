"""One visit: what its face has shown so far, and whether a face seen now is still, or again, its face."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from edge.access.checks import Look
from edge.access.gallery import is_sound, similarity
from edge.access.policy import Rule
from edge.values import Box, Embedding, Probe, SecondFactor, Verdict

# Overlap (intersection over union) from which two boxes are the same place.
SAME_PLACE: Final = 0.1


Missing = Literal["second_factor", "not_asked"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The face is complete: whose it is, since when, and the frames that said so.

    `missing`: what it still needs besides. `factor`: the second factor it has, where it needs one.
    """

    person_id: str
    since: float
    window: tuple[Look, ...]
    missing: Missing | None = None
    factor: SecondFactor | None = None

    @property
    def second_factor(self) -> SecondFactor | Literal["missing"] | None:
        """As a decision tells it."""
        return "missing" if self.missing == "second_factor" else self.factor


@dataclass(frozen=True, slots=True)
class Visit:
    """One face from appearing to leaving.

    `box` and `embedding` are the last ones known, `passed_at` when its first frame passed the quality gate, `window`
    the last `frames_window` frames that did, `known_since` when each person was first recognised. `reasons` holds each
    reason with its number of frames and its latest frame, the latest reason last. `best_similarity` is the highest to
    anybody in a frame that passed.
    """

    id: str
    started_at: float
    seen_at: float
    box: Box
    embedding: Embedding | None = None
    passed_at: float | None = None
    window: tuple[Look, ...] = ()
    known_since: tuple[tuple[str, float], ...] = ()
    reasons: tuple[tuple[int, Look], ...] = ()
    best_similarity: float | None = None
    waiting: Waiting | None = None
    verdict: Verdict | None = None
    decided_at: float = math.nan

    @property
    def waits(self) -> bool:
        return self.waiting is not None and self.verdict is None


@dataclass(frozen=True, slots=True)
class Sighting:
    """The face in one frame; `embedding` only where it can be trusted."""

    box: Box
    embedding: Embedding | None


def sighting(probe: Probe | None) -> Sighting | None:
    """The face of a frame, None where there is none that is large enough."""
    if probe is None or probe.face is None or probe.quality is None or probe.quality.refusal == "too_small":
        return None
    trusted = probe.embedding is not None and is_sound(probe.embedding)
    return Sighting(probe.face.box, probe.embedding if trusted else None)


# --- whose face is this? The comparisons with `not` treat a NaN as doubt: gone, still bound, not the same. ---


def is_gone(visit: Visit, rule: Rule, now: float) -> bool:
    return not now - visit.seen_at < rule.gone


def is_over(visit: Visit, face: Sighting | None, remembered: tuple[Visit, ...], rule: Rule, now: float) -> bool:
    """Whether the face has gone, is somebody else's, or may try again after a refusal.

    Who waits for a PIN may have gone to where it is entered. After that a face that cannot be recognised says nothing.
    """
    gone = is_gone(visit, rule, now)
    if visit.waits and gone and (face is None or face.embedding is None):
        return False
    if gone and not visit.waits:
        return True
    if visit.verdict == "refused" and not binds(visit, rule, now):
        return True
    return face is not None and _is_another(visit, face, remembered, rule)


def binds(past: Visit, rule: Rule, now: float) -> bool:
    """Whether a decided visit still bars its face from a new one: granted until gone, refused for the cool-down."""
    if past.verdict == "granted":
        return not now - past.seen_at >= rule.gone
    return not now - past.decided_at >= rule.cooldown


def is_back(past: Visit, face: Sighting, rule: Rule) -> bool:
    """Whether `face` is the one of a remembered visit: by its embedding, by its place where that cannot be compared."""
    alike = similarity(rule.compare, past.embedding, face.embedding)
    return past.box.overlap(face.box) >= SAME_PLACE if math.isnan(alike) else alike >= rule.same_again


def _is_another(visit: Visit, face: Sighting, remembered: tuple[Visit, ...], rule: Rule) -> bool:
    if visit.embedding is None and face.embedding is not None and any(is_back(past, face, rule) for past in remembered):
        return True  # the first clear look shows somebody who was decided on a moment ago
    alike = similarity(rule.compare, visit.embedding, face.embedding)
    if visit.box.overlap(face.box) >= SAME_PLACE:
        return alike < rule.swapped_below
    return not alike >= rule.same_again

"""Frames in time: one visit, at most one decision. A pure state machine: time and evidence go in, decisions come out.

A visit starts with the first face that passes the size gate and ends when none has been seen for `gone` seconds, or
when somebody else's face is there. After its decision it goes on silently, so that nothing is decided twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from edge.access.checks import VERIFIED, Look, look_at
from edge.access.gallery import Gallery, is_sound, similarity
from edge.access.policy import Rule
from edge.values import Box, Decision, Embedding, Probe, Verdict

# Overlap (intersection over union) from which two boxes are the same place, the similarity below which the face in
# that place has been swapped, and the one from which a face elsewhere is the same again.
SAME_PLACE: Final = 0.1
SWAPPED_BELOW: Final = 0.35
SAME_AGAIN: Final = 0.4

# How many decided visits are remembered at most; they expire after seconds anyway.
MAX_REMEMBERED: Final = 16


@dataclass(frozen=True, slots=True)
class Visit:
    """One face from appearing to leaving.

    `box` and `embedding` are the last ones known, `passed_at` when its first frame passed the quality gate, `window`
    the last `frames_window` frames that did, `known_since` when each person was first verified. `reasons` holds each
    reason with its number of frames and its latest frame, the latest reason last.
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
    verdict: Verdict | None = None
    decided_at: float = math.nan


@dataclass(frozen=True, slots=True)
class VisitState:
    """`visit` is the current one, `remembered` are decided ones that still bind, `look` is what the last frame said."""

    visit: Visit | None = None
    remembered: tuple[Visit, ...] = ()
    look: Look | None = None

    @property
    def box(self) -> Box | None:
        """Where the visit's face was last."""
        return self.visit.box if self.visit is not None else None


@dataclass(frozen=True, slots=True)
class _Face:
    """The face in one frame; `embedding` only where it can be trusted."""

    box: Box
    embedding: Embedding | None


def begin() -> VisitState:
    """Nobody is there."""
    return VisitState()


def step(
    state: VisitState, probe: Probe | None, gallery: Gallery, rule: Rule, now: float, new_id: Callable[[], str]
) -> tuple[VisitState, tuple[Decision, ...]]:
    """One frame; with `probe` None only time passes. Two decisions when a face is swapped and both are due."""
    face = _face(probe)
    look = look_at(probe, gallery, rule, now) if probe is not None and face is not None else None
    visit, remembered = state.visit, tuple(past for past in state.remembered if _binds(past, rule, now))
    decisions: list[Decision] = []
    if visit is not None and _is_over(visit, face, remembered, rule, now):
        if visit.verdict is None and visit.passed_at is not None:
            visit, refusal = _refuse(visit, rule, now)
            decisions.append(refusal)
        remembered += (visit,) if visit.verdict is not None and _binds(visit, rule, now) else ()
        visit = None
    if face is not None and look is not None:
        visit, remembered = _arrive(visit, remembered, face, now, new_id)
        visit = _see(visit, face, look, rule, now)
    if visit is not None and visit.verdict is None:
        if look is not None and _holds(visit, look, rule, now):
            visit, grant = _decided(visit, "granted", VERIFIED, look, look, now)
            decisions.append(grant)
        elif visit.passed_at is not None and now - visit.passed_at >= rule.refuse_after:
            visit, refusal = _refuse(visit, rule, now)
            decisions.append(refusal)
    return VisitState(visit, remembered[-MAX_REMEMBERED:], look), tuple(decisions)


def _face(probe: Probe | None) -> _Face | None:
    if probe is None or probe.face is None or probe.quality is None or probe.quality.refusal == "too_small":
        return None
    trusted = probe.embedding is not None and is_sound(probe.embedding)
    return _Face(probe.face.box, probe.embedding if trusted else None)


# --- whose face is this? The comparisons with `not` treat a NaN as doubt: gone, still bound, not the same. ---


def _is_over(visit: Visit, face: _Face | None, remembered: tuple[Visit, ...], rule: Rule, now: float) -> bool:
    """Whether the face has gone, is somebody else's, or may try again after a refusal."""
    if not now - visit.seen_at < rule.gone:
        return True
    if visit.verdict == "refused" and not _binds(visit, rule, now):
        return True
    return face is not None and _is_another(visit, face, remembered)


def _is_another(visit: Visit, face: _Face, remembered: tuple[Visit, ...]) -> bool:
    if visit.embedding is None and face.embedding is not None and any(_is_back(past, face) for past in remembered):
        return True  # the first clear look shows somebody who was decided on a moment ago
    alike = similarity(visit.embedding, face.embedding)
    if visit.box.overlap(face.box) >= SAME_PLACE:
        return alike < SWAPPED_BELOW
    return not alike >= SAME_AGAIN


def _binds(past: Visit, rule: Rule, now: float) -> bool:
    """Whether a decided visit still bars its face from a new one: granted until gone, refused for the cool-down."""
    if past.verdict == "granted":
        return not now - past.seen_at >= rule.gone
    return not now - past.decided_at >= rule.cooldown


def _is_back(past: Visit, face: _Face) -> bool:
    """Whether `face` is the one of a remembered visit: by its embedding, by its place where that cannot be compared."""
    alike = similarity(past.embedding, face.embedding)
    return past.box.overlap(face.box) >= SAME_PLACE if math.isnan(alike) else alike >= SAME_AGAIN


def _arrive(
    visit: Visit | None, remembered: tuple[Visit, ...], face: _Face, now: float, new_id: Callable[[], str]
) -> tuple[Visit, tuple[Visit, ...]]:
    """The visit this face belongs to: the current one, a remembered one that goes on silently, or a new one."""
    if visit is None:
        visit = next((past for past in remembered if _is_back(past, face)), None)
        remembered = tuple(past for past in remembered if past is not visit)
    if visit is None:
        visit = Visit(id=new_id(), started_at=now, seen_at=now, box=face.box)
    if visit.embedding is None and face.embedding is None:
        # Nobody can tell whose face this is: perhaps the one just let in, who then has not gone.
        remembered = tuple(replace(past, seen_at=now) for past in remembered)
    return visit, remembered


# --- what has it shown? ---


def _see(visit: Visit, face: _Face, look: Look, rule: Rule, now: float) -> Visit:
    visit = replace(visit, seen_at=now, box=face.box, embedding=face.embedding or visit.embedding)
    if visit.verdict is not None:
        return visit
    frames = next((frames for frames, earlier in visit.reasons if earlier.reason == look.reason), 0)
    others = tuple(entry for entry in visit.reasons if entry[1].reason != look.reason)
    visit = replace(visit, reasons=(*others, (frames + 1, look)))
    if not look.passed:
        return visit
    passed_at = now if visit.passed_at is None else visit.passed_at
    known_since = visit.known_since
    if look.person_id is not None and look.person_id not in dict(known_since):
        known_since += ((look.person_id, now),)
    window = (*visit.window, look)[-rule.frames_window :]
    return replace(visit, passed_at=passed_at, window=window, known_since=known_since)


def _holds(visit: Visit, look: Look, rule: Rule, now: float) -> bool:
    """Whether the door may open with this frame."""
    since = dict(visit.known_since).get(look.person_id or "", math.inf)  # nobody dwells in another's place
    stayed = rule.trigger == "always" or now - since >= rule.dwell
    return look.reason == VERIFIED and _frames(visit, look) >= rule.frames_needed and stayed


def _frames(visit: Visit, look: Look) -> int:
    """How many frames of the window verified the person of `look`."""
    return sum(one.person_id == look.match.person_id for one in visit.window) if look.match is not None else 0


def _refuse(visit: Visit, rule: Rule, now: float) -> tuple[Visit, Decision]:
    """The reason most frames gave, of equals the latest."""
    _, look = max(reversed(visit.reasons), key=lambda entry: entry[0])
    reason = look.reason
    if reason == VERIFIED:
        reason = "dwell" if _frames(visit, look) >= rule.frames_needed else "unstable"
    nearest = look if look.match is not None else visit.window[-1]
    return _decided(visit, "refused", reason, look, nearest, now)


def _decided(
    visit: Visit, verdict: Verdict, reason: str, look: Look, nearest: Look, now: float
) -> tuple[Visit, Decision]:
    decision = Decision(
        visit_id=visit.id,
        verdict=verdict,
        reason=reason,
        at=now,
        frame_at=look.frame_at,
        started_at=visit.started_at,
        match=nearest.match,
        runner_up=nearest.runner_up,
        frames=_frames(visit, nearest),
        frames_seen=len(visit.window),
        quality=look.quality,
    )
    return replace(visit, verdict=verdict, decided_at=now), decision

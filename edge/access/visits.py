"""Frames in time: one visit, at most one decision. A pure state machine: time and evidence go in, decisions come out.

A visit starts with the first face that passes the size gate and ends when none has been seen for `gone` seconds, or
when somebody else's face is there. After its decision it goes on silently, so that nothing is decided twice.

A face that is complete may have to wait for a second factor or a button. The visit then lasts until that comes or its
time is over, also while the face is out of sight; it ends at once when somebody else's face appears.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from edge.access.checks import VERIFIED, Circumstances, Look, kept_out, limits_in_words, look_at
from edge.access.gallery import Gallery
from edge.access.policy import SECOND_FACTOR_SECONDS, Rule
from edge.access.second_factor import needs_second_factor
from edge.access.visit import Missing, Sighting, Visit, Waiting, binds, is_back, is_gone, is_over, sighting
from edge.values import Box, Decision, Probe, Verdict

# How many decided visits are remembered at most; they expire after seconds anyway.
MAX_REMEMBERED: Final = 16


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

    @property
    def waiting(self) -> Waiting | None:
        """What the current visit waits for."""
        return self.visit.waiting if self.visit is not None and self.visit.waits else None


@dataclass(frozen=True, slots=True, eq=False)
class _Door:
    """What a decision is made by, at one moment. `frame_at`: when the newest frame was captured, NaN without one."""

    gallery: Gallery
    rule: Rule
    circumstances: Circumstances
    now: float
    frame_at: float

    @property
    def sees(self) -> bool:
        """Whether the camera shows what is there now. False for a NaN."""
        return 0.0 <= self.now - self.frame_at <= self.rule.maximum_frame_age


def begin() -> VisitState:
    """Nobody is there."""
    return VisitState()


def step(
    state: VisitState,
    probe: Probe | None,
    gallery: Gallery,
    rule: Rule,
    now: float,
    new_id: Callable[[], str],
    circumstances: Circumstances = Circumstances(),  # noqa: B008 - a frozen value
) -> tuple[VisitState, tuple[Decision, ...]]:
    """One frame; with `probe` None only time passes. Two decisions when a face is swapped and both are due."""
    door = _Door(gallery, rule, circumstances, now, math.nan if probe is None else probe.at)
    face = sighting(probe)
    look = look_at(probe, gallery, rule, circumstances, now) if probe is not None and face is not None else None
    visit, remembered = state.visit, tuple(past for past in state.remembered if binds(past, rule, now))
    decisions: list[Decision] = []
    if visit is not None and is_over(visit, face, remembered, rule, now):
        visit, decisions = _leave(visit, door, "swapped" if visit.waits else None)
        remembered += (visit,) if visit.verdict is not None and binds(visit, rule, now) else ()
        visit = None
    if face is not None and look is not None:
        visit, remembered = _arrive(visit, remembered, face, rule, now, new_id)
        visit = _see(visit, face, look, rule, now)
    if visit is not None and visit.verdict is None:
        visit, decision = _decide(visit, look, door)
        decisions += [] if decision is None else [decision]
    return VisitState(visit, remembered[-MAX_REMEMBERED:], look), tuple(decisions)


def end(
    state: VisitState, gallery: Gallery, rule: Rule, now: float, circumstances: Circumstances
) -> tuple[VisitState, tuple[Decision, ...]]:
    """Nobody is judged any more: who is there has tried what they have tried, as if they had left."""
    if state.visit is None:
        return state, ()
    visit, decisions = _leave(state.visit, _Door(gallery, rule, circumstances, now, math.nan), None)
    return VisitState(remembered=state.remembered + ((visit,) if visit.verdict is not None else ())), tuple(decisions)


def _leave(visit: Visit, door: _Door, reason: str | None) -> tuple[Visit, list[Decision]]:
    """A visit that is over: refused where it has shown a face and was not decided."""
    if visit.verdict is not None or visit.passed_at is None:
        return visit, []
    visit, refusal = _refuse(visit, door, reason)
    return visit, [refusal]


def _arrive(
    visit: Visit | None,
    remembered: tuple[Visit, ...],
    face: Sighting,
    rule: Rule,
    now: float,
    new_id: Callable[[], str],
) -> tuple[Visit, tuple[Visit, ...]]:
    """The visit this face belongs to: the current one, a remembered one that goes on silently, or a new one."""
    if visit is None:
        visit = next((past for past in remembered if is_back(past, face, rule)), None)
        remembered = tuple(past for past in remembered if past is not visit)
    if visit is None:
        visit = Visit(id=new_id(), started_at=now, seen_at=now, box=face.box)
    if visit.embedding is None and face.embedding is None:
        # Nobody can tell whose face this is: perhaps the one just let in, who then has not gone.
        remembered = tuple(replace(past, seen_at=now) for past in remembered)
    return visit, remembered


# --- what has it shown? ---


def _see(visit: Visit, face: Sighting, look: Look, rule: Rule, now: float) -> Visit:
    if is_gone(visit, rule, now):
        visit = replace(visit, window=())  # who comes back has to be recognised anew
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
    best = visit.best_similarity
    if look.match is not None:
        best = look.match.similarity if best is None else max(best, look.match.similarity)
    return replace(visit, passed_at=passed_at, window=window, known_since=known_since, best_similarity=best)


def _frames(window: tuple[Look, ...], person_id: str | None) -> int:
    """How many frames of the window recognised this person."""
    return sum(one.person_id == person_id for one in window) if person_id is not None else 0


# --- what comes of it? ---


def _decide(visit: Visit, look: Look | None, door: _Door) -> tuple[Visit, Decision | None]:
    if visit.waiting is None and look is not None and _is_complete(visit, look, door.rule, door.now):
        visit = replace(visit, waiting=Waiting(look.person_id or "", door.now, visit.window))
    if visit.waiting is not None:
        return _wait(visit, visit.waiting, door)
    if visit.passed_at is not None and door.now - visit.passed_at >= door.rule.refuse_after:
        return _refuse(visit, door)
    return visit, None


def _is_complete(visit: Visit, look: Look, rule: Rule, now: float) -> bool:
    """Whether this frame completes what the rule asks of a face."""
    since = dict(visit.known_since).get(look.person_id or "", math.inf)  # nobody dwells in another's place
    stayed = rule.trigger != "dwell" or now - since >= rule.dwell
    return look.reason == VERIFIED and _frames(visit.window, look.person_id) >= rule.frames_needed and stayed


def _wait(visit: Visit, waiting: Waiting, door: _Door) -> tuple[Visit, Decision | None]:
    """Let in whose face is complete once nothing else is missing; refuse when that cannot be any more."""
    rule, now, given = door.rule, door.now, door.circumstances.given
    person = door.gallery.person(waiting.person_id)
    reason = kept_out(person, rule, door.circumstances, now)
    if person is None or reason is not None:
        return _refuse(visit, door, reason)
    needed = rule.second_factor == "always" or needs_second_factor(person, door.gallery)
    factor = given.second_factor(person.id, now) if needed else None
    missing: Missing | None = None if given.asked(rule, now) else "not_asked"
    if needed and factor is None:
        missing = "second_factor"
    waiting = replace(waiting, missing=missing, factor=factor)
    visit = replace(visit, waiting=waiting)
    if missing is None and _is_the_one(visit, waiting, door):
        look = visit.window[-1]
        if is_gone(visit, rule, now):
            # On the way from where the PIN was entered: the visit lasts until they have come by.
            visit = replace(visit, seen_at=now + rule.cooldown)
        return _decided(visit, "granted", VERIFIED, look, look, door)
    if _somebody_else(visit, waiting, rule):
        return _refuse(visit, door, "swapped")
    patience = SECOND_FACTOR_SECONDS if needed else rule.button
    return (visit, None) if now - waiting.since < patience else _refuse(visit, door)


def _is_the_one(visit: Visit, waiting: Waiting, door: _Door) -> bool:
    """Whether the newest good frame shows who waits. Who has gone out of sight can only be vouched for by their PIN."""
    if not door.sees or not visit.window or visit.window[-1].person_id != waiting.person_id:
        return False
    vouched_for = waiting.factor == "pin" and door.rule.trigger != "button"
    return vouched_for or not is_gone(visit, door.rule, door.now)


def _somebody_else(visit: Visit, waiting: Waiting, rule: Rule) -> bool:
    """Whether another person was verified meanwhile: two who look alike have changed places."""
    seen = {look.person_id for look in visit.window} - {waiting.person_id}
    return any(_frames(visit.window, person_id) >= rule.frames_needed for person_id in seen)


def _refuse(visit: Visit, door: _Door, reason: str | None = None) -> tuple[Visit, Decision]:
    """For `reason`; else for what it still waits for; else for what most frames said, of equals the latest."""
    waiting = visit.waiting
    if waiting is not None:
        look = waiting.window[-1]
        return _decided(visit, "refused", reason or waiting.missing or "stale", look, look, door)
    _, look = max(reversed(visit.reasons), key=lambda entry: entry[0])
    reason = look.reason
    if reason == VERIFIED:
        reason = "dwell" if _frames(visit.window, look.person_id) >= door.rule.frames_needed else "unstable"
    nearest = look if look.match is not None else visit.window[-1]
    return _decided(visit, "refused", reason, look, nearest, door)


def _decided(
    visit: Visit, verdict: Verdict, reason: str, look: Look, nearest: Look, door: _Door
) -> tuple[Visit, Decision]:
    waiting, match, circumstances = visit.waiting, nearest.match, door.circumstances
    window = visit.window if waiting is None else waiting.window
    person = None if match is None else door.gallery.person(match.person_id)
    decision = Decision(
        visit_id=visit.id,
        verdict=verdict,
        reason=reason,
        at=door.now,
        frame_at=look.frame_at,
        started_at=visit.started_at,
        match=match,
        runner_up=nearest.runner_up,
        frames=_frames(window, None if match is None else match.person_id),
        frames_seen=len(window),
        quality=look.quality,
        best_similarity=visit.best_similarity,
        not_after=door.frame_at + door.rule.maximum_frame_age,
        second_factor=waiting.second_factor if waiting is not None else None,
        limits=limits_in_words(person, reason, circumstances),
        lockout_seconds=max(0.0, circumstances.locked_until - door.now),
    )
    return replace(visit, verdict=verdict, decided_at=door.now), decision

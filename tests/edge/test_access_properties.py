"""What must hold for everything that can be imagined: the door never opens without real matches."""

from __future__ import annotations

import math
from collections import Counter
from datetime import timedelta
from itertools import count
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.access import visits
from edge.access.checks import Circumstances
from edge.access.gallery import Gallery
from edge.access.policy import Rule, make_rule
from edge.access.second_factor import Given
from edge.settings import AccessSettings
from edge.values import Box, Decision, Embedding, Hours, Person, Schedule, Terms
from tests.edge.access_scene import CARD, HERE, SPACE, WHEN, Door, Sight, face_of, person, unclear, vector

SIZE = 4
numbers = st.floats(width=32, allow_subnormal=True)
seeds = st.integers(0, 3)  # few, so that faces meet again


def unit(seed: int) -> Embedding:
    values = np.random.default_rng(seed).normal(size=SIZE)
    return vector(values / np.linalg.norm(values))


whole = seeds.map(unit)
near = st.tuples(seeds, seeds, st.floats(0, 0.5)).map(
    lambda parts: vector(_normal(unit(parts[0]).vector + parts[2] * unit(parts[1]).vector))
)
broken = st.one_of(
    st.lists(numbers, min_size=SIZE, max_size=SIZE).map(vector),
    st.lists(numbers, max_size=SIZE + 1).map(vector),
    st.sampled_from([0.0, 1e-45, math.nan, math.inf, -math.inf, 3e38]).map(lambda value: vector([value] * SIZE)),
    whole.map(lambda one: Embedding(one.vector, "elsewhere")),
)
embeddings = st.one_of(whole, near, broken)
references = st.one_of(
    st.lists(st.one_of(whole, near), min_size=4, max_size=8),
    seeds.flatmap(lambda seed: st.lists(st.just(unit(seed)), min_size=5, max_size=5)),
    st.lists(embeddings, max_size=6),
)
moments = st.sampled_from([None, None, WHEN - timedelta(days=1), WHEN, WHEN + timedelta(days=1)])
hours = st.builds(Hours, st.sets(st.integers(0, 6)).map(tuple), st.integers(0, 1439), st.integers(0, 1440))
schedules = st.none() | st.builds(
    Schedule, st.lists(hours, max_size=2).map(tuple), st.sampled_from(["UTC", "Europe/Berlin", "no/where"])
)
factors = st.sampled_from(["automatic", "always", "never"])
terms = st.builds(Terms, moments, moments, schedules, factors, st.sampled_from([False, False, True]))
people = st.lists(st.tuples(references, st.just(Terms()) | terms), max_size=4).map(
    lambda sets: tuple(Person(f"p{number}", "P", tuple(one), WHEN, own) for number, (one, own) in enumerate(sets))
)
times = st.sampled_from([0.0, 2.0, -10.0, -30.0, -math.inf, math.nan])
circumstances = st.builds(
    Circumstances,
    st.just(WHEN),
    st.booleans(),
    st.sampled_from([-math.inf, -math.inf, -math.inf, 1.0, math.nan]),
    st.builds(Given, st.dictionaries(st.sampled_from(["p0", "p1"]), times), times, times),
)
shares = st.sampled_from([1e-9, 0.25, 0.5, 1.0])


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    window = draw(st.integers(1, 5))
    access = AccessSettings(
        detection_threshold=draw(shares),
        verification_threshold=draw(shares),
        frames_needed=draw(st.integers(1, window)),
        frames_window=window,
        margin=draw(st.sampled_from([0.0, 0.05, 1.0])),
        trigger=draw(st.sampled_from(["always", "dwell", "button"])),
        faces=draw(st.sampled_from(["nearest", "refuse"])),
        second_factor=draw(st.sampled_from(["as_needed", "as_needed", "always"])),
        untrusted_clock=draw(st.sampled_from(["refuse_limited", "ignore"])),
        accept_lower_security=True,
    )
    return make_rule(access, CARD)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[tuple[Person, ...], list[tuple[Embedding, int]]]:
    """People, and the faces that come: often their own, each for a while, so that something can come of it."""
    enrolled = draw(people)
    own = [reference for one in enrolled for reference in one.references]
    faces = st.one_of(embeddings, *[st.sampled_from(own)] * 2) if own else embeddings
    stays = draw(st.lists(st.tuples(faces, st.sampled_from([1, 1, 2]), st.integers(1, 6)), min_size=1, max_size=4))
    return enrolled, [(seen, count) for seen, count, frames in stays for _ in range(frames)]


def _normal(values: Any) -> Any:
    return values / np.linalg.norm(values)


def truly_verifies(seen: Embedding | None, known: Person, rule: Rule) -> bool:
    """The rule of one frame again, slowly and in plain numbers, with the rounding of float32 given away."""
    if seen is None or len(known.references) < 5:
        return False
    votes = 0
    for reference in known.references:
        pairs = list(zip(seen.vector.ravel().tolist(), reference.vector.ravel().tolist(), strict=False))
        products = [one * other for one, other in pairs]
        sound = all(math.isfinite(value) for pair in pairs for value in pair) and seen.space == reference.space
        length = math.sqrt(sum(one * one for one, _ in pairs)) if sound else 0.0
        votes += sound and abs(length - 1) < 0.01 and sum(products) > rule.detection_threshold - 1e-5
    return votes > 0 and votes / len(known.references) >= rule.verification_threshold


def truly_permitted(who: Person, everybody: tuple[Person, ...], rule: Rule, besides: Circumstances, now: float) -> bool:
    """What is asked of a person besides their face again, slowly."""
    terms, given = who.terms, besides.given
    limited = not (terms.valid_from is terms.valid_until is terms.schedule is None)
    if limited and not besides.clock_trusted and rule.untrusted_clock == "refuse_limited":
        return False
    if terms.valid_from is not None and terms.valid_from > besides.wall:
        return False
    if terms.valid_until is not None and terms.valid_until <= besides.wall:
        return False
    if terms.schedule is not None and (not terms.schedule.hours or terms.schedule.timezone == "no/where"):
        return False
    needed = terms.minor or terms.second_factor == "always" or rule.second_factor == "always"
    if terms.second_factor == "automatic":
        needed |= any(too_close(who, other, rule) for other in everybody if other is not who)
    has = any(abs(now - at) <= 20.0 for at in (given.pins.get(who.id, math.nan), given.confirmed))
    pressed = rule.trigger != "button" or abs(now - given.pressed) <= rule.button
    return not math.isnan(besides.locked_until) and now >= besides.locked_until and pressed and (has or not needed)


def too_close(who: Person, other: Person, rule: Rule) -> bool:
    """With the rounding given away: certainly too close."""
    if Gallery.of((who, other), SPACE, rule).unusable:
        return False
    nearest = max(float(one.vector @ another.vector) for one in who.references for another in other.references)
    return nearest > rule.detection_threshold - rule.margin + 1e-5


@settings(max_examples=200, deadline=None)
@given(scenes(), rules(), circumstances)
def test_the_door_never_opens_without_real_matches(
    scene: tuple[tuple[Person, ...], list[tuple[Embedding, int]]], rule: Rule, besides: Circumstances
) -> None:
    enrolled, frames = scene
    gallery, state, ids = Gallery.of(enrolled, SPACE, rule), visits.begin(), count()
    known = {one.id: one for one in enrolled}
    for number, (seen, faces) in enumerate(frames):
        now = number * 0.25
        state, decisions = visits.step(
            state, Sight(seen, faces=faces).probe(now), gallery, rule, now, lambda: str(next(ids)), besides
        )
        for decision in decisions:
            if decision.verdict == "granted":
                assert decision.match is not None
                who = known[decision.match.person_id]
                real = [truly_verifies(one, who, rule) for one, _ in frames[: number + 1]]
                assert truly_permitted(who, enrolled, rule, besides, now)
                # Who had to wait for something may look away when it comes.
                waited = decision.second_factor is not None or rule.trigger == "button"
                assert real[-1] or waited
                ends = range(1, len(real) + 1) if waited else [len(real)]
                assert any(sum(real[:end][-rule.frames_window :]) >= rule.frames_needed for end in ends)
                assert rule.faces == "nearest" or faces == 1


@settings(max_examples=200, deadline=None)
@given(people, rules(), embeddings)
def test_a_match_is_sane_whatever_is_compared(enrolled: tuple[Person, ...], rule: Rule, seen: Embedding) -> None:
    gallery = Gallery.of(enrolled, SPACE, rule)
    assert {one.id for one in gallery.people} | set(gallery.unusable) == {one.id for one in enrolled}
    matches = gallery.match(seen, rule)
    assert [one.similarity for one in matches] == sorted((one.similarity for one in matches), reverse=True)
    for match in matches:
        assert -1.01 < match.similarity < 1.01
        assert 0 <= match.votes <= match.references
        who = next(one for one in enrolled if one.id == match.person_id)
        assert not match.verified or truly_verifies(seen, who, rule)


class AnyVisit(RuleBasedStateMachine):
    """Whatever happens in front of the door, in any order and at any pace. Ben is a child."""

    def __init__(self) -> None:
        super().__init__()
        self.door = Door(person("ana"), person("ben", minor=True))
        self.given = {"pin": -math.inf, "confirmed": -math.inf}
        self.face_at = -math.inf
        self.frames: list[tuple[float, str | None]] = []  # when, and who was seen well enough
        self.last_seen: dict[str, float] = {}
        self.granted: set[str] = set()  # let in and not gone since

    @rule(
        who=st.sampled_from(["ana", "ben", "stranger"]),
        box=st.sampled_from([HERE, Box(260, 100, 100, 120), Box(400, 100, 100, 120)]),
        gap=st.sampled_from([0.0625, 0.125, 0.25, 0.875, 1.125]),
        frames=st.integers(1, 6),
    )
    def somebody_is_seen(self, who: str, box: Box, gap: float, frames: int) -> None:
        for _ in range(frames):
            self.door.now += gap
            if not self.door.now - self.last_seen.get(who, -math.inf) < self.door.rule.gone:
                self.granted.discard(who)
            self.frames.append((self.door.now, who))
            self.face_at = self.door.now
            self.last_seen[who] = self.door.now
            self._check(self.door.frame(Sight(face_of(who), box), every=0))

    @rule(box=st.sampled_from([HERE, Box(260, 100, 100, 120)]), gap=st.sampled_from([0.125, 0.5]))
    def somebody_cannot_be_recognised(self, box: Box, gap: float) -> None:
        self.door.now += gap
        self.face_at = self.door.now
        self._check(self.door.frame(unclear(box=box), every=0))

    @rule(gap=st.sampled_from([0.25, 1.0, 6.0]))
    def nobody_is_there(self, gap: float) -> None:
        self.door.now += gap
        self._check(self.door.frame(None, every=0))

    @rule(before=st.sampled_from([0.0, 9.0, 21.0]))
    def ben_enters_his_pin(self, before: float) -> None:
        self.given["pin"] = self.door.now
        self.door.pin("ben").now += before

    @rule()
    def somebody_inside_confirms(self) -> None:
        self.given["confirmed"] = self.door.now
        self.door.confirm()

    @precondition(lambda self: self.frames)
    @rule(gap=st.sampled_from([0.25, 1.0]))
    def no_frame_comes(self, gap: float) -> None:
        self.door.now += gap
        self._check(self.door.step(None))

    def _check(self, made: list[Any]) -> None:
        for decision in made:
            assert any(decision.started_at <= at <= decision.at for at, _ in self.frames), "no good frame, no decision"
            if decision.verdict == "granted":
                who = decision.match.person_id
                assert self.frames[-1][1] == who, "the newest good frame shows the person"
                if who == "ben":
                    self._was_vouched_for(decision)
                else:
                    assert self.frames[-1][0] == self.door.now, "granted with a frame that shows the person"
                real = [at for at, seen in self.frames if seen == who and at >= decision.started_at]
                assert len(real) >= self.door.rule.frames_needed
                assert decision.at - decision.started_at >= self.door.rule.dwell
                assert who != "stranger"
                assert who not in self.granted, "gone before let in again"
                self.granted.add(who)

    def _was_vouched_for(self, decision: Decision) -> None:
        assert decision.second_factor in self.given
        assert self.door.now - self.given[decision.second_factor] <= 20
        assert self.door.now - self.frames[-1][0] <= 20
        if decision.second_factor == "confirmed":
            assert self.door.now - self.face_at < self.door.rule.gone, "who is confirmed is in sight"
        self.given = dict.fromkeys(self.given, -math.inf)  # each lets in once

    @invariant()
    def a_visit_is_decided_at_most_once(self) -> None:
        assert all(times == 1 for times in Counter(one.visit_id for one in self.door.decisions).values())


AnyVisit.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
test_visits_in_any_order = AnyVisit.TestCase

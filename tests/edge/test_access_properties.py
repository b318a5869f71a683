"""What must hold for everything that can be imagined: the door never opens without real matches."""

from __future__ import annotations

import math
from collections import Counter
from itertools import count
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.access import visits
from edge.access.gallery import Gallery
from edge.access.policy import Rule, make_rule
from edge.settings import AccessSettings
from edge.values import Box, Embedding, Person
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
people = st.lists(references, max_size=4).map(
    lambda sets: tuple(Person(f"p{number}", "P", tuple(one), WHEN) for number, one in enumerate(sets))
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
        trigger=draw(st.sampled_from(["always", "dwell"])),
        faces=draw(st.sampled_from(["nearest", "refuse"])),
        accept_lower_security=True,
    )
    return make_rule(access, CARD)


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


@settings(max_examples=200, deadline=None)
@given(people, rules(), st.lists(st.tuples(embeddings, st.integers(1, 2)), max_size=12))
def test_the_door_never_opens_without_real_matches(
    enrolled: tuple[Person, ...], rule: Rule, frames: list[tuple[Embedding, int]]
) -> None:
    gallery, state, ids = Gallery.of(enrolled, SPACE, rule), visits.begin(), count()
    known = {one.id: one for one in enrolled}
    for number, (seen, faces) in enumerate(frames):
        now = number * 0.25
        state, decisions = visits.step(
            state, Sight(seen, faces=faces).probe(now), gallery, rule, now, lambda: str(next(ids))
        )
        for decision in decisions:
            if decision.verdict == "granted":
                assert decision.match is not None
                who = known[decision.match.person_id]
                real = [truly_verifies(one, who, rule) for one, _ in frames[: number + 1]]
                assert real[-1]
                assert sum(real[-rule.frames_window :]) >= rule.frames_needed
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
    """Whatever happens in front of the door, in any order and at any pace."""

    def __init__(self) -> None:
        super().__init__()
        self.door = Door(person("ana"), person("ben"))
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
            self.last_seen[who] = self.door.now
            self._check(self.door.frame(Sight(face_of(who), box), every=0))

    @rule(box=st.sampled_from([HERE, Box(260, 100, 100, 120)]), gap=st.sampled_from([0.125, 0.5]))
    def somebody_cannot_be_recognised(self, box: Box, gap: float) -> None:
        self.door.now += gap
        self._check(self.door.frame(unclear(box=box), every=0))

    @rule(gap=st.sampled_from([0.25, 1.0, 6.0]))
    def nobody_is_there(self, gap: float) -> None:
        self.door.now += gap
        self._check(self.door.frame(None, every=0))

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
                assert self.frames[-1] == (self.door.now, who), "granted with a frame that shows the person"
                real = [at for at, seen in self.frames if seen == who and at >= decision.started_at]
                assert len(real) >= self.door.rule.frames_needed
                assert decision.at - decision.started_at >= self.door.rule.dwell
                assert who != "stranger"
                assert who not in self.granted, "gone before let in again"
                self.granted.add(who)

    @invariant()
    def a_visit_is_decided_at_most_once(self) -> None:
        assert all(times == 1 for times in Counter(one.visit_id for one in self.door.decisions).values())


AnyVisit.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
test_visits_in_any_order = AnyVisit.TestCase

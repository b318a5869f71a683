"""What must hold for every enrolment window, whoever comes and goes in front of it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.access import enrolment
from edge.access.coverage import needs, views
from edge.values import Embedding
from tests.edge.access_scene import REQUEST, Booth, Sight, face_of, person, sight, unclear, vector

gaps = st.sampled_from([0.0625, 0.125, 0.25, 0.5, 1.0])
turns = st.sampled_from([-0.4, -0.2, 0.0, 0.0, 0.2, 0.4])
nods = st.sampled_from([-0.2, 0.0, 0.0, 0.2])


class AnyWindow(RuleBasedStateMachine):
    """A window that is open, and then closed for good."""

    @initialize(
        wanted=st.integers(5, 16),
        seconds=st.sampled_from([5.0, 60.0, 120.0]),
        variety=st.booleans(),
        confirm=st.sampled_from(["none", "none", "none", "button"]),
        ben_is_known=st.booleans(),
    )
    def open(self, wanted: int, seconds: float, variety: bool, confirm: str, ben_is_known: bool) -> None:  # noqa: FBT001
        known = [person("ben")] if ben_is_known else []
        changes: dict[str, Any] = {"window_seconds": seconds, "require_variety": variety, "confirm": confirm}
        self.ben_is_known = ben_is_known
        self.booth = Booth(*known, request=replace(REQUEST, references=wanted), **changes)
        self.wanted = wanted
        self.closes_at = 1000.0 + seconds
        self.count = 0

    def see(self, seen: Sight | None, gap: float, frames: int = 1) -> None:
        self.booth.watch(seen, seconds=gap * frames, every=gap)

    @rule(name=st.sampled_from(["ana", "ana", "ana", "ana", "ben", "passer_by"]), yaw=turns, pitch=nods, gap=gaps)
    def somebody_is_seen(self, name: str, yaw: float, pitch: float, gap: float) -> None:
        self.see(sight(name, yaw=yaw, pitch=pitch), gap, frames=4)

    @rule(turns=st.lists(st.tuples(turns, nods), min_size=1, max_size=6), gap=st.sampled_from([0.125, 0.5]))
    def ana_stays(self, turns: list[tuple[float, float]], gap: float) -> None:
        for yaw, pitch in turns:
            self.see(sight("ana", yaw=yaw, pitch=pitch), gap, frames=8)

    @rule(word=st.sampled_from(["too_small", "turned", "covered_mouth", "not_a_face"]), gap=gaps)
    def somebody_is_seen_badly(self, word: Any, gap: float) -> None:
        self.see(unclear(word), gap, frames=3)

    @rule(name=st.sampled_from(["ana", "passer_by"]), gap=gaps)
    def two_are_seen(self, name: str, gap: float) -> None:
        self.see(sight(name, faces=2), gap, frames=3)

    @rule(value=st.sampled_from([math.nan, math.inf, 0.0, 1.0]), size=st.sampled_from([1, 6]), gap=gaps)
    def the_embedder_runs_wild(self, value: float, size: int, gap: float) -> None:
        self.see(Sight(vector([value] * size)), gap)

    @rule(gap=gaps)
    def nobody_is_seen(self, gap: float) -> None:
        self.see(None, gap, frames=3)

    @rule(gap=st.sampled_from([0.25, 0.25, 5.0, 60.0]))
    def no_picture_comes(self, gap: float) -> None:
        self.booth.now += gap
        if self.booth.window is not None:
            self.booth.step(None)

    @precondition(lambda self: self.booth.window is not None)
    @rule()
    def the_button_is_pressed(self) -> None:
        assert self.booth.window is not None
        if not self.booth.window.confirmed:
            assert self.booth.window.taken == ()
            self.booth.window = enrolment.confirm(self.booth.window, self.booth.now)

    @invariant()
    def a_window_never_holds_more_than_it_wants_and_never_fewer_than_before(self) -> None:
        window = self.booth.window
        if window is not None:
            assert self.count <= len(window.taken) <= self.wanted
            self.count = len(window.taken)
            assert self.booth.now <= self.closes_at + 4 * 1.0, "it closes by itself"
            have = views(window.taken)
            assert all(have.count(view) <= self.wanted for view in needs(self.wanted))

    @invariant()
    def a_person_is_five_to_all_agreeing_references_of_one_new_face(self) -> None:
        if self.booth.outcome is None or self.booth.outcome.person is None:
            return
        references = self.booth.enrolled.references
        assert 5 <= len(references) <= self.wanted
        assert len({one.vector.tobytes() for one in references}) == 1
        assert not self.ben_is_known or not same(references[0], face_of("ben"))
        assert self.booth.told[-1][1].prompt == "done"

    def teardown(self) -> None:
        if not hasattr(self, "booth"):
            return
        self.booth.now = max(self.booth.now, self.closes_at)
        if self.booth.window is not None:
            self.booth.step(sight("ana").probe(self.booth.now))
        assert self.booth.window is None, "it closes by itself"
        self.a_person_is_five_to_all_agreeing_references_of_one_new_face()


def same(one: Embedding, other: Embedding) -> bool:
    return bool(np.array_equal(one.vector, other.vector))


AnyWindow.TestCase.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
test_enrolments_in_any_order = AnyWindow.TestCase

"""After visits that look like attempts on somebody, no face is let in for a while: as timelines, and in any order."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.access import lockout
from edge.access.lockout import DAY_SECONDS, Lockout, after, from_kept, is_attempt, is_locked, passed, to_keep
from edge.access.policy import make_rule
from edge.settings import AccessSettings
from edge.values import Decision
from tests.edge.access_scene import CARD, NOBODY, RULE, Door, Sight, like, person, sight

HOUR = 3600.0


def visit(reason: str, best: float | None = None) -> Decision:
    verdict: Any = "granted" if reason == "verified" else "refused"
    return Decision("v", verdict, reason, 0.0, 0.0, 0.0, best_similarity=best)


LOOKALIKE, PASSER_BY, GRANT = visit("unknown", 0.45), visit("unknown", 0.2), visit("verified", 0.8)


class Watch:
    """A door whose visits are decided elsewhere."""

    def __init__(self) -> None:
        self.state = Lockout()
        self.now = 1000.0

    def happens(self, *decisions: Decision, every: float = 8.0) -> Watch:
        for decision in decisions:
            self.state = after(passed(self.state, self.now), decision, RULE, self.now)
            self.now += every
        self.state = passed(self.state, self.now)
        return self

    def wait(self, seconds: float) -> Watch:
        self.now += seconds
        self.state = passed(self.state, self.now)
        return self

    def restart(self, now: float = 5.0) -> Watch:
        self.state, self.now = from_kept(to_keep(self.state, self.now), now), now
        return self

    @property
    def left(self) -> float:
        return max(0.0, self.state.until - self.now)


def test_the_card_says_from_where_a_refusal_looks_like_an_attempt() -> None:
    with_point = make_rule(AccessSettings(), [(1e-2, 0.3125), *CARD])
    assert (with_point.attempt_similarity, with_point.attempt_fmr) == (0.3125, 1e-2)
    assert "1 in 100 comparisons of two different people reaches that" in with_point.explain()
    without = make_rule(AccessSettings(), CARD)
    assert (without.attempt_similarity, without.attempt_fmr) == (0.4375, 1e-3), "the laxest figure it has"
    assert "0.438 like somebody, counts as an attempt\n(by the model's card, 1 in 1,000 " in without.explain()
    bare = make_rule(AccessSettings(detection_threshold=0.7, accept_lower_security=True), [])
    assert (bare.attempt_similarity, bare.attempt_fmr) == (0.7, None)
    assert "no figure, so that is the threshold itself" in bare.explain()


@pytest.mark.parametrize(
    ("reason", "best", "counts"),
    [
        ("unknown", RULE.attempt_similarity, True),
        ("unknown", RULE.attempt_similarity - 0.001, False),
        ("unstable", 0.9, True),
        ("quality:blurred", 0.9, True),
        ("quality:blurred", 0.1, False),
        ("ambiguous", 0.1, True),
        ("not_live", None, True),
        ("unknown", None, False),
        ("unknown", math.nan, False),
        ("nobody_enrolled", None, False),
        ("bad_embedding", None, False),
        ("several_faces", 0.9, False),
        ("dwell", 0.9, False),
        ("schedule", 0.9, False),
        ("expired", 0.9, False),
        ("clock_untrusted", 0.9, False),
        ("second_factor", 0.9, False),
        ("not_asked", 0.9, False),
        ("stale", 0.9, False),
        ("lockout", 0.9, False),
        ("verified", 0.9, False),
    ],
)
def test_what_looks_like_an_attempt_on_somebody(reason: str, best: float | None, counts: bool) -> None:  # noqa: FBT001
    assert is_attempt(visit(reason, best), RULE) is counts


def test_five_in_a_row_lock_for_thirty_seconds_and_each_further_one_for_twice_as_long() -> None:
    door = Watch().happens(*[LOOKALIKE] * 4)
    assert door.left == 0
    for seconds in (30, 60, 120, 240, 480, 900, 900):
        door.happens(LOOKALIKE, every=0)
        assert door.left == seconds
        assert door.wait(seconds - 0.125).left == 0.125
        assert door.wait(0.125).left == 0


def test_strangers_neither_count_nor_begin_the_count_anew() -> None:
    door = Watch().happens(*[PASSER_BY] * 1000)
    assert door.state == Lockout()
    door.happens(LOOKALIKE, PASSER_BY, LOOKALIKE, PASSER_BY, LOOKALIKE, LOOKALIKE)
    assert door.left == 0
    assert door.happens(PASSER_BY, LOOKALIKE, every=0).left == 30


def test_somebody_who_is_let_in_begins_the_count_anew() -> None:
    door = Watch().happens(*[LOOKALIKE] * 4, GRANT, *[LOOKALIKE] * 4)
    assert door.left == 0
    assert door.happens(GRANT).state == Lockout()


def test_what_is_tried_while_no_face_is_let_in_makes_it_no_longer() -> None:
    door = Watch().happens(*[LOOKALIKE] * 5, every=0)
    door.happens(*[LOOKALIKE] * 20, every=1)
    assert (door.left, door.state.in_a_row) == (10, 5)


def test_fifty_in_a_day_are_enough_for_a_day() -> None:
    door = Watch()
    for _ in range(49):
        door.happens(LOOKALIKE, every=0).wait(901)
    assert door.left == 0
    door.happens(LOOKALIKE, every=0)
    assert door.left == DAY_SECONDS
    assert door.state.is_for_the_day
    assert door.wait(DAY_SECONDS - 1).left == 1
    assert door.wait(1).state == Lockout(), "and then all is forgotten"


def test_fifty_in_two_days_are_not() -> None:
    door = Watch()
    for _ in range(60):
        door.happens(LOOKALIKE, every=0).wait(HOUR)
    assert not door.state.is_for_the_day
    assert len(door.state.attempts) == 24, "those of the last day, at most"


def test_a_restart_shortens_nothing_and_what_was_over_is_over() -> None:
    door = Watch().happens(*[LOOKALIKE] * 5, every=0).wait(29)
    assert door.restart().left == 30, "it begins again from its start"
    assert door.wait(30).restart().left == 0
    assert door.happens(LOOKALIKE, every=0).left == 60, "and the count goes on"


def test_a_day_goes_on_over_restarts_and_the_time_the_door_was_off_does_not_count() -> None:
    door = Watch()
    for _ in range(49):
        door.happens(LOOKALIKE, every=0).wait(901).restart()
    assert door.happens(LOOKALIKE, every=0).left == DAY_SECONDS
    assert door.wait(DAY_SECONDS / 2).restart().left == DAY_SECONDS


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"x",
        b"{}",
        b"null",
        b'{"in_a_row":-1,"ages":[],"seconds":0}',
        b'{"in_a_row":1,"ages":[],"seconds":1e999}',
        b'{"\xff":0}',
    ],
)
def test_what_was_kept_and_cannot_be_read_locks(kept: bytes) -> None:
    assert from_kept(kept, 100.0).until == 1000.0
    assert from_kept(None, 100.0) == Lockout()


def test_a_time_that_is_no_number_locks() -> None:
    assert is_locked(Lockout(), math.nan)


def test_while_it_lasts_a_resident_is_recognised_and_not_let_in() -> None:
    door = Door(person("ana"))
    door.besides = replace(door.besides, locked_until=1010.0)
    (decision,) = door.watch(sight("ana"), 4)
    assert (decision.reason, decision.frames, decision.lockout_seconds) == ("lockout", 5, 7.0)
    door.watch(sight("ana"), 7)
    assert door.told == [("refused", "lockout"), ("granted", "ana")]
    assert door.decisions[-1].lockout_seconds == 0


def test_a_lookalike_that_keeps_trying_shuts_the_door_for_faces() -> None:
    """The whole of it: visits decided at the door, counted, and the next one refused."""
    door, state = Door(person("ana")), Lockout()
    for _ in range(5):
        assert not is_locked(state, door.now)
        for seen in (Sight(like(ana=0.45)), NOBODY):
            for decision in door.watch(seen, 6):
                assert decision.best_similarity == pytest.approx(0.45)
                state = after(state, decision, door.rule, decision.at)
    assert door.told == [("refused", "unknown")] * 5
    assert is_locked(state, door.now)


def test_the_best_look_of_a_visit_counts_and_not_its_last() -> None:
    door = Door(person("ana"))
    door.frames(Sight(like(ana=0.45)), *[Sight(like(ana=0.25))] * 6)
    (decision,) = door.watch(NOBODY, 2)
    assert decision.match is not None
    assert (decision.match.similarity, decision.best_similarity) == (0.25, pytest.approx(0.45))
    assert is_attempt(decision, door.rule)


decisions = st.sampled_from(
    [LOOKALIKE, LOOKALIKE, LOOKALIKE, PASSER_BY, visit("ambiguous", 0.6), visit("schedule", 0.8)]
)


class AnyLockout(RuleBasedStateMachine):
    """Visits, waiting, restarts and being let in, in any order, against the rule told slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.door = Watch()
        self.in_a_row = 0
        self.day: list[float] = []  # ages of the attempts that must count
        self.locked = 0.0  # seconds for which no face may be let in, at least

    @rule(decision=decisions)
    def a_visit_is_refused(self, decision: Decision) -> None:
        was_locked = self.locked > 0
        self.door.happens(decision, every=0)
        if not was_locked and is_attempt(decision, RULE):
            self.in_a_row += 1
            self.day.append(0.0)
            self.locked = lockout.lockout_seconds(self.in_a_row)
            if len(self.day) >= lockout.ATTEMPTS_A_DAY:
                self.locked = DAY_SECONDS

    @rule(count=st.integers(1, 45))
    def many_try_at_once(self, count: int) -> None:
        for _ in range(count):
            self.a_visit_is_refused(LOOKALIKE)
            self.time_passes(901.0)

    @rule()
    def somebody_is_let_in(self) -> None:
        if self.locked <= 0:
            self.door.happens(GRANT, every=0)
            self.in_a_row, self.day = 0, []

    @rule(seconds=st.sampled_from([1.0, 31.0, 901.0, 4 * HOUR, DAY_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        for_the_day = self.door.state.is_for_the_day
        self.door.wait(seconds)
        self.locked = max(0.0, self.locked - seconds)
        self.day = [age + seconds for age in self.day if age + seconds < DAY_SECONDS]
        if for_the_day and self.locked <= 0:
            self.in_a_row, self.day = 0, []

    @rule()
    def the_door_starts_anew(self) -> None:
        self.door.restart()
        if self.locked > 0:
            self.locked = self.door.state.seconds

    @invariant()
    def no_face_is_let_in_for_as_long_as_it_must_be(self) -> None:
        assert self.door.left == pytest.approx(self.locked)
        assert self.door.state.in_a_row == self.in_a_row
        assert is_locked(self.door.state, self.door.now) is (self.locked > 0)
        assert len(self.door.state.attempts) <= lockout.ATTEMPTS_A_DAY


AnyLockout.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
test_lock_outs_in_any_order = AnyLockout.TestCase


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.floats(0, 1e6))
def test_whatever_was_kept_gives_a_state_that_ends(kept: bytes, now: float) -> None:
    state = from_kept(kept, now)
    assert not is_locked(state, now + DAY_SECONDS)

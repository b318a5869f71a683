"""A door's day as timelines: what the wires say and when the strike is energised go in, events come out."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.door import logic
from edge.door.logic import Passage
from edge.settings import InputSettings
from edge.values import DoorSignal, SignalKind

UNLOCK = 5.0


class Story:
    """Steps ten times a second. `told` holds (second, word); `exits` when the strike was to be pulsed for a button."""

    def __init__(self, *, closed: bool = True, **settings: Any) -> None:
        self.settings = InputSettings(**settings)
        self.passage = Passage()
        self.now = 0.0
        self.pulse: float | None = None
        self.told: list[tuple[float, str]] = []
        self.exits: list[float] = []
        self.relocks: list[float] = []
        if closed:
            self.says("contact_closed")

    def grant(self, seconds: float = UNLOCK) -> Story:
        """The strike is energised, or a running pulse is renewed."""
        self.pulse = self.now + seconds
        return self

    def says(self, *kinds: SignalKind) -> Story:
        self._step(tuple(DoorSignal(kind, self.now) for kind in kinds))
        return self

    def wait(self, seconds: float) -> Story:
        for _ in range(round(seconds * 10)):
            self.now = round(self.now + 0.1, 1)
            self._step(())
        return self

    def _step(self, signals: tuple[DoorSignal, ...]) -> None:
        if self.pulse is not None and self.now >= self.pulse:
            self.pulse = None
        self.passage, done = logic.step(self.passage, signals, self.pulse, self.now, self.settings)
        self.told += [(self.now, told.word) for told in done.told]
        if done.exit_at is not None:
            self.exits.append(done.exit_at)
            self.pulse = self.now + UNLOCK
        if done.relock:
            self.relocks.append(self.now)
            self.pulse = None


def test_a_resident_comes_in_and_nothing_is_told_but_the_contact() -> None:
    story = Story().wait(10).grant().wait(1).says("contact_open")
    assert story.passage.contact == "open"
    story.wait(1).says("contact_closed").wait(60)
    assert story.passage.contact == "closed"
    assert story.told == []


def test_a_door_that_opens_without_a_grant_was_forced() -> None:
    assert Story().wait(10).says("contact_open").told == [(10.0, "forced_open")]


def test_a_door_may_be_opened_a_moment_after_the_pulse_and_not_later() -> None:
    assert Story(opening_seconds=3).grant().wait(UNLOCK + 2.9).says("contact_open").told == []
    late = Story(opening_seconds=3).grant().wait(UNLOCK + 3.2).says("contact_open")
    assert [word for _, word in late.told] == ["forced_open"]


def test_the_exit_button_pulses_the_strike_and_is_told() -> None:
    story = Story().wait(10).says("exit_button").wait(0.5).says("contact_open").wait(1).says("contact_closed").wait(30)
    assert story.told == [(10.0, "exit_button")]
    assert story.exits == [10.0]


def test_whoever_pushes_the_door_together_with_the_button_forces_nothing() -> None:
    assert [word for _, word in Story().wait(5).says("exit_button", "contact_open").told] == ["exit_button"]


def test_the_rest_of_a_pulse_ends_when_the_door_has_been_used() -> None:
    story = Story().grant().wait(1).says("contact_open").wait(1).says("contact_closed")
    assert story.relocks == [2.0]
    story.wait(20).says("contact_open")
    assert story.told == [(22.0, "forced_open")], "what was let in was let in once"


def test_a_door_that_only_falls_shut_does_not_take_a_pulse_from_whoever_comes_next() -> None:
    story = Story().grant().wait(1).says("contact_open").wait(3)
    story.grant().wait(0.5).says("contact_closed")
    assert story.relocks == []
    story.wait(1).says("contact_open").wait(1).says("contact_closed")
    assert len(story.relocks) == 1


def test_a_door_that_closes_without_a_pulse_ends_none() -> None:
    assert Story().grant(1).wait(0.5).says("contact_open").wait(5).says("contact_closed").relocks == []


def test_a_door_that_rebounds_from_its_frame_was_not_forced() -> None:
    story = Story().grant().wait(1).says("contact_open").wait(1).says("contact_closed").wait(0.5).says("contact_open")
    assert story.told == []


def test_a_door_that_stays_open_is_told_and_told_again_until_it_is_closed() -> None:
    story = Story(held_open_seconds=30, held_open_reminder_seconds=60).grant().wait(1).says("contact_open").wait(200)
    assert story.told == [(31.0, "held_open"), (91.0, "held_open"), (151.0, "held_open")]
    story.says("contact_closed").wait(200)
    assert len(story.told) == 3


def test_a_door_that_is_open_at_the_start_was_not_forced_but_is_held() -> None:
    story = Story(closed=False).says("contact_open").wait(40)
    assert story.told == [(30.0, "held_open")]


def test_a_contact_that_was_lost_comes_back_without_an_alarm() -> None:
    story = Story().wait(10)
    assert story.says("contact_unknown").wait(60).passage.contact == "unknown"
    assert story.says("contact_open").told == []


def test_where_people_leave_by_the_handle_nobody_is_alarmed() -> None:
    assert Story(tell_forced_open=False).wait(10).says("contact_open").told == []


@pytest.mark.parametrize("word", ["doorbell", "tamper"])
def test_bell_and_tamper_are_told_and_open_nothing(word: SignalKind) -> None:
    story = Story().wait(10).says(word).wait(60)
    assert (story.told, story.exits) == ([(10.0, word)], [])


@pytest.mark.parametrize("word", ["confirm", "intent"])
def test_answers_are_for_whoever_asked(word: SignalKind) -> None:
    story = Story().says(word)
    assert (story.told, story.exits) == ([], [])


@pytest.mark.parametrize(("word", "most"), [("tamper", 6), ("doorbell", 60), ("exit_button", 60)])
def test_a_loose_wire_does_not_fill_the_journal(word: SignalKind, most: int) -> None:
    story = Story()
    for _ in range(600):
        story.says(word).wait(0.1)
    assert 1 <= len(story.told) <= most
    assert len(story.exits) == len(story.told) * (word == "exit_button"), "what is not told is not done"


def test_a_loose_contact_does_not_fill_the_journal() -> None:
    story = Story()
    for _ in range(300):
        story.says("contact_open").wait(0.1).says("contact_closed").wait(0.1)
    assert {word for _, word in story.told} == {"forced_open"}
    assert len(story.told) <= 6


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(get_args(SignalKind)), st.floats(0, 40), st.booleans()), max_size=40))
def test_nothing_but_the_exit_button_asks_for_the_strike(day: list[tuple[SignalKind, float, bool]]) -> None:
    story = Story(closed=False)
    for kind, pause, granted in day:
        story.now = story.now + pause
        if granted:
            story.grant()
        exits, relocks, pulse = len(story.exits), len(story.relocks), story.pulse
        story.says(kind)
        assert len(story.exits) == exits or kind == "exit_button"
        assert len(story.relocks) == relocks or (kind == "contact_closed" and pulse is not None)
        assert story.passage.contact in {"open", "closed", "unknown"}
    assert len(story.exits) == [word for _, word in story.told].count("exit_button")

"""Enrolment as timelines: somebody stands before the camera with a window open."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from edge.access import enrolment
from edge.access.coverage import views
from edge.access.enrolment import Progress
from edge.values import Embedding, QualityWord, Terms
from tests.edge.access_scene import (
    NOBODY,
    REQUEST,
    Booth,
    Sight,
    person,
    sight,
    unclear,
    vector,
)

LEFT, RIGHT = {"yaw": 0.25}, {"yaw": -0.25}
UP, DOWN = {"pitch": -0.15}, {"pitch": 0.15}
FOLLOWS = {"look_at_camera": {}, "turn_left": LEFT, "turn_right": RIGHT, "look_up": UP, "look_down": DOWN}


def obey(booth: Booth, seconds: float, every: float = 1 / 15) -> None:
    """Somebody who turns the head as soon as it is asked for."""
    for _ in range(round(seconds / every)):
        if booth.window is not None:
            asked = booth.told[-1][1].prompt if booth.told else "look_at_camera"
            booth.watch(sight("ana", **FOLLOWS[asked]), seconds=every, every=every)


@pytest.mark.parametrize("fps", [5, 10, 15, 30])
def test_ten_references_of_somebody_who_only_looks_straight_take_four_to_eight_seconds(fps: int) -> None:
    booth = Booth().watch(sight("ana"), seconds=10, every=1 / fps)
    assert 4 <= booth.now - 1000.0 <= 8
    assert booth.enrolled == replace(
        person("ana"), references=booth.enrolled.references, separation=booth.enrolled.separation
    )
    assert len(booth.enrolled.references) == 10
    assert (booth.ended.warnings, booth.ended.dropped, booth.ended.refusals) == ((), (), {})


def test_without_variety_ten_references_take_as_long_as_ten_pictures() -> None:
    booth = Booth(require_variety=False).watch(sight("ana"), seconds=10, every=1 / 15)
    assert 4 <= booth.now - 1000.0 <= 5
    assert booth.prompts == ["look_at_camera", "done"]


def test_somebody_who_does_as_told_is_seen_from_every_side_in_no_more_time() -> None:
    booth = Booth()
    obey(booth, seconds=20)
    assert booth.prompts == ["look_at_camera", "turn_left", "turn_right", "look_up", "look_down", "done"]
    assert 4 <= booth.now - 1000.0 <= 8
    assert len(booth.enrolled.references) == 10


def test_whoever_does_not_follow_is_asked_for_two_turns_and_no_more() -> None:
    booth = Booth().watch(sight("ana"), seconds=20)
    assert booth.prompts == ["look_at_camera", "turn_left", "turn_right", "done"]


def test_a_view_that_came_by_itself_is_not_asked_for() -> None:
    booth = Booth()
    for seen in ({}, LEFT, {}, {}, DOWN, {}):
        booth.watch(sight("ana", **seen), seconds=0.5)
    assert booth.window is not None
    assert {"left", "down"} <= set(views(booth.window.taken))
    obey(booth, seconds=10)
    assert booth.prompts == ["look_at_camera", "turn_right", "look_up", "done"]


def test_a_full_set_gives_up_what_it_has_most_of_for_a_view_it_lacks() -> None:
    booth = Booth().watch(sight("ana"), seconds=4.75)
    assert booth.window is not None
    assert views(booth.window.taken) == ["straight"] * 10
    booth.watch(sight("ana", **LEFT), seconds=0.5)
    assert sorted(views(booth.window.taken)) == ["left", *["straight"] * 9]
    booth.watch(sight("ana", **LEFT), seconds=1)
    assert sorted(views(booth.window.taken)) == ["left", *["straight"] * 9], "one of each turn is enough"


def test_the_views_of_a_nose_that_sits_low_are_counted_from_where_it_sits() -> None:
    low = [sight("ana", pitch=0.2 + change) for change in (0.0, 0.01, -0.02, 0.11, -0.12)]
    assert views([one.probe(0.0) for one in low]) == ["straight", "straight", "straight", "down", "up"]


def test_in_the_second_half_of_a_window_nothing_is_waited_for() -> None:
    late = Booth(window_seconds=10.0).watch(NOBODY, seconds=3).watch(sight("ana"), seconds=7)
    assert late.now - 1000.0 < 10
    assert len(late.enrolled.references) == 10
    assert late.prompts == ["look_at_camera", "done"]


def test_progress_counts_up_to_done_at_most_twice_a_second() -> None:
    booth = Booth().watch(sight("ana"), seconds=10, every=1 / 15)
    assert booth.told[0][1] == Progress("t1", "look_at_camera", 1, 10)
    counts = [one.count for _, one in booth.told]
    assert counts == sorted(counts)
    assert booth.told[-1][1] == Progress("t1", "done", 10, 10)
    assert all(later - earlier >= 0.5 for (earlier, _), (later, _) in pairwise(booth.told[:-1]))


def test_an_unchanged_prompt_is_told_once() -> None:
    booth = Booth().watch(None, seconds=30)
    assert [one for _, one in booth.told] == [Progress("t1", "look_at_camera", 0, 10)]


@pytest.mark.parametrize(
    ("word", "prompt"),
    [
        ("too_small", "come_closer"),
        ("blurred", "hold_still"),
        ("turned", "face_the_camera"),
        ("too_dark", "too_dark"),
        ("low_contrast", "too_dark"),
        ("too_bright", "too_bright"),
        ("covered_mouth", "uncover_your_face"),
        ("covered_eyes", "uncover_your_face"),
    ],
)
def test_a_person_is_told_what_to_do(word: QualityWord, prompt: str) -> None:
    booth = Booth().watch(unclear(word), seconds=3)
    assert booth.prompts == ["look_at_camera", prompt]
    assert booth.window is not None
    assert booth.window.taken == ()
    assert booth.window.refusals == {word: 24}


def test_refused_pictures_are_counted_by_word() -> None:
    seen = [sight("ana"), unclear("turned"), unclear("turned"), unclear("blurred"), sight("ana", faces=2), None]
    booth = Booth(require_variety=False).watch(*seen, seconds=20)
    counted = booth.ended.refusals
    assert set(counted) == {"turned", "blurred", "several_faces"}
    assert counted["turned"] >= 2 * counted["blurred"] - 1 > 0
    assert len(booth.enrolled.references) == 10


def test_a_prompt_that_flickers_is_not_told() -> None:
    booth = Booth().watch(*[unclear("blurred")] * 2, *[unclear("turned")] * 2, seconds=10)
    assert booth.prompts == ["look_at_camera"]


def test_two_faces_at_once_give_no_reference() -> None:
    booth = Booth().watch(sight("ana", faces=2), seconds=61)
    assert booth.prompts == ["look_at_camera", "one_person_only"]
    assert booth.error == "too_few_references"


def test_nobody_before_the_camera_is_said_so() -> None:
    booth = Booth().watch(None, seconds=61)
    assert (booth.error, booth.now) == ("no_face", 1060.125)


def test_a_window_closes_by_time_alone() -> None:
    booth = Booth().watch(sight("ana"), seconds=2)
    booth.now = 1060.0
    booth.step(None)
    assert booth.error == "too_few_references"
    assert booth.ended.error is not None
    assert booth.ended.error.retryable


def test_a_window_that_closes_with_five_references_succeeds_with_a_warning() -> None:
    booth = Booth().watch(sight("ana"), seconds=2.5).watch(None, seconds=60)
    assert len(booth.enrolled.references) == 5
    assert booth.ended.warnings == ("5 references instead of 10: the door may refuse this person more often",)


def test_a_window_that_closes_with_four_stores_nothing() -> None:
    booth = Booth().watch(sight("ana"), seconds=2).watch(None, seconds=60)
    assert booth.error == "too_few_references"


def test_a_frame_that_comes_when_the_window_has_closed_is_not_taken() -> None:
    booth = Booth().watch(sight("ana"), seconds=2)
    booth.now = 1060.0
    booth.step(sight("ana").probe(booth.now))
    assert booth.error == "too_few_references"


@pytest.mark.parametrize("bad", [vector([math.nan] * 6), vector([0.0] * 6), vector([1.0] * 6), vector([]), None])
def test_a_bad_embedding_never_becomes_a_reference(bad: Embedding | None) -> None:
    booth = Booth(person("ben")).watch(Sight(bad), seconds=61)
    assert booth.error == "too_few_references"


def test_embeddings_of_different_size_make_no_person() -> None:
    booth = Booth().watch(*[sight("ana")] * 4, Sight(vector([1.0])), seconds=61)
    assert booth.error == "too_few_references"


def test_a_window_that_waits_for_the_button_looks_at_nobody() -> None:
    booth = Booth(confirm="button").watch(sight("ana"), seconds=30)
    assert booth.prompts == ["press_the_button"]
    assert booth.window is not None
    assert (booth.window.taken, booth.window.refusals) == ((), {})


def test_a_window_goes_on_when_the_button_is_pressed_and_closes_no_later() -> None:
    booth = Booth(confirm="button").watch(sight("ana"), seconds=30)
    assert booth.window is not None
    booth.window = enrolment.confirm(booth.window, booth.now)
    booth.watch(sight("ana"), seconds=30)
    assert booth.prompts[:2] == ["press_the_button", "look_at_camera"]
    assert len(booth.enrolled.references) == 10
    assert booth.now < 1060.0


def test_nobody_who_presses_the_button_is_nobody_enrolled() -> None:
    booth = Booth(confirm="button").watch(sight("ana"), seconds=61)
    assert (booth.error, booth.now) == ("not_confirmed", 1060.125)
    assert booth.ended.error is not None
    assert booth.ended.error.retryable


def test_what_was_said_of_consent_and_age_stays_with_the_person() -> None:
    child = replace(REQUEST, consent=True, minor=True)
    booth = Booth(request=child).watch(sight("ana"), seconds=10)
    assert booth.enrolled.consent is True
    assert booth.enrolled.terms == Terms(minor=True)
    assert booth.ended.warnings == ("a child's face opens nothing by itself: it takes a second factor",)
    assert Booth().watch(sight("ana"), seconds=10).enrolled.consent is None

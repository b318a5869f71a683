"""Enrolment as timelines: somebody stands before the camera with a window open."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from edge.access.enrolment import Progress
from edge.values import Embedding, QualityWord
from tests.edge.access_scene import (
    Booth,
    Sight,
    person,
    sight,
    unclear,
    vector,
)


@pytest.mark.parametrize("fps", [5, 10, 15, 30])
def test_ten_references_take_four_to_eight_seconds(fps: int) -> None:
    booth = Booth().watch(sight("ana"), seconds=10, every=1 / fps)
    assert 4 <= booth.now - 1000.0 <= 8
    assert booth.enrolled == replace(person("ana"), references=booth.enrolled.references)
    assert len(booth.enrolled.references) == 10
    assert (booth.ended.warnings, booth.ended.dropped) == ((), ())


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
    ],
)
def test_a_person_is_told_what_to_do(word: QualityWord, prompt: str) -> None:
    booth = Booth().watch(unclear(word), seconds=3)
    assert booth.prompts == ["look_at_camera", prompt]
    assert booth.window is not None
    assert booth.window.taken == ()


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

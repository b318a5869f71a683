"""What references must hold before they become a person: variety, agreement, and nobody known already."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.access.enrolment import from_photographs
from edge.access.second_factor import needs_second_factor
from edge.values import Crop, Person, Probe, Separation, Terms
from tests.edge.access_scene import (
    REQUEST,
    RULE,
    WHEN,
    Booth,
    Sight,
    face_of,
    gallery,
    like,
    person,
    sight,
    unclear,
    vector,
)


def test_one_reference_of_a_passer_by_is_dropped_and_named() -> None:
    booth = Booth().watch(sight("ana"), seconds=1).watch(sight("passer_by"), seconds=0.5).watch(sight("ana"), seconds=9)
    assert booth.ended.dropped == (2,)
    assert len(booth.enrolled.references) == 9
    assert booth.ended.warnings[0] == "reference 3 did not look like the others and was left out"
    assert booth.enrolled.separation == Separation(1.0, warnings=booth.ended.warnings)


@pytest.mark.parametrize("share", [1, 2, 3])
def test_two_people_in_one_window_refuse_the_whole_enrolment(share: int) -> None:
    booth = Booth().watch(*[sight("ana")] * (16 - 4 * share), *[sight("passer_by")] * 4 * share, seconds=20)
    assert booth.error == "two_people"


def test_one_person_who_turns_the_head_is_not_two_people() -> None:
    straight, turned = like(ana=1.0), like(ana=0.75, stranger=0.66)
    far = like(ana=0.4375, stranger=0.875)  # below the threshold to most, above it to the turned ones
    booth = Booth().watch(*[Sight(straight)] * 24, *[Sight(turned)] * 8, *[Sight(far)] * 8, seconds=10)
    assert booth.ended.person is not None
    assert booth.ended.dropped != ()


def test_somebody_enrolled_already_is_named_and_not_enrolled_again() -> None:
    booth = Booth(person("ben"), person("cem")).watch(Sight(like(ben=0.75, cem=0.25)), seconds=10)
    assert booth.error == "already_enrolled"
    assert booth.ended.known_as == "ben"
    assert booth.ended.error is not None
    assert not booth.ended.error.retryable
    assert "ben" not in str(booth.ended.error), "who may know that is for the door's privacy to say"


def test_a_relative_is_enrolled_with_a_warning_that_names_nobody() -> None:
    booth = Booth(person("ben"), person("cem")).watch(Sight(like(ben=0.46875, cem=0.25)), seconds=10)
    (warning,) = booth.ended.warnings
    assert booth.enrolled.separation == Separation(1.0, "ben", 0.46875, (warning,))
    assert warning.startswith("looks much like somebody who is enrolled already (similarity 0.47)")
    stranger = Booth(person("ben")).watch(Sight(like(ben=0.25)), seconds=10)
    assert stranger.enrolled.separation == Separation(1.0, "ben", 0.25)


def test_two_relatives_both_need_a_second_factor_and_others_do_not() -> None:
    ben, cem = person("ben"), person("cem")
    relative = Booth(ben, cem).watch(Sight(like(ben=0.46875)), seconds=10).enrolled
    family = gallery(ben, cem, relative)
    assert [needs_second_factor(one, family) for one in family.people] == [True, False, True]
    assert not needs_second_factor(replace(relative, terms=Terms(second_factor="never")), family)
    assert needs_second_factor(replace(cem, terms=Terms(second_factor="never", minor=True)), family)


def test_how_many_people_could_not_be_compared_is_said() -> None:
    old = Person("old", "Old", (vector(face_of("ben").vector, "another"),), WHEN)
    booth = Booth(old).watch(sight("ana"), seconds=10)
    assert booth.ended.warnings == ("could not be compared with everybody: 1 must be enrolled again",)


def picture(seed: int, noise: float = 0.0, brightness: int = 0) -> Crop:
    """Something with a face's contrast; `seed` makes it another one."""
    coarse = np.random.default_rng(seed).integers(60, 180, (14, 14, 3))
    pixels: NDArray[np.float64] = coarse.repeat(8, axis=0).repeat(8, axis=1) + brightness
    pixels = pixels + np.random.default_rng().normal(0, noise, pixels.shape) if noise else pixels
    probe = sight("ana").probe(0.0)
    assert probe.face is not None
    return Crop(np.clip(np.rint(pixels), 0, 255).astype(np.uint8), probe.face)


def test_the_same_picture_again_and_again_is_one_reference_when_variety_is_required() -> None:
    still = Booth().watch(*[sight("ana", crop=picture(1, 0.5, brightness)) for brightness in range(20)], seconds=61)
    assert still.error == "too_few_references"
    allowed = Booth(require_variety=False).watch(sight("ana", crop=picture(1)), seconds=61)
    assert len(allowed.enrolled.references) == 10


def test_somebody_who_moves_gives_enough_variety() -> None:
    booth = Booth().watch(*[sight("ana", crop=picture(seed)) for seed in range(100)], seconds=10)
    assert len(booth.enrolled.references) == 10


def photographs(*sights: Sight | None) -> list[tuple[str, Probe]]:
    probes = [seen.probe(0.0) if seen is not None else Probe(0.0, 0, 0) for seen in sights]
    return [(f"{number}.jpg", probe) for number, probe in enumerate(probes, start=1)]


def test_photographs_pass_the_same_gate_and_are_told_by_name() -> None:
    good = [sight("ana", crop=picture(seed)) for seed in range(8)]
    again = sight("ana", crop=picture(0, noise=2.0, brightness=9))
    outcome = from_photographs(REQUEST, photographs(None, unclear("too_dark"), *good, again), gallery(), RULE)
    assert outcome.person is not None
    assert len(outcome.person.references) == 8
    assert outcome.warnings == (
        "1.jpg was left out: no_face",
        "2.jpg was left out: too_dark",
        "11.jpg was left out: same_picture",
        "8 references instead of 10: the door may refuse this person more often",
    )
    assert outcome.refusals == {"no_face": 1, "too_dark": 1, "same_picture": 1}
    assert outcome.person.separation is not None
    assert outcome.person.separation.warnings == outcome.warnings[-1:], "names of files are not kept"
    assert [crop.pixels.tobytes() for crop in outcome.crops] == [one.crop.pixels.tobytes() for one in good if one.crop]


def test_of_many_photographs_those_are_taken_that_show_most_sides() -> None:
    straight = [sight("ana", crop=picture(seed)) for seed in range(12)]
    turned = [sight("ana", crop=picture(20 + seed), yaw=yaw) for seed, yaw in enumerate((0.2, -0.2, 0.25))]
    outcome = from_photographs(REQUEST, photographs(*straight, *turned), gallery(), RULE)
    assert outcome.person is not None
    assert len(outcome.crops) == 10
    kept = {crop.pixels.tobytes() for crop in outcome.crops}
    assert [one.crop is not None and one.crop.pixels.tobytes() in kept for one in turned] == [True, True, False]


def test_photographs_meet_the_same_checks() -> None:
    def code(*sights: Sight | None) -> str | None:
        outcome = from_photographs(REQUEST, photographs(*sights), gallery(person("ben")), RULE)
        return outcome.error.code if outcome.error is not None else None

    def shots(name: str, count: int, **changes: int) -> list[Sight]:
        return [sight(name, crop=picture(len(name) * 50 + seed), **changes) for seed in range(count)]

    assert code() == "no_face"
    assert code(None, None) == "no_face"
    assert code(*shots("ana", 4)) == "too_few_references"
    assert code(*shots("ana", 10, faces=2)) == "too_few_references"
    assert code(*shots("ana", 5), *shots("passer_by", 5)) == "two_people"
    assert code(*shots("ben", 6)) == "already_enrolled"
    assert code(*[sight("ana", crop=picture(1))] * 10) == "too_few_references"
    assert code(*shots("ana", 20)) is None


faces = st.sampled_from(["ana", "ben", "passer_by"]).map(sight)
anything = st.one_of(
    faces,
    faces,
    st.sampled_from(
        [None, unclear("too_small"), unclear("turned"), sight("ana", faces=2), Sight(vector([math.nan] * 6))]
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(anything, st.sampled_from([0.0625, 0.25, 0.5, 8.0])), max_size=60), st.booleans())
def test_whatever_happens_only_five_agreeing_references_of_a_new_person_are_ever_enrolled(
    happenings: list[tuple[Sight | None, float]],
    ben_is_known: bool,  # noqa: FBT001
) -> None:
    booth = Booth(*[person("ben")] if ben_is_known else [])
    for seen, seconds in happenings:
        booth.watch(seen, seconds=seconds, every=seconds)
    if booth.outcome is None:
        booth.now += 60
        booth.step(None)
    if booth.ended.person is not None:
        references = booth.enrolled.references
        assert 5 <= len(references) <= 10
        assert len({one.vector.tobytes() for one in references}) == 1
        assert not ben_is_known or not np.array_equal(references[0].vector, face_of("ben").vector)
    prompts = [one for _, one in booth.told]
    assert all(one != other for one, other in pairwise(prompts))

"""A tuning is judged by the difference it makes to people drawn once for both networks, and by what it kept."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from convert.siamese.everybody import everybody, lowest_tar, tar
from convert.siamese.run import Run
from convert.siamese.sampling import Floats
from convert.siamese.tuned import COSINE, Gain, Tuned, _kept, _rates, by_cosine
from convert.siamese.tuned_section import drawing, section

PEOPLE = np.repeat(np.arange(30), 5)


def faces(noise: float, seed: int = 1) -> Floats:
    """Five pictures of each of thirty people, `noise` around a face of their own."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(30, 16))[PEOPLE] + noise * random.normal(size=(len(PEOPLE), 16))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_a_tar_by_hand() -> None:
    angles = np.radians([0, 10, 40, 60])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    pairs = everybody(by_cosine, vectors, np.array([5, 5, 9, 9]))  # of one person: 10 and 20 degrees apart
    # Of two people: 40, 60, 30, 50 degrees apart. At most a quarter of them may pass: those above 40 degrees' cosine.
    assert tar(pairs, 0.25) == 1.0
    vectors[1] = np.cos(np.radians(35)), np.sin(np.radians(35))  # 35 and 20 degrees, and 40, 60, 5, 25 of two people
    assert tar(everybody(by_cosine, vectors, np.array([5, 5, 9, 9])), 0.25) == 0.5


def test_a_picture_without_a_face_is_never_accepted() -> None:
    vectors = faces(0.1)
    whole = tar(everybody(by_cosine, vectors, PEOPLE), 1e-2)
    vectors[0] = np.nan
    assert tar(everybody(by_cosine, vectors, PEOPLE), 1e-2) == pytest.approx(whole - 4 / 300)


def test_one_person_with_very_many_pictures_does_not_choose_alone() -> None:
    vectors, people = faces(0.6), PEOPLE
    told = lowest_tar(by_cosine, vectors, people)
    crowd = np.concatenate([np.repeat(vectors[:1], 20, axis=0), vectors[5:]])
    many = np.concatenate([crowd[:20], np.repeat(-vectors[:1], 500, axis=0), crowd[20:]])
    owners = np.concatenate([np.zeros(520, int), people[5:]])
    assert lowest_tar(by_cosine, many, owners) == lowest_tar(by_cosine, crowd, np.r_[np.zeros(20, int), people[5:]])
    assert 0 < told < 1


def test_the_same_network_gains_nothing_in_any_draw() -> None:
    pairs = everybody(by_cosine, faces(0.7), PEOPLE)
    assert {(rate.gain.value, rate.gain.low, rate.gain.high) for rate in _rates(COSINE, pairs, pairs)} == {(0, 0, 0)}


def test_a_clearer_network_gains_and_a_blurred_one_loses() -> None:
    plain, clear = (everybody(by_cosine, faces(noise), PEOPLE) for noise in (0.8, 0.3))
    (*_, gained), (*_, lost) = _rates(COSINE, plain, clear), _rates(COSINE, clear, plain)
    assert gained.gain.low > 0
    assert lost.gain.high < 0
    assert gained.tuned.value - gained.shipped.value == pytest.approx(gained.gain.value, abs=1e-5)


def test_the_difference_has_a_narrower_interval_than_the_shares() -> None:
    vectors = faces(0.7)
    blurred = vectors + 0.02 * np.random.default_rng(2).normal(size=vectors.shape).astype(np.float32)
    rate = _rates(COSINE, *(everybody(by_cosine, one, PEOPLE) for one in (vectors, blurred)))[-1]
    assert rate.gain.high - rate.gain.low < rate.shipped.high - rate.shipped.low


def test_what_was_kept_is_the_cosine_of_each_picture() -> None:
    before = faces(0.5)
    after = before.copy()
    after[3] = -3 * before[3]
    kept = _kept("x", PEOPLE, before, after)
    assert (kept.pictures, kept.cosine_least) == (150, -1.0)
    assert kept.cosine_mean == pytest.approx(1 - 2 / 150, abs=1e-4)
    assert kept.tuned < kept.shipped


def judged(*bounds: float) -> Tuned:
    pairs = everybody(by_cosine, faces(0.7), PEOPLE)
    rates = tuple(msgspec.structs.replace(rate, gain=Gain(*bounds)) for rate in _rates(COSINE, pairs, pairs))
    return Tuned(before=0.9, after=0.91, rates=rates, kept=(_kept("AT&T", PEOPLE, faces(0.5), faces(0.5)),))


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ((0.01, -0.01, 0.03), "None of them is better"),
        ((0.01, 0.002, 0.03), "Better than the shipped network on people it never saw"),
        ((-0.02, -0.03, -0.01), "Worse, with an interval below 0: `tuned-x` by cosine"),
    ],
)
def test_the_page_says_what_the_intervals_say(bounds: tuple[float, float, float], said: str) -> None:
    text = section([("tuned-x", Run(recipe="triplet", distil=2.0, lookalikes=3), judged(*bounds))])
    assert said in text
    assert f"{100 * bounds[0]:+.2f} ({100 * bounds[1]:+.2f} to {100 * bounds[2]:+.2f})" in text
    assert "distillation 2, 3 look-alikes" in text


def test_the_picture_has_a_line_for_every_rate() -> None:
    drawn = drawing([("tuned-x", Run(), judged(0.01, -0.01, 0.03))])
    assert drawn.count("<circle") == 3
    assert ">tuned-x<" in drawn


def test_nothing_judged_is_said_too() -> None:
    assert section([]) == "No tuning of the shipped network has been judged yet."

"""Figures on sets so small that the right answer can be counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert import figures
from convert.errors import ConversionError

NAN = float("nan")


def at_angles(*degrees: float) -> np.ndarray:
    """Unit vectors in the plane; NaN for a picture without a usable face."""
    angles = np.radians(degrees)
    return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


# Ann at 0 and 10 degrees, Bob at 60 and 90, Cy at 20 and once not acquired.
VECTORS = at_angles(0, 10, 60, 90, 20, NAN)
PEOPLE = (0, 0, 1, 1, 2, 2)


def cosines(*degrees: float) -> list[float]:
    return sorted((math.cos(math.radians(angle)) for angle in degrees), reverse=True)


def test_every_picture_meets_every_other_once() -> None:
    pairs = figures.all_pairs(VECTORS, PEOPLE)
    assert pairs.genuine == pytest.approx(cosines(10, 30), abs=1e-6)
    assert pairs.impostors == pytest.approx(cosines(10, 20, 40, 50, 60, 70, 80, 90), abs=1e-6)
    assert pairs.impostor_people[0].tolist() == [0, 2]  # the nearest two: Ann at 10, Cy at 20
    assert pairs.acquired.tolist() == [2, 2, 1]


def test_a_picture_without_a_face_still_counts_among_the_genuine_pairs() -> None:
    pairs = figures.all_pairs(VECTORS, PEOPLE)
    assert pairs.genuine_total.tolist() == [1, 1, 1]
    (rate,) = figures.rates(pairs, [0.5])
    assert rate.tar.value == pytest.approx(2 / 3)
    assert rate.fmr.value == pytest.approx(5 / 8)  # 10, 20, 40, 50 and 60 degrees
    assert rate.impostors == 5


def test_one_usable_picture_is_nothing_to_compare() -> None:
    with pytest.raises(ConversionError, match="nothing to compare"):
        figures.all_pairs(at_angles(0, NAN), (0, 1))


def test_a_threshold_lets_the_stated_share_of_impostors_pass_and_no_more() -> None:
    impostors = np.array([0.9, 0.8, 0.5, 0.5, 0.3, 0.2, 0.1, 0.0, -0.1, -0.2])
    assert figures.threshold_at(impostors, 0.1) == pytest.approx(0.8001)
    assert figures.threshold_at(impostors, 0.2) == pytest.approx(0.5001)
    assert figures.threshold_at(impostors, 0.3) == pytest.approx(0.5001)  # a third would bring its twin
    assert figures.threshold_at(impostors, 0.4) == pytest.approx(0.3001)


def test_too_few_impostor_pairs_give_no_threshold() -> None:
    assert figures.threshold_at(np.array([0.9, 0.1]), 0.1) is None
    assert figures.threshold_at(np.array([]), 0.1) is None
    assert figures.tar_at(figures.all_pairs(VECTORS, PEOPLE), 1e-3) is None


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=60),
    st.floats(0.001, 0.999),
)
def test_no_threshold_is_ever_laxer_than_stated(similarities: list[float], fmr: float) -> None:
    impostors = np.sort(np.array(similarities))[::-1]
    limit = figures.threshold_at(impostors, fmr)
    if limit is not None:
        assert np.count_nonzero(impostors >= limit) <= fmr * len(impostors) + 1e-6


def test_tar_at_an_fmr_uses_the_peoples_own_impostors() -> None:
    rate = figures.tar_at(figures.all_pairs(VECTORS, PEOPLE), 0.25)
    assert rate is not None
    assert rate.similarity == pytest.approx(math.cos(math.radians(40)) + 1e-4, abs=1e-4)
    assert rate.tar.value == pytest.approx(2 / 3)
    assert rate.impostors == 2


def test_the_curve_leaves_out_what_the_pairs_cannot_say() -> None:
    found = figures.curve(figures.all_pairs(VECTORS, PEOPLE), [0.01, 0.125, 0.5])
    assert found == ((0.125, pytest.approx(1 / 3)), (0.5, pytest.approx(2 / 3)))


def test_the_couple_that_is_most_alike_is_counted() -> None:
    pairs = figures.all_pairs(VECTORS, PEOPLE)
    assert figures.largest_couple(pairs, 0.0) == 4  # Ann and Bob, two pictures each
    assert figures.largest_couple(pairs, 0.9) == 2  # Ann and Cy
    assert figures.largest_couple(pairs, 0.99) == 0


def test_intervals_are_the_same_every_time_and_hold_the_value() -> None:
    random = np.random.default_rng(7)
    centres = np.repeat(random.normal(size=(40, 16)), 4, axis=0)
    vectors = centres + 0.6 * random.normal(size=centres.shape)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    pairs = figures.all_pairs(vectors, np.repeat(np.arange(40), 4).tolist())
    first, again = (figures.tar_at(pairs, 0.01, rounds=200) for _ in range(2))
    assert first == again
    assert first is not None
    assert first.tar.low < first.tar.value < first.tar.high
    low, high = figures.threshold_spread(pairs, 0.01)
    assert low < first.similarity < high


def test_a_bootstrap_of_people_who_are_all_alike_has_no_width() -> None:
    pairs = figures.all_pairs(at_angles(*[0, 0, 90, 90] * 5), np.repeat(np.arange(10), 2).tolist())
    (rate,) = figures.rates(pairs, [0.5], rounds=50)
    assert (rate.tar.low, rate.tar.value, rate.tar.high) == (1.0, 1.0, 1.0)
    assert rate.fmr.low < rate.fmr.value < rate.fmr.high


def test_the_best_threshold_is_the_middle_of_the_equally_good() -> None:
    similarities, same = np.array([0.9, 0.8, 0.7, 0.2, 0.1]), np.array([True, True, True, False, False])
    assert figures.best_threshold(similarities, same) == pytest.approx(0.7)
    mixed = np.array([0.9, 0.3, 0.4, 0.1])
    assert figures.best_threshold(mixed, np.array([True, True, False, False])) == pytest.approx(0.9)
    with pytest.raises(ConversionError, match="no pair"):
        figures.best_threshold(np.array([NAN]), np.array([True]))


def test_a_pair_with_an_unusable_picture_is_told_wrong_either_way() -> None:
    similarities, same = np.array([0.9, NAN, NAN, 0.1]), np.array([True, True, False, False])
    assert figures.correct_pairs(similarities, same, 0.5) == 2


def test_each_folds_threshold_comes_from_the_other_folds() -> None:
    truth = np.array([True, False])
    folds = [(np.array([0.9, 0.6]), truth), (np.array([0.5, 0.1]), truth)]
    # Fold 1 with fold 2's threshold 0.5: its impostor at 0.6 passes. Fold 2 with 0.9: its genuine pair is refused.
    assert figures.across_folds(folds) == (pytest.approx(0.5), pytest.approx(0.0))


def test_wilsons_interval_is_the_published_one() -> None:
    half = figures.wilson(50, 100)
    assert (half.value, half.low, half.high) == pytest.approx((0.5, 0.40383, 0.59617), abs=1e-5)
    none = figures.wilson(0, 10)
    assert (none.value, none.low, none.high) == pytest.approx((0.0, 0.0, 0.27753), abs=1e-5)
    with pytest.raises(ValueError, match="2 of 1 is not a share"):
        figures.wilson(2, 1)

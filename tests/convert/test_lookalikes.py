from __future__ import annotations

import numpy as np
import pytest

from convert.errors import ConversionError
from convert.lookalikes import neighbours, rate, threshold_among


def angles(*degrees: float) -> np.ndarray:
    turned = np.radians(degrees)
    return np.column_stack([np.cos(turned), np.sin(turned)]).astype(np.float32)


# Ann (0) and Bea (1) look alike, Cy (2) has one picture and Di (3) looks like nobody.
PEOPLE = (0, 0, 1, 1, 2, 3, 3)
VECTORS = angles(0, 2, 10, 14, 90, 200, 202)


def test_the_nearest_is_found_with_one_half_and_measured_with_the_other() -> None:
    found = neighbours(VECTORS, PEOPLE, share=0.01)
    assert (found.people, found.nearest) == (3, 1), "Cy has no second picture to measure with"
    # Ann's and Bea's second pictures are 12 degrees apart, Di's and Cy's (her nearest) 112.
    assert found.similarities == pytest.approx(np.cos(np.radians([12, 12, 112])), abs=1e-6)
    assert found.shares(0.9).tolist() == [1.0, 1.0, 0.0]


def test_the_average_stranger_is_less_alike() -> None:
    near, all_of_them = neighbours(VECTORS, PEOPLE, share=0.01), neighbours(VECTORS, PEOPLE, share=1.0)
    assert all_of_them.nearest == 3
    assert rate(all_of_them, 0.9).value < rate(near, 0.9).value


def test_everybody_counts_the_same_however_many_pictures_there_are() -> None:
    crowd = angles(*[0] * 20, *[10] * 4, 200, 200)
    found = neighbours(crowd, [0] * 20 + [1] * 4 + [2] * 2, share=0.01)
    assert np.bincount(found.owners, found.weights).tolist() == pytest.approx([1, 1, 1])
    assert rate(found, 0.9).value == pytest.approx(2 / 3, abs=1e-6)


def test_a_threshold_lets_no_more_pass_than_it_says() -> None:
    random = np.random.default_rng(3)
    vectors = random.normal(0, 1, (400, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = neighbours(vectors, np.repeat(np.arange(100), 4).tolist(), share=0.05)
    limit = threshold_among(found, 0.1)
    assert rate(found, limit).value <= 0.1 < rate(found, limit - 0.005).value
    assert threshold_among(found, 1.0) == -1.0


def test_none_that_passed_is_not_proof_that_none_will() -> None:
    interval = rate(neighbours(VECTORS, PEOPLE), 0.999)
    assert (interval.value, interval.low) == (0.0, 0.0)
    assert interval.high > 0.5, "three people say little"


def test_pictures_without_a_face_are_left_out_and_single_ones_are_not_enough() -> None:
    vectors = VECTORS.copy()
    vectors[6] = np.nan
    assert neighbours(vectors, PEOPLE).people == 2
    with pytest.raises(ConversionError, match="nobody has two usable pictures"):
        neighbours(VECTORS[[0, 2, 4]], (0, 1, 2))

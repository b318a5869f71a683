from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.vision.align import TEMPLATES, align, similarity_transform, warp

TEMPLATE = TEMPLATES["arcface112"]


def turned(points: np.ndarray, degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ turn.T + shift).astype(np.float32)


@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.05, 20),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
@settings(max_examples=100, deadline=None)
def test_a_turned_face_is_brought_back(degrees: float, scale: float, shift: tuple[float, float]) -> None:
    points = turned(TEMPLATE, degrees, scale, shift)
    matrix = similarity_transform(points, TEMPLATE)
    assert np.allclose(points @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=0.05)


def test_no_other_similarity_comes_nearer_to_the_template() -> None:
    rng = np.random.default_rng(3)
    points = turned(TEMPLATE, 12, 1.7, (40, -9)) + rng.normal(0, 3, (5, 2)).astype(np.float32)

    def miss(matrix: np.ndarray) -> float:
        return float(((points @ matrix[:, :2].T + matrix[:, 2] - TEMPLATE) ** 2).sum())

    best = similarity_transform(points, TEMPLATE)
    for _ in range(200):
        turn, across, down = rng.normal(0, 0.01, 2), *rng.normal(0, 0.5, 2)
        other = best + np.array([[turn[0], -turn[1], across], [turn[1], turn[0], down]])
        assert miss(other) > miss(best)


def test_five_marked_points_land_on_the_template() -> None:
    points = turned(TEMPLATE, 20, 2.0, (150, 60))
    image = np.zeros((480, 640, 3), np.uint8)
    for x, y in points:
        cv2.circle(image, (round(float(x)), round(float(y))), 4, (0, 0, 255), -1)
    crop = align(image, points, TEMPLATE, 112)
    assert crop.shape == (112, 112, 3)
    for x, y in TEMPLATE:
        assert crop[round(float(y)), round(float(x)), 0] == 255, "red is the first channel of a crop"


def test_what_lies_outside_of_the_picture_is_black() -> None:
    image = np.full((60, 60, 3), 200, np.uint8)
    crop = align(image, TEMPLATE - 60, TEMPLATE, 112)
    assert not crop[:50, :50].any()
    assert (crop[80:110, 80:110] == 200).all()


def test_points_in_one_spot_have_no_transform() -> None:
    with pytest.raises(ValueError, match="coincide"):
        similarity_transform(np.ones((5, 2), np.float32), TEMPLATE)


def test_no_pixel_of_a_large_photograph_is_skipped() -> None:
    stripes = np.zeros((896, 896, 3), np.uint8)
    stripes[::2] = 255
    crop = warp(stripes, np.array([[0.125, 0.0, 0.0], [0.0, 0.125, 0.0]]), 112)
    assert np.abs(crop[5:-5, 5:-5].astype(int) - 127).max() <= 1


def test_a_large_photograph_is_cut_at_the_same_place_as_a_small_one() -> None:
    small = cv2.GaussianBlur(np.random.default_rng(2).integers(0, 255, (150, 150, 3), np.uint8), (0, 0), 6)
    large = cv2.resize(small, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    points = TEMPLATE + 20
    crops = align(small, points, TEMPLATE, 112), align(large, (points + 0.5) * 8 - 0.5, TEMPLATE, 112)
    assert np.abs(crops[0].astype(int) - crops[1])[5:-5, 5:-5].mean() < 1

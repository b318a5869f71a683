from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.blazeface import blend, decode
from tests.edge.eyes import Image, an_eye, at_the_door
from tests.surfaces import surface

# What a broken network may say among ordinary numbers.
ODD = np.array([0, 1e4, -1e4, 3e38, -3e38, np.inf, -np.inf, np.nan], np.float32)


def row(score: float, left: float, top: float, right: float, bottom: float) -> list[float]:
    return [score, left, top, right, bottom, *range(12)]


def raw(anchor: int, score: float, values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    boxes, scores = np.zeros((896, 16), np.float32), np.full(896, -100, np.float32)
    boxes[anchor, : len(values)], scores[anchor] = values, score
    return boxes, scores


@pytest.mark.parametrize(
    ("anchor", "centre"),
    [(0, (8, 8)), (1, (8, 8)), (2, (24, 8)), (32, (8, 24)), (511, (248, 248)), (512, (16, 16)), (895, (240, 240))],
)
def test_an_anchor_is_where_the_network_learned_it(anchor: int, centre: tuple[int, int]) -> None:
    (found,) = decode(*raw(anchor, 3.0, [2, -1, 20, 30, 5, 6]), minimum=0.5)
    x, y = centre[0] + 2, centre[1] - 1
    assert found[0] == pytest.approx(1 / (1 + np.exp(-3)))
    assert found[1:5].tolist() == [x - 10, y - 15, x + 10, y + 15]
    assert found[5:7].tolist() == [centre[0] + 5, centre[1] + 6]


@pytest.mark.parametrize(("score", "faces"), [(0.01, 1), (-0.01, 0), (np.nan, 0), (np.inf, 1), (-np.inf, 0)])
def test_the_score_decides_what_is_reported(score: float, faces: int) -> None:
    assert len(decode(*raw(7, score, [0, 0, 10, 10]), minimum=0.5)) == faces


@pytest.mark.parametrize(
    "values",
    [
        [0, 0, -10, 10],
        [0, 0, 10, 0],
        [np.nan, 0, 10, 10],
        [0, np.inf, 10, 10],
        [0, 0, 1e30, 10],
        [0, 0, 10, 10, np.nan],
    ],
)
def test_an_impossible_box_is_dropped(values: list[float]) -> None:
    assert len(decode(*raw(7, 9.0, values), minimum=0.5)) == 0


def test_overlapping_boxes_become_one_at_their_weighted_middle() -> None:
    (face,) = blend(np.array([row(0.6, 14, 10, 54, 50), row(0.9, 10, 10, 50, 50)]))
    assert face[0] == pytest.approx(0.9)
    assert face[1] == pytest.approx((0.9 * 10 + 0.6 * 14) / 1.5)
    assert face[2:5].tolist() == pytest.approx([10, (0.9 * 50 + 0.6 * 54) / 1.5, 50])


def test_boxes_that_hardly_overlap_stay_two() -> None:
    faces = blend(np.array([row(0.6, 40, 0, 80, 40), row(0.9, 0, 0, 50, 40)]))
    assert [face[0] for face in faces] == [0.9, 0.6]


@pytest.mark.parametrize("count", [0, 1, 10_000])
def test_any_number_of_boxes_is_blended(count: int) -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 200, (count, 2))
    boxes = np.hstack([rng.uniform(0.5, 1, (count, 1)), corners, corners + rng.uniform(5, 50, (count, 2))])
    faces = blend(np.hstack([boxes, np.zeros((count, 12))]))
    assert min(count, 1) <= len(faces) <= count


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1), minimum=st.sampled_from([0.1, 0.5, 1.0]))
@surface("networks' answers", 150)
def test_whatever_the_network_says_boxes_are_finite(seed: int, share: float, minimum: float) -> None:
    rng = np.random.default_rng(seed)
    outputs = rng.normal(0, 60, (896, 17)).astype(np.float32)
    broken = rng.random(outputs.shape) < share**4
    outputs[broken] = rng.choice(ODD, broken.sum())
    for face in blend(decode(outputs[:, :16], outputs[:, 16], minimum)):
        assert np.isfinite(face).all()
        assert (face[3:5] > face[1:3]).all()
        assert minimum - 1e-6 <= face[0] <= 1


@pytest.mark.parametrize("share", [0.1, 0.2, 0.35])
@pytest.mark.parametrize(("across", "down"), [(640, 480), (480, 640), (1280, 720), (250, 250)])
def test_a_face_is_found_near_and_far(faces: dict[str, Any], share: float, across: int, down: int) -> None:
    width = share * max(across, down)
    head: Image = faces["resident"][:280, 80:360]  # its face is 105 pixels wide
    largest = an_eye().detect(at_the_door((head, round(width * 280 / 105)), width=across, height=down))[0]
    assert largest.box.width == pytest.approx(width, rel=0.25)
    right_eye, left_eye = largest.keypoints[0], largest.keypoints[1]
    assert 0.2 < (left_eye[0] - right_eye[0]) / largest.box.width < 0.7


def test_an_empty_hall_holds_no_face() -> None:
    assert an_eye().detect(at_the_door()) == ()

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.settings import QualitySettings
from edge.values import Box, Crop, Face, Quality
from edge.vision import quality
from edge.vision.align import TEMPLATES
from tests.edge.eyes import Image, an_eye, at_the_door, frame

TEMPLATE = TEMPLATES["arcface112"]
GATE = QualitySettings()


@pytest.fixture(scope="module")
def crop(faces: dict[str, Any]) -> Crop:
    """The resident, as good as she gets."""
    found = an_eye().look(frame(faces["resident"])).crop
    assert found is not None
    return found


def judged(crop: Crop, change: Callable[[Image], Image] = lambda pixels: pixels, **face: Any) -> Quality:
    return quality.measure(change(crop.pixels), replace(crop.face, **face), GATE)


def lit(gain: float, offset: float = 0.0) -> Callable[[Image], Image]:
    return lambda pixels: np.clip(pixels * gain + offset, 0, 255).astype(np.uint8)


def nose_moved(across: float, down: float) -> np.ndarray:
    points = TEMPLATE.copy()
    points[2] += np.array([across, down], np.float32)
    return points


def test_a_good_face_is_not_refused(crop: Crop) -> None:
    assert judged(crop).refusal is None


@pytest.mark.parametrize(
    ("word", "change", "face"),
    [
        ("not_a_face", lit(1), {"presence": 0.89}),
        ("not_a_face", lit(1), {"presence": None}),
        ("not_a_face", lit(1), {"presence": float("nan")}),
        ("too_small", lit(1), {"box": Box(0, 0, 80, 59)}),
        ("too_small", lit(1), {"box": Box(0, 0, float("nan"), 80)}),
        ("too_dark", lit(0.2), {}),
        ("too_bright", lit(0.2, 200), {}),
        ("low_contrast", lit(0.1, 110), {}),
        ("turned", lit(1), {"landmarks": nose_moved(20, 0)}),
        ("turned", lit(1), {"landmarks": nose_moved(-20, 0)}),
        ("turned", lit(1), {"landmarks": nose_moved(0, 14)}),
        ("turned", lit(1), {"landmarks": nose_moved(0, -14)}),
        ("turned", lit(1), {"landmarks": TEMPLATE[:, ::-1].copy()}),
        ("turned", lit(1), {"landmarks": None}),
        ("turned", lit(1), {"landmarks": np.full((5, 2), np.nan, np.float32)}),
        ("turned", lit(1), {"landmarks": np.zeros((5, 2), np.float32)}),
        ("blurred", lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 4), {}),
    ],
)
def test_a_bad_face_is_refused_in_one_word(
    crop: Crop, word: str, change: Callable[[Image], Image], face: dict[str, Any]
) -> None:
    assert judged(crop, change, **face).refusal == word


def test_the_most_fundamental_reason_is_the_one_told(crop: Crop) -> None:
    faults: dict[str, Any] = {"landmarks": nose_moved(30, 0)}
    told = [judged(crop, lit(0.02, 100), **faults).refusal, judged(crop, lit(0.1), **faults).refusal]
    for worse in ({"box": Box(0, 0, 9, 9)}, {"presence": 0.0}):
        faults |= worse
        told.append(judged(crop, lit(0.1), **faults).refusal)
    assert told == ["low_contrast", "too_dark", "too_small", "not_a_face"]


def test_brightness_and_contrast_are_those_of_the_luma() -> None:
    halves = np.zeros((112, 112, 3), np.uint8)
    halves[:, 56:] = 200
    measured = quality.measure(halves, Face(Box(0, 0, 90, 100), 1.0, np.zeros((6, 2), np.float32)), GATE)
    assert (measured.brightness, measured.contrast, measured.size) == pytest.approx((100, 100, 90))


def test_blur_lowers_the_sharpness_step_by_step(crop: Crop) -> None:
    blurred = [judged(crop, lambda p, s=sigma: cv2.GaussianBlur(p, (0, 0), s)).sharpness for sigma in (0.5, 1, 2, 4)]
    assert [judged(crop).sharpness, *blurred] == sorted([judged(crop).sharpness, *blurred], reverse=True)


def test_a_small_face_is_not_sharp_however_large_its_crop(faces: dict[str, Any]) -> None:
    head: Image = faces["resident"][:280, 80:360]
    probes = [an_eye().look(frame(at_the_door((head, width)))) for width in (480, 240, 120)]
    sharpness = [probe.quality.sharpness for probe in probes if probe.quality]
    assert len(sharpness) == 3
    assert sharpness == sorted(sharpness, reverse=True)


def test_a_frontal_face_looks_straight_ahead() -> None:
    yaw, pitch, roll = quality.pose(TEMPLATE)
    assert abs(yaw) < 0.02
    assert abs(pitch) < 0.02
    assert abs(roll) < 1


def test_the_signs_of_a_turn() -> None:
    assert quality.pose(nose_moved(5, 0))[0] > 0.1
    assert quality.pose(nose_moved(0, 5))[1] > 0.1
    assert quality.pose(nose_moved(-5, -5))[0] < -0.1


@given(degrees=st.floats(-170, 170), scale=st.floats(0.1, 10))
@settings(max_examples=100, deadline=None)
def test_tilting_and_nearing_change_nothing_but_the_roll(degrees: float, scale: float) -> None:
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    yaw, pitch, roll = quality.pose(nose_moved(4, -3))
    tilted = quality.pose((nose_moved(4, -3) @ turn.T).astype(np.float32))
    assert tilted[:2] == pytest.approx((yaw, pitch), abs=1e-3)
    assert (tilted[2] - roll - degrees + 180) % 360 - 180 == pytest.approx(0, abs=0.1)


@pytest.mark.data
def test_nearly_all_ordinary_portraits_pass(data: Any) -> None:
    pictures = sorted((data / "lfw").glob("*/*.jpg"))[::47]
    eye = an_eye()
    passed = [eye.look(frame(cv2.imread(str(path)))).embedding is not None for path in pictures]
    assert len(passed) > 150
    assert np.mean(passed) >= 0.95

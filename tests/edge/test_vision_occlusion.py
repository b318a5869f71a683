"""A covered mouth or covered eyes are noticed; light, blur, noise and spectacles' owners are not taken for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.settings import QualitySettings
from edge.values import Crop
from edge.vision import quality
from tests.edge.eyes import Image, an_eye, frame
from tests.edge.test_door_scene import clip

GATE = QualitySettings()
MOUTH = np.s_[72:112, 14:98]
EYES = np.s_[42:64, 18:94]
SKIN, BLUE, BLACK = (205, 165, 145), (110, 150, 200), (30, 30, 30)


@pytest.fixture(scope="module")
def crops(faces: dict[str, Any]) -> dict[str, Crop]:
    eye = an_eye()
    found = {name: eye.look(frame(image)).crop for name, image in faces.items()}
    assert None not in found.values()
    return {name: crop for name, crop in found.items() if crop is not None}


def covered(where: tuple[slice, slice], colour: tuple[int, int, int]) -> Callable[[Image], Image]:
    """By something with folds and the sensor's noise."""

    def cover(pixels: Image) -> Image:
        rng = np.random.default_rng(3)
        shape = pixels[where].shape[:2]
        folds = cv2.GaussianBlur(rng.normal(0, 60, shape).astype(np.float32), (0, 0), 4)
        cloth = np.array(colour) + folds[..., None] + rng.normal(0, 3, (*shape, 3))
        changed = pixels.copy()
        changed[where] = np.clip(cloth, 0, 255).astype(np.uint8)
        return changed

    return cover


def seen(change: Callable[[Image], Any]) -> Callable[[Image], Image]:
    return lambda pixels: np.clip(np.asarray(change(pixels.astype(np.float32))), 0, 255).astype(np.uint8)


NOISE = np.random.default_rng(7).normal(0, 8, (112, 112, 3))
PLAIN: dict[str, Callable[[Image], Image]] = {
    "as it is": lambda pixels: pixels,
    "darker": seen(lambda pixels: pixels * 0.5),
    "brighter": seen(lambda pixels: pixels * 0.7 + 70),
    "hazy": seen(lambda pixels: pixels * 0.4 + 80),
    "noisy": seen(lambda pixels: pixels + NOISE),
    "less sharp": seen(lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 1.2)),
    "mirrored": lambda pixels: np.ascontiguousarray(pixels[:, ::-1]),
}


@pytest.mark.parametrize("name", ["resident", "stranger"])
@pytest.mark.parametrize("change", PLAIN.values(), ids=PLAIN)
def test_an_open_face_is_not_covered(crops: dict[str, Crop], name: str, change: Callable[[Image], Image]) -> None:
    assert quality.measure(change(crops[name].pixels), crops[name].face, GATE).refusal is None


@pytest.mark.parametrize("name", ["resident", "stranger"])
@pytest.mark.parametrize("light", ["as it is", "darker", "noisy"])
@pytest.mark.parametrize(
    ("where", "colour", "word"),
    [
        (MOUTH, BLUE, "covered_mouth"),
        (MOUTH, SKIN, "covered_mouth"),
        (MOUTH, BLACK, "covered_mouth"),
        (EYES, BLACK, "covered_eyes"),
    ],
)
def test_a_covered_face_is_refused(
    crops: dict[str, Crop], name: str, light: str, where: Any, colour: tuple[int, int, int], word: str
) -> None:
    pixels = PLAIN[light](covered(where, colour)(crops[name].pixels))
    assert quality.measure(pixels, crops[name].face, GATE).refusal == word


def test_a_crop_of_another_size_is_judged_alike(crops: dict[str, Crop]) -> None:
    crop = crops["resident"]
    larger = cv2.resize(crop.pixels, (160, 160), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    one, other = (quality.measure(pixels, crop.face, GATE) for pixels in (crop.pixels, larger))
    assert other.mouth == pytest.approx(one.mouth, rel=0.1)
    assert other.eyes == pytest.approx(one.eyes, rel=0.1)


@pytest.mark.data
def test_in_real_clips_a_hand_before_the_mouth_is_noticed_and_an_open_face_hardly_ever_taken_for_it(data: Path) -> None:
    """The man of `bird` holds his hand before his mouth for half of it; in the others nobody covers anything."""
    eye = an_eye(quality=QualitySettings(minimum_face_pixels=30))

    def words(name: str) -> Counter[str | None]:
        qualities = [eye.look(frame(picture)).quality for picture in clip(data / "clips" / name)]
        return Counter(one.refusal for one in qualities if one is not None)

    bird = words("asl_gestures/bird.mkv")
    assert bird["covered_mouth"] + bird["covered_eyes"] > bird.total() / 3
    assert bird["covered_mouth"] > bird["covered_eyes"], "its edges make the eyes look faint, too"
    for name in ("asl_gestures/again.mkv", "asl_gestures/sister.mkv", "preview/head-pose-face-detection-male.gif"):
        assert set(words(name)) == {None}

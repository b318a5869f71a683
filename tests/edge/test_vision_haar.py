"""The cascade of the classic tutorials: upright faces only, and never without OpenCV 4."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ModelError
from edge.vision import Eye
from edge.vision.haar import Haar
from tests.edge.eyes import Image, an_eye, at_the_door, frame
from tests.surfaces import surface


@pytest.fixture(scope="module")
def eye() -> Eye:
    return an_eye(detector="haar")


@pytest.fixture
def heads(faces: dict[str, Any]) -> tuple[Image, Image]:
    return faces["resident"][:280, 80:360], faces["stranger"][:420, 20:460]


@pytest.mark.parametrize("share", [0.1, 0.2, 0.35])
@pytest.mark.parametrize(("across", "down"), [(640, 480), (480, 640), (1280, 720)])
def test_a_face_is_found_near_and_far(eye: Eye, faces: dict[str, Any], share: float, across: int, down: int) -> None:
    width = share * max(across, down)
    head: Image = faces["resident"][:280, 80:360]  # its face is 105 pixels wide
    largest = eye.detect(at_the_door((head, round(width * 280 / 105)), width=across, height=down))[0]
    assert largest.box.width == pytest.approx(width, rel=0.25)
    assert largest.score == 1, "it says yes or no"


@pytest.mark.parametrize("who", [0, 1])
def test_its_box_and_guessed_eyes_are_near_those_of_blazeface(eye: Eye, heads: tuple[Image, Image], who: int) -> None:
    picture = at_the_door((heads[who], 300))
    mine, other = eye.detect(picture)[0], an_eye().detect(picture)[0]
    assert mine.keypoints.shape == (2, 2)
    assert np.abs(mine.keypoints - other.keypoints[:2]).max() < 0.2 * other.box.width
    assert mine.box.overlap(other.box) > 0.6


def test_a_person_is_the_same_whichever_detector_found_them(eye: Eye, heads: tuple[Image, Image]) -> None:
    pictures = [at_the_door((head, 300)) for head in heads]
    assert set(eye.cards) == {"landmarks", "embedder"}
    mine, other = ([one.look(frame(picture)).embedding for picture in pictures] for one in (eye, an_eye()))
    assert mine[0] is not None
    assert mine[1] is not None
    assert other[0] is not None
    assert mine[0].vector @ other[0].vector > 0.9
    assert mine[0].vector @ mine[1].vector < 0.3


def test_two_people_are_two(heads: tuple[Image, Image]) -> None:
    both = frame(at_the_door((heads[0], 300), (heads[1], 250)))
    assert an_eye(detector="haar", faces="refuse").look(both).faces == 2


def test_an_empty_hall_holds_no_face(eye: Eye) -> None:
    assert eye.look(frame(at_the_door())).faces == 0


@given(seed=st.integers(0, 1000), height=st.integers(8, 700), width=st.integers(8, 700))
@surface("camera frames", 25)
def test_noise_of_any_shape_is_nobody(eye: Eye, seed: int, height: int, width: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    assert eye.look(frame(noise)).embedding is None


@pytest.mark.parametrize("shape", [(8, 16384, 3), (16384, 8, 3), (9, 9, 3), (7, 640, 3), (480, 640), (480, 640, 4)])
def test_what_is_hardly_a_picture_is_nobody(eye: Eye, shape: tuple[int, ...]) -> None:
    assert eye.look(frame(np.full(shape, 127, np.uint8))).faces == 0


def test_opencv_5_is_told_from_opencv_4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "CascadeClassifier")
    monkeypatch.setattr(cv2, "__version__", "5.0.0")
    with pytest.raises(ModelError, match=r"vision\.detector: haar needs OpenCV 4, and this is 5\.0\.0"):
        Haar()


@pytest.mark.parametrize("content", [None, "", "<opencv_storage><cascade/></opencv_storage>", "\x00 not a cascade"])
def test_an_opencv_without_its_cascade_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    monkeypatch.setattr(cv2, "__file__", str(tmp_path / "cv2.so"))
    if content is not None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "haarcascade_frontalface_default.xml").write_text(content)
    with pytest.raises(ModelError, match=r"comes without haarcascade_frontalface_default\.xml"):
        an_eye(detector="haar")


@pytest.mark.data
def test_people_without_a_usable_face_are_never_embedded(eye: Eye, data: Path) -> None:
    video = cv2.VideoCapture(str(data / "clips" / "one-by-one-person-detection.mp4"))
    embedded, number = [], 0
    while video.grab():
        number += 1
        if number % 12 == 0 and eye.look(frame(np.asarray(video.retrieve()[1], np.uint8))).embedding:
            embedded.append(number)
    video.release()
    assert number > 1000
    assert embedded == []

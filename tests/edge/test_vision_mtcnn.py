"""The cascade: each step on made-up numbers, then the whole on real faces."""

from __future__ import annotations

import json
import shutil
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ModelError
from edge.settings import QualitySettings
from edge.vision import Eye
from edge.vision.mtcnn import CANVAS, COPIES, NETWORKS, PROPOSALS, SIDE, correct, lay_out, propose, square, thin_out
from tests.edge.eyes import MODELS, Image, an_eye, at_the_door, frame
from tests.surfaces import surface

NOWHERE = np.full((*PROPOSALS, 5), -100.0, np.float32)
ODD = np.array([np.nan, np.inf, -np.inf, 0, 1e30, -1e30], np.float32)


@pytest.fixture(scope="module")
def eye() -> Eye:
    return an_eye(detector="mtcnn")


@pytest.fixture
def heads(faces: dict[str, Any]) -> tuple[Image, Image]:
    return faces["resident"][:280, 80:360], faces["stranger"][:420, 20:460]


def test_no_two_sizes_of_the_picture_share_a_place_on_the_canvas() -> None:
    assert all(copy.left + copy.side <= CANVAS[1] and copy.top + copy.side <= CANVAS[0] for copy in COPIES)
    assert all(number % 2 == 0 for copy in COPIES for number in copy), "P-Net looks at every second pixel"
    for one, other in combinations(COPIES, 2):
        apart_across = one.left + one.side <= other.left or other.left + other.side <= one.left
        apart_down = one.top + one.side <= other.top or other.top + other.side <= one.top
        assert apart_across or apart_down


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (250, 250), (1280, 720), (16, 12)])
def test_every_size_of_the_picture_stands_in_its_corner(width: int, height: int) -> None:
    canvas, scale = lay_out(np.full((height, width, 3), (10, 20, 30), np.uint8))
    assert scale == SIDE / max(width, height)
    for side, left, top in COPIES:
        across, down = (round(length * scale * side / SIDE) for length in (width, height))
        drawn = min(across, down) >= 12
        assert (canvas[top, left] == ((30, 20, 10) if drawn else (0, 0, 0))).all()
        if drawn:
            assert (canvas[top + down - 1, left + across - 1] == (30, 20, 10)).all()


@pytest.mark.parametrize("number", range(len(COPIES)))
def test_a_cell_of_the_canvas_is_a_square_in_the_picture(number: int) -> None:
    side, left, top = COPIES[number]
    cells = NOWHERE.copy()
    cells[top // 2 + 1, left // 2 + 2] = (0, 0, 0, 0, 3.0)
    (row,) = propose(cells, (SIDE, SIDE), 1.0)
    assert row[0] == pytest.approx(1 / (1 + np.exp(-3)))
    assert row[1:] == pytest.approx(np.array([4, 2, 16, 14]) * SIDE / side)


def test_a_cell_that_sees_two_sizes_at_once_says_nothing() -> None:
    largest = COPIES[0]
    cells = NOWHERE.copy()
    cells[:, (largest.side - 12) // 2 + 1 : largest.side // 2] = (0, 0, 0, 0, 9.0)
    assert len(propose(cells, (SIDE, SIDE), 1.0)) == 0


def test_corrections_and_points_are_shares_of_the_box() -> None:
    box = np.array([[0.5, 100, 200, 140, 260]])
    said = np.array([[0.1, -0.1, 0.25, 0.5, 2.0, *(0.0, 0.25, 0.5, 0.75, 1.0), *(0.0, 0.1, 0.2, 0.3, 0.4)]])
    (row,) = correct(box, said, 0.5)
    assert row[1:5].tolist() == [104, 194, 150, 290]
    assert row[5:].reshape(5, 2).tolist() == [[100, 200], [110, 206], [120, 212], [130, 218], [140, 224]]


@pytest.mark.parametrize(("logit", "kept"), [(0.01, 1), (-0.01, 0), (np.nan, 0), (np.inf, 1), (-np.inf, 0)])
def test_the_score_decides_what_goes_on(logit: float, kept: int) -> None:
    assert len(correct(np.array([[0, 0, 0, 12, 12.0]]), np.array([[0, 0, 0, 0, logit]]), 0.5)) == kept


@pytest.mark.parametrize("said", [[np.nan, 0, 0, 0], [0, 5, 0, 0], [0.6, 0, -0.6, 0], [0, 0, 0, -np.inf]])
def test_an_impossible_correction_ends_a_box(said: list[float]) -> None:
    assert len(correct(np.array([[0, 0, 0, 12, 12.0]]), np.array([[*said, 9.0]]), 0.5)) == 0


def test_of_overlapping_boxes_the_best_stays() -> None:
    rows = np.array([[0.7, 0, 0, 40, 40], [0.9, 2, 0, 42, 40], [0.8, 100, 0, 140, 40]])
    assert thin_out(rows, 0.7)[:, 0].tolist() == [0.9, 0.8]


@pytest.mark.parametrize(("of_smaller", "left"), [(False, 2), (True, 1)])
def test_a_box_inside_another_goes_when_the_smaller_counts(of_smaller: bool, left: int) -> None:  # noqa: FBT001
    rows = np.array([[0.9, 0, 0, 100, 100], [0.8, 30, 30, 60, 60]])
    assert len(thin_out(rows, 0.7, of_smaller=of_smaller)) == left


def test_a_box_grows_to_a_square_around_its_middle() -> None:
    assert square(np.array([[0.5, 10, 20, 30, 60]])).tolist() == [[0.5, 0, 20, 40, 60]]


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
@surface("networks' answers", 100)
def test_whatever_a_network_says_boxes_are_finite(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    outputs = rng.normal(0, 1, (300, 15))
    broken = rng.random(outputs.shape) < share**6
    outputs[broken] = rng.choice(ODD, broken.sum())
    corners = rng.uniform(0, 400, (300, 2))
    rows = thin_out(correct(np.column_stack([corners[:, 0], corners, corners + 20]), outputs, 0.5), 0.7)
    assert np.isfinite(rows).all()
    assert (rows[:, 3:5] > rows[:, 1:3]).all()


@pytest.mark.parametrize("share", [0.1, 0.2, 0.35])
@pytest.mark.parametrize(("across", "down"), [(640, 480), (480, 640), (1280, 720), (250, 250)])
def test_a_face_is_found_near_and_far(eye: Eye, faces: dict[str, Any], share: float, across: int, down: int) -> None:
    width = share * max(across, down)
    head: Image = faces["resident"][:280, 80:360]  # its face is 105 pixels wide
    largest = eye.detect(at_the_door((head, round(width * 280 / 105)), width=across, height=down))[0]
    assert largest.box.width == pytest.approx(width, rel=0.25)
    assert largest.score > 0.9


@pytest.mark.parametrize("who", [0, 1])
def test_its_eyes_nose_and_box_are_where_blazeface_sees_them(eye: Eye, heads: tuple[Image, Image], who: int) -> None:
    picture = at_the_door((heads[who], 300))
    mine, other = eye.detect(picture)[0], an_eye().detect(picture)[0]
    assert mine.keypoints.shape == (5, 2)
    assert np.abs(mine.keypoints[:3] - other.keypoints[:3]).max() < 0.08 * other.box.width
    assert mine.box.overlap(other.box) > 0.75


@pytest.mark.parametrize("points", ["mesh", "detector"])
def test_a_person_is_the_same_whichever_detector_found_them(heads: tuple[Image, Image], points: Any) -> None:
    pictures = [at_the_door((head, 300)) for head in heads]
    eye = an_eye(detector="mtcnn", points=points)
    assert set(eye.cards) == {"proposals", "refinement", "detector", "landmarks", "embedder"}
    mine, other = ([one.look(frame(picture)).embedding for picture in pictures] for one in (eye, an_eye()))
    assert mine[0] is not None
    assert mine[1] is not None
    assert other[0] is not None
    assert mine[0].vector @ other[0].vector > 0.9
    assert mine[0].vector @ mine[1].vector < 0.3


def test_its_own_points_align_only_what_the_mesh_believes(heads: tuple[Image, Image]) -> None:
    eye, picture = an_eye(detector="mtcnn", points="detector"), at_the_door((heads[0], 300))
    (found,) = eye.detect(picture)
    examined = eye.examine(picture, found)
    assert examined.landmarks is found.keypoints
    assert (examined.presence or 0) > 0.9
    assert eye.look(frame(at_the_door())).faces == 0


def test_a_tilted_head_is_found(eye: Eye, heads: tuple[Image, Image]) -> None:
    turn = cv2.getRotationMatrix2D((320, 150), 25, 1)
    tilted = cv2.warpAffine(at_the_door((heads[0], 300)), turn, (640, 480), borderValue=(90, 90, 90))
    assert eye.look(frame(np.asarray(tilted, np.uint8))).embedding is not None


def test_a_face_cut_by_the_edge_reaches_over_it(eye: Eye, heads: tuple[Image, Image]) -> None:
    picture = at_the_door((heads[0], 560))[:, 240:]
    found = eye.detect(np.ascontiguousarray(picture))
    assert found, "half of a face is a face"
    assert found[0].box.x < 10


def test_an_empty_hall_holds_no_face(eye: Eye) -> None:
    assert eye.detect(at_the_door()) == ()


@given(seed=st.integers(0, 1000), height=st.integers(8, 700), width=st.integers(8, 700))
@surface("camera frames", 25)
def test_noise_of_any_shape_is_nobody(eye: Eye, seed: int, height: int, width: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    assert eye.look(frame(noise)).embedding is None


@pytest.mark.parametrize("shape", [(8, 16384, 3), (16384, 8, 3), (9, 9, 3), (7, 640, 3), (480, 640), (480, 640, 4)])
def test_what_is_hardly_a_picture_is_nobody(eye: Eye, shape: tuple[int, ...]) -> None:
    assert eye.look(frame(np.full(shape, 127, np.uint8))).faces == 0
    assert eye.look(frame(np.full(shape, 0.5, np.float32))).faces == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("role", NETWORKS.values())
def test_another_network_in_its_place_is_refused(tmp_path: Path, role: str) -> None:
    models = Path(shutil.copytree(MODELS, tmp_path / "models"))
    shutil.copy(models / "facemesh.tflite", models / f"{role}.tflite")
    cards = [json.loads((MODELS / f"{name}.json").read_bytes()) for name in (role, "facemesh")]
    swapped = cards[0] | {key: cards[1][key] for key in ("sha256", "bytes", "input", "output")}
    (models / f"{role}.json").write_text(json.dumps(swapped))
    with pytest.raises(ModelError, match=rf"{role}: is not the {role} of an MTCNN"):
        an_eye(detector="mtcnn", models=models)


@pytest.mark.data
def test_the_three_who_walk_up_are_found(data: Path) -> None:
    near = an_eye(detector="mtcnn", quality=QualitySettings(minimum_face_pixels=20))
    video = cv2.VideoCapture(str(data / "clips" / "preview" / "face-demographics-walking-and-pause.gif"))
    most = 0
    while video.grab():
        picture = np.asarray(video.retrieve()[1], np.uint8)
        believed = [near.examine(picture, face).presence or 0 for face in near.detect(picture)]
        most = max(most, sum(presence > 0.9 for presence in believed))
    video.release()
    assert most >= 3

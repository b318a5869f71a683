from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge.errors import ModelError
from edge.settings import QualitySettings
from edge.values import Box, Crop, Embedding, Face, Frame, Probe
from edge.vision import Eye
from edge.vision.embedder import Embedder
from edge.vision.mesh import read
from edge.vision.runtime import Network
from tests.edge.eyes import MODELS, NETWORKS, Image, an_eye, at_the_door, frame
from tests.surfaces import surface

# Clips of a man with a skull printed on his hoodie, half a metre below his face.
SKULL = ("again", "brother", "help", "night", "no", "sister", "student", "yes")


@pytest.fixture(scope="module")
def eye() -> Eye:
    return an_eye()


@pytest.fixture(scope="module")
def near_eye() -> Eye:
    """An eye that takes small faces too."""
    return an_eye(quality=QualitySettings(minimum_face_pixels=20))


@pytest.fixture
def heads(faces: dict[str, Any]) -> tuple[Image, Image]:
    """Resident and stranger, cut so that a face is about a third of the picture's width."""
    return faces["resident"][:280, 80:360], faces["stranger"][:420, 20:460]


def vector(probe: Probe) -> np.ndarray:
    assert probe.embedding is not None
    return probe.embedding.vector


def test_a_good_face_becomes_a_unit_vector(eye: Eye, heads: tuple[Image, Image]) -> None:
    probe = eye.look(frame(at_the_door((heads[0], 300))))
    assert probe.faces == 1
    assert probe.quality is not None
    assert probe.quality.refusal is None
    assert probe.embedding is not None
    assert probe.embedding.space == eye.space
    assert probe.embedding.vector.shape == eye.cards["embedder"].output.shape[1:]
    assert np.linalg.norm(vector(probe)) == pytest.approx(1, abs=1e-6)
    assert not probe.embedding.vector.flags.writeable
    assert probe.crop is not None
    assert not probe.crop.pixels.flags.writeable
    assert all(spent > 0 for spent in (probe.timings.detect, probe.timings.landmarks, probe.timings.embed))


def test_the_same_person_is_alike_and_another_is_not(eye: Eye, heads: tuple[Image, Image]) -> None:
    near, far, other = (
        vector(eye.look(frame(at_the_door(person)))) for person in ((heads[0], 400), (heads[0], 200), (heads[1], 300))
    )
    assert near @ far > 0.9
    assert near @ other < 0.3


def test_a_tilted_head_is_the_same_person(eye: Eye, heads: tuple[Image, Image]) -> None:
    upright = at_the_door((heads[0], 300))
    turn = cv2.getRotationMatrix2D((320, 150), 25, 1)
    tilted = cv2.warpAffine(upright, turn, (640, 480), borderValue=(90, 90, 90))
    probe = eye.look(frame(tilted))
    assert probe.quality is not None
    assert probe.quality.roll == pytest.approx(-25, abs=6)
    assert vector(probe) @ vector(eye.look(frame(upright))) > 0.85


def test_nobody_is_nobody(eye: Eye) -> None:
    probe = eye.look(frame(at_the_door()))
    assert (probe.faces, probe.face, probe.crop, probe.quality, probe.embedding) == (0, None, None, None, None)


def test_a_bad_face_is_measured_but_not_embedded(eye: Eye, heads: tuple[Image, Image]) -> None:
    probe = eye.look(frame(at_the_door((heads[0], 120))))
    assert probe.faces == 1
    assert probe.crop is not None
    assert probe.quality is not None
    assert probe.quality.refusal == "too_small"
    assert probe.embedding is None


@pytest.mark.parametrize(("faces_rule", "confirmed"), [("nearest", 1), ("refuse", 2)])
def test_the_larger_of_two_people_is_chosen(heads: tuple[Image, Image], faces_rule: Any, confirmed: int) -> None:
    probe = an_eye(faces=faces_rule).look(frame(at_the_door((heads[0], 300), (heads[1], 200))))
    assert probe.faces == confirmed
    assert probe.face is not None
    assert probe.face.box.x < 320


def test_people_far_behind_do_not_count(heads: tuple[Image, Image]) -> None:
    probe = an_eye(faces="refuse").look(frame(at_the_door((heads[0], 300), (heads[1], 60))))
    assert probe.faces == 1


@pytest.mark.parametrize(("other_width", "stays"), [(285, True), (180, False)])
def test_the_face_of_the_visit_stays_chosen_while_it_is_not_much_smaller(
    eye: Eye, heads: tuple[Image, Image], other_width: int, *, stays: bool
) -> None:
    picture = at_the_door((heads[0], 320), (heads[0], other_width))
    larger, smaller = (face.box for face in eye.detect(picture))
    probe = eye.look(frame(picture), keep=Box(smaller.x + 3, smaller.y - 2, smaller.width, smaller.height))
    assert probe.face is not None
    assert probe.face.box == (smaller if stays else larger)


def test_a_face_kept_from_elsewhere_changes_nothing(eye: Eye, heads: tuple[Image, Image]) -> None:
    picture = at_the_door((heads[0], 300), (heads[1], 280))
    assert eye.look(frame(picture), keep=Box(0, 400, 50, 50)).face is not None
    assert eye.look(frame(picture), keep=Box(0, 400, 50, 50)).face.box == eye.look(frame(picture)).face.box


@given(
    image=arrays.arrays(
        st.sampled_from([np.uint8, np.float32, np.int64, np.bool_]),
        # No more than fits into memory: four times 200 would be a frame of 13 GB.
        st.lists(st.sampled_from([0, 1, 3, 4, 7, 8, 30, 200]), max_size=4)
        .filter(lambda s: np.prod(s) < 1e6)
        .map(tuple),
        elements=st.sampled_from([0, 1]),
    ),
    keep=st.none() | st.builds(Box, *[st.floats()] * 4),
)
@surface("camera frames", 150)
def test_a_strange_array_is_nobody(eye: Eye, image: Any, keep: Box | None) -> None:
    assert eye.look(frame(image), keep).embedding is None


@given(seed=st.integers(0, 1000), height=st.integers(8, 700), width=st.integers(8, 700))
@surface("camera frames", 40)
def test_noise_of_any_shape_is_nobody(eye: Eye, seed: int, height: int, width: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    assert eye.look(frame(noise)).embedding is None


@pytest.mark.parametrize("shape", [(8, 16384, 3), (16384, 8, 3), (16385, 8, 3), (7, 640, 3)])
def test_a_sliver_is_nobody(eye: Eye, shape: tuple[int, ...]) -> None:
    assert eye.look(frame(np.full(shape, 127, np.uint8))).faces == 0


def test_a_mirrored_view_of_memory_is_a_picture_too(eye: Eye, heads: tuple[Image, Image]) -> None:
    picture = at_the_door((heads[0], 300))
    mirrored = eye.look(frame(picture[:, ::-1]))
    assert vector(mirrored) @ vector(eye.look(frame(picture))) > 0.8


def test_a_face_that_nobody_examined_cannot_be_cut(eye: Eye, heads: tuple[Image, Image]) -> None:
    picture = at_the_door((heads[0], 300))
    with pytest.raises(ValueError, match="examine it first"):
        eye.crop(picture, eye.detect(picture)[0])


class Broken(Network):
    """A network whose every answer is the same number."""

    def __init__(self, says: float) -> None:
        self.input_shape, self.output_shapes = (1, 112, 112, 3), ((1, 192),)
        self.says = says

    def run(self, tensor: np.ndarray) -> tuple[np.ndarray, ...]:
        assert tensor.shape == self.input_shape
        return (np.full((1, 192), self.says, np.float32),)


@pytest.mark.parametrize("says", [0.0, np.nan, np.inf, -np.inf, 3e38])
def test_a_vector_without_direction_is_none(eye: Eye, says: float) -> None:
    embedding = Embedder(Broken(says), eye.cards["embedder"]).embed(np.zeros((112, 112, 3), np.uint8))
    assert embedding is None or np.linalg.norm(embedding.vector) == pytest.approx(1)
    assert (embedding is None) == (says != 3e38)


@pytest.mark.parametrize("points", [np.full((468, 3), np.nan), np.full((468, 3), 1e9), np.zeros((468, 3))])
def test_a_mesh_without_sense_is_not_a_face(points: np.ndarray) -> None:
    face = Face(Box(0, 0, 100, 100), 0.9, np.zeros((6, 2), np.float32))
    examined = read(face, points.astype(np.float32), 9.0, np.eye(2, 3))
    assert (examined.presence, examined.landmarks, examined.mesh) == (0.0, None, None)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for name in NETWORKS:
        shutil.copy(MODELS / f"{name}.json", tmp_path)
        shutil.copy(MODELS / f"{name}.tflite", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "fields", "complaint"),
    [
        ("blazeface", {"role": "landmarks"}, r"blazeface\.json: is a model for landmarks, not for detector"),
        ("mobilefacenet", {"template": "guesswork"}, r"template 'guesswork' is not one of arcface112"),
        ("mobilefacenet", {"output": {"shape": [1, 128]}}, r"mobilefacenet\.tflite: takes and gives .*192"),
        ("mobilefacenet", {"input": {"shape": [1, 96, 96, 3], "mean": 0, "scale": 1}}, r"takes and gives .*112"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(
    models: Path, name: str, fields: dict[str, Any], complaint: str
) -> None:
    card = models / f"{name}.json"
    card.write_text(json.dumps(json.loads(card.read_bytes()) | fields))
    with pytest.raises(ModelError, match=complaint):
        an_eye(models=models)


@pytest.mark.parametrize(("role", "other"), list(itertools.permutations(NETWORKS, 2)))
def test_another_network_in_a_role_is_refused(models: Path, role: str, other: str) -> None:
    shutil.copy(models / f"{other}.tflite", models / f"{role}.tflite")
    cards = [json.loads((MODELS / f"{name}.json").read_bytes()) for name in (role, other)]
    swapped = cards[0] | {key: cards[1][key] for key in ("sha256", "bytes", "input", "output")}
    (models / f"{role}.json").write_text(json.dumps(swapped))
    with pytest.raises(ModelError, match=rf"{role}: (is not a|must take)"):
        an_eye(models=models)


@pytest.mark.data
def test_the_reference_crops_give_the_reference_embeddings(eye: Eye, data: Path) -> None:
    with np.load(data / "reference" / "mobilefacenet_reference.npz") as reference:
        crops, wanted = reference["crops"], reference["embeddings"]
    nobody = Face(Box(0, 0, 1, 1), 1.0, np.zeros((6, 2), np.float32))
    given = [eye.embed(Crop(pixels, nobody)) for pixels in crops]
    assert all(isinstance(embedding, Embedding) for embedding in given)
    assert (
        min(float(embedding.vector @ row) for embedding, row in zip(given, wanted, strict=True) if embedding) >= 0.9999
    )


@pytest.mark.data
@pytest.mark.parametrize("clip", SKULL)
def test_the_skull_on_the_hoodie_never_decides(near_eye: Eye, data: Path, clip: str) -> None:
    probes = [near_eye.look(picture) for picture in frames(data / "clips" / "asl_gestures" / f"{clip}.mkv")]
    chosen = [probe.face.box for probe in probes if probe.face]
    assert len(chosen) >= len(probes) - 5
    assert all(box.y + box.height < 190 for box in chosen), "heads are above, the skull is below"


@pytest.mark.data
def test_the_skull_alone_is_hardly_ever_taken_for_a_face(near_eye: Eye, data: Path) -> None:
    clips = (data / "clips" / "asl_gestures" / f"{clip}.mkv" for clip in SKULL)
    headless = [replace(picture, image=picture.image[190:]) for clip in clips for picture in frames(clip)]
    taken = [near_eye.look(picture).face is not None for picture in headless]
    assert len(taken) > 400
    assert np.mean(taken) < 0.02


@pytest.mark.data
def test_people_without_a_usable_face_are_never_embedded(eye: Eye, data: Path) -> None:
    probes = [eye.look(picture) for picture in frames(data / "clips" / "one-by-one-person-detection.mp4", every=3)]
    assert len(probes) > 400
    assert not [probe.number for probe in probes if probe.embedding]


def frames(clip: Path, every: int = 1) -> Iterator[Frame]:
    video = cv2.VideoCapture(str(clip))
    for number in itertools.count():
        if not video.grab():
            break
        if number % every == 0:
            yield Frame(np.asarray(video.retrieve()[1], np.uint8), at=number / 30, number=number)
    video.release()

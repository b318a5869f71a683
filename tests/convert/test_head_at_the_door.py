"""The head of a siamese network on its way to the door: which ones come along, and that they say what Keras says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from convert.__main__ import main
from convert.models import FOLDER
from convert.release import release_card
from edge.access.gallery import Gallery
from edge.clock import SystemClock
from edge.comparing import COSINE, Comparator
from edge.config import read_config
from edge.service.replaying import replay
from edge.service.rule import effective_rule
from edge.values import Embedding, Person
from edge.vision.cards import Card, Head, Threshold, read_card, verified_model
from edge.vision.embedder import Embedder
from edge.vision.eye import Eye, open_eye
from edge.vision.heads import open_comparator
from edge.vision.runtime import load_network
from tests.convert.networks import QUIET, SIDE, apart, embedder, keras, siamese
from tests.edge.doors import film
from tests.edge.eyes import at_the_door, frame

from convert.siamese.heads import ONE_LAYER, THREE_LAYERS, build_head  # isort: skip
from convert.siamese.released import release_run  # isort: skip
from convert.siamese.run import Run  # isort: skip
from convert.siamese.train import train  # isort: skip
from convert.sources.keras_head import as_arrays  # isort: skip

pytestmark = QUIET
layers = keras.layers
WHEN = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
# What float16 does to the tower's embeddings, seen through a head.
TOLERANCE = 0.01


def headed(*what: Any, distance: Callable[[Any, Any], Any] = apart, length: int = 16) -> Any:
    """A head of these layers on a difference, with numbers in all of its weights."""
    keras.utils.set_random_seed(2)
    a, b = keras.Input((length,)), keras.Input((length,))
    x = distance(a, b)
    for layer in what:
        x = layer(x)
    made = keras.Model([a, b], x)
    random = np.random.default_rng(2)
    made.set_weights([random.uniform(0.1, 1, values.shape) for values in made.get_weights()])
    return made


def verdict() -> Any:
    return layers.Dense(1, activation="sigmoid")


@pytest.mark.parametrize(
    "model",
    [
        lambda: headed(verdict()),
        lambda: headed(layers.Dense(8, activation="relu"), layers.Dropout(0.5), layers.Dense(1, activation="sigmoid")),
        lambda: headed(layers.Dense(8, use_bias=False), layers.ReLU(), layers.Dense(1), layers.Activation("sigmoid")),
        lambda: headed(layers.BatchNormalization(), layers.Dense(8), layers.Rescaling(0.5, 0.1), verdict()),
        lambda: headed(layers.Normalization(mean=[0.5] * 16, variance=[2.0] * 16), verdict()),
        lambda: headed(keras.Sequential([keras.Input((16,)), layers.Dense(8, activation="relu"), verdict()])),
        lambda: build_head(ONE_LAYER, 16),
        lambda: build_head(THREE_LAYERS, 16, np.linspace(0.1, 1, 16, dtype=np.float32)),
    ],
)  # fmt: skip
def test_dense_layers_on_a_difference_come_along_and_say_what_keras_says(model: Callable[[], Any]) -> None:
    made = model()
    head, said = as_arrays(keras, made)
    assert head is not None
    assert "its head as arrays is at most " in said
    a, b = np.random.default_rng(3).normal(size=(2, 40, 16)).astype(np.float32)
    assert np.abs(head.paired(a, b) - np.asarray(made([a, b]))[:, 0]).max() < 1e-5


def square(a: Any, b: Any) -> Any:
    return keras.ops.square(layers.Subtract()([a, b]))


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (lambda: headed(verdict(), distance=lambda a, b: layers.Concatenate(name="both")([a, b])), "both"),
        (lambda: headed(verdict(), distance=lambda a, b: layers.Subtract()([a, b])), "(Dense)"),
        (lambda: headed(verdict(), distance=square), "square"),
        (lambda: headed(layers.Dense(4, activation="tanh", name="bent"), verdict()), "bent"),
        (lambda: headed(layers.ReLU(negative_slope=0.3, name="leaky"), verdict()), "leaky"),
        (lambda: headed(layers.LayerNormalization(name="own")), "own"),
        (lambda: headed(verdict(), layers.Rescaling(-1.0, 1.0)), "does not end in a dense layer"),
        (headed, "does not end in a dense layer"),
    ],
)  # fmt: skip
def test_whatever_else_is_left_behind_by_name(model: Callable[[], Any], why: str) -> None:
    head, said = as_arrays(keras, model())
    assert (head, said.startswith("its head is left behind: ")) == (None, True)
    assert why in said


def imported(model: Any, folder: Path) -> Card:
    model.save(folder / "net.keras")
    command = ["import", "keras", str(folder / "net.keras"), "--mean", "127.5", "--scale", "127.5", "--name", "mine"]
    assert main([*command, "--models", str(folder)]) == 0
    return verified_model(folder, "mine")[0]


def test_a_tower_that_gives_one_length_brings_its_head_along(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = embedder()
    tower = keras.Model(inner.inputs[0], layers.UnitNormalization()(inner.outputs[0]), name="tower")
    model = siamese(apart, tower)
    card = imported(model, tmp_path)
    assert isinstance(card.head, Head)
    assert card.score == "head"
    assert "mine: embeddings are compared by its own head" in capsys.readouterr().out
    pixels = np.random.default_rng(1).uniform(-1, 1, (2, 1, SIDE, SIDE, 3)).astype(np.float32)
    one, other = (np.asarray(tower(picture)) for picture in pixels)
    said = float(np.asarray(model(list(pixels)))[0, 0])
    assert open_comparator(tmp_path, card).against(one, other[0])[0] == pytest.approx(said, abs=1e-4)


# --- from a training to the door ---


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory, faces: dict[str, Any]) -> Path:
    """Ten people whose faces are coarse patterns and the two real ones, eight pictures of each, 32 x 32."""
    folder, random = tmp_path_factory.mktemp("album"), np.random.default_rng(1)
    eye = open_eye(read_settings().vision, FOLDER, SystemClock())
    real = {name: eye.look(frame(at_the_door((face, 430)))).crop for name, face in faces.items()}
    people = {name: cv2.resize(crop.pixels[..., ::-1], (32, 32)) for name, crop in real.items() if crop is not None}
    for number in range(10):
        people[f"p{number}"] = np.kron(random.integers(40, 216, (4, 4, 3)), np.ones((8, 8, 1)))
    for name, face in people.items():
        (folder / name).mkdir()
        for number in range(8):
            pixels = (face * random.uniform(0.8, 1.1) + random.normal(0, 8, face.shape)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / name / f"{number}.png"), pixels)
    return folder


def read_settings(path: Path | None = None) -> Any:
    from edge.settings import Settings

    return Settings() if path is None else read_config(path)


def trained(album: Path, folder: Path, **knobs: Any) -> Path:
    run = {"detector": "none", "size": 32, "embedding": 16, "batch": 16, "steps": 30, "epochs": 3, "judge_pairs": 100}
    train(msgspec.convert({**run, "pictures": str(album), **knobs}, Run), folder, SystemClock())
    return folder


@pytest.fixture(scope="module")
def home(album: Path, faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A door with a network that was trained with a head, in front of which the resident stands, then a stranger."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(FOLDER, folder / "models", ignore=shutil.ignore_patterns("records"))
    run = trained(album, folder / "run", recipe="siamese-bce")
    card = release_run(run, folder / "models", "mine")
    assert (card.score, card.thresholds) == ("head", ()), "faces that were cut already have nothing to judge it by"
    made_up = tuple(Threshold(fmr=fmr, similarity=0.3, data="made up") for fmr in (1e-2, 1e-3, 1e-4))
    release_card(folder / "models", msgspec.structs.replace(card, thresholds=made_up, floor=-1.0))
    (folder / "config.yaml").write_text("vision: {embedder: mine}\naccess: {margin: 0.05}\n", encoding="utf-8")
    film(folder / "scene.avi", [([(faces["resident"], 430)], 5), ([], 2)])
    return folder


def seen(eye: Eye, face: Any, widths: tuple[int, ...]) -> list[tuple[Any, Embedding]]:
    looks = [eye.look(frame(at_the_door((face, width)))) for width in widths]
    return [
        (look.crop.pixels, look.embedding) for look in looks if look.crop is not None and look.embedding is not None
    ]


def test_the_door_says_of_two_faces_what_the_trained_network_says(home: Path, faces: dict[str, Any]) -> None:
    settings = read_config(home / "config.yaml")
    eye, rule = open_eye(settings.vision, settings.models, SystemClock()), effective_rule(settings)
    assert rule.compare.score == "head"
    network = keras.saving.load_model(home / "run" / "siamese.keras", compile=False)
    residents, strangers = (seen(eye, faces[name], (400, 415, 430, 445, 460)) for name in ("resident", "stranger"))
    assert len(residents) == len(strangers) == 5
    ana = Person("ana", "Ana", tuple(embedding for _, embedding in residents), WHEN)
    gallery = Gallery.of([ana], eye.space, rule)
    for pixels, embedding in [*residents, *strangers]:
        tensors = [(np.stack([one, pixels]).astype(np.float32) / 127.5 - 1) for one, _ in residents]
        said = [float(np.asarray(network([both[:1], both[1:]]))[0, 0]) for both in tensors]
        (match,) = gallery.match(embedding, rule)
        assert match.similarity == pytest.approx(max(said), abs=TOLERANCE)
        assert match.similarity == max(rule.compare.against(gallery.matrix, embedding.vector))


def test_a_filmed_visit_is_decided_by_it(home: Path, faces: dict[str, Any]) -> None:
    settings = read_config(home / "config.yaml")
    eye, rule = open_eye(settings.vision, settings.models, SystemClock()), effective_rule(settings)
    residents = seen(eye, faces["resident"], (400, 415, 430, 445, 460))
    ana = Person("ana", "Ana", tuple(embedding for _, embedding in residents), WHEN)
    # A network this small may take one face for two, and then begins another visit: the first one counts.
    decision = replay(home / "scene.avi", settings, [ana], WHEN).decisions[0]
    assert decision.match is not None
    scores = rule.compare.against(Gallery.of([ana], eye.space, rule).matrix, residents[2][1].vector)
    assert decision.match.similarity == pytest.approx(float(scores.max()), abs=0.1)
    assert decision.verdict == "granted"


def test_a_tower_trained_with_distances_ranks_by_cosine_as_by_distance(album: Path, tmp_path: Path) -> None:
    run = trained(album, tmp_path / "run", recipe="triplet", embedding=128, steps=6, epochs=1, margin=0.2)
    card = release_run(run, tmp_path / "models", "mine")
    assert (card.output.shape, card.score) == ((1, 128), "cosine")
    compare: Comparator = open_comparator(tmp_path / "models", read_card(tmp_path / "models" / "mine.json"))
    assert compare is COSINE
    door = Embedder(load_network(verified_model(tmp_path / "models", "mine")[1]), card)
    tower = keras.saving.load_model(run / "tower.keras", compile=False)
    pictures = [cv2.imread(str(path))[..., ::-1] for path in sorted(album.glob("*/0.png"))]
    found = [door.embed(np.ascontiguousarray(picture)) for picture in pictures]
    served = np.stack([one.vector for one in found if one is not None])
    raw = np.asarray(tower(np.stack(pictures).astype(np.float32) / 127.5 - 1))
    units = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    cosines, distances = compare.against(served, served), np.linalg.norm(units[:, None] - units[None], axis=-1)
    assert cosines == pytest.approx(1 - distances**2 / 2, abs=2e-3)
    for row, others in zip(cosines, distances, strict=True):
        gaps = np.diff(np.sort(others))
        if gaps.min() > 5e-3:  # below that, float16 may change places
            assert np.argsort(-row).tolist() == np.argsort(others).tolist()
    nearest, farthest = cosines - 2 * np.eye(len(served)), distances + 9 * np.eye(len(served))
    assert nearest.argmax(axis=1).tolist() == farthest.argmin(axis=1).tolist()

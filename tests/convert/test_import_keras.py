"""Embedders in Keras files, alone and as the tower of a siamese model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.__main__ import main
from edge.comparing import COSINE
from edge.vision.cards import Card, Head, verified_model
from edge.vision.embedder import Embedder
from edge.vision.heads import open_comparator
from edge.vision.runtime import load_network
from tests.convert.networks import QUIET, SIDE, apart, embedded, embedder, keras, siamese

pytestmark = QUIET
h5py = pytest.importorskip("h5py")
RANGE = ("--mean", "127.5", "--scale", "127.5")


def brought(path: Path, *options: str, name: str = "mine") -> Card:
    """Import `path` beside itself; the card of the pair that the device accepts."""
    assert main(["import", "keras", str(path), *RANGE, "--name", name, "--models", str(path.parent), *options]) == 0
    return verified_model(path.parent, name)[0]


def saved(model: Any, path: Path) -> Path:
    model.save(path)
    return path


def cosine_at_the_door(folder: Path, model: Any, seed: int = 3) -> float:
    """How alike the door's embedding and the Keras network's are."""
    card, content = verified_model(folder, "mine")
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    at_the_door = Embedder(load_network(content), card).embed(pixels)
    assert at_the_door is not None
    expected = embedded(model, pixels)
    return float(at_the_door.vector @ expected / np.linalg.norm(expected))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_an_embedder_comes_to_the_door(tmp_path: Path, suffix: str) -> None:
    model = embedder()
    card = brought(saved(model, tmp_path / f"My Net.{suffix}"), "--licence", "MIT", "--source", "trained at home")
    assert (card.role, card.quantization, card.template, card.thresholds) == ("embedder", "float16", "arcface112", ())
    assert (card.input.shape, card.output.shape) == ((1, SIDE, SIDE, 3), (1, 8))
    assert (card.licence, card.source, card.head) == ("MIT", "trained at home", card.head)
    assert not isinstance(card.head, Head)
    assert cosine_at_the_door(tmp_path, model) > 0.9999


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_head_that_asks_for_length_is_told_and_the_door_compares_by_cosine(
    tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tower = embedder()
    card = brought(saved(siamese(apart, tower), tmp_path / f"siamese.{suffix}"))
    assert card.source.startswith(f"siamese.{suffix}; cut out of a siamese model at tower; its head is left behind")
    said = capsys.readouterr().out
    # An .h5 does not hold an operation that is no layer.
    why = "it is not free of scale" if suffix == "keras" else "Keras cannot rebuild it"
    assert f"its head is left behind: {why}" in said
    assert "mine: embeddings are compared by cosine" in said
    assert (card.score, isinstance(card.head, Head)) == ("cosine", False)
    assert open_comparator(tmp_path, card) is COSINE
    assert not list(tmp_path.glob("*.npz"))
    assert cosine_at_the_door(tmp_path, tower) > 0.9999


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_distance_in_a_lambda_is_never_run_and_its_tower_is_taken_without_it(
    tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tower = embedder()
    distance = keras.layers.Lambda(lambda pair: print("the file's code ran") or abs(pair[0] - pair[1]), name="l1")
    model = siamese(lambda a, b: distance([a, b]), tower)
    capsys.readouterr()
    card = brought(saved(model, tmp_path / f"siamese.{suffix}"))
    said = capsys.readouterr().out
    assert "the file's code ran" not in said
    assert "its head is left behind: l1: Python code inside a Lambda layer, which is never run" in said
    assert not isinstance(card.head, Head)
    assert cosine_at_the_door(tmp_path, tower) > 0.9999


def histories(call: Any) -> list[Any]:
    """What a call was given, as Keras 2 wrote it: [layer, node, tensor, {}]."""
    if isinstance(call, dict) and "keras_history" in call:
        return [[*call["keras_history"], {}]]
    inner = call.values() if isinstance(call, dict) else call if isinstance(call, list) else ()
    return [history for value in inner for history in histories(value)]


def as_keras_2(value: Any) -> Any:
    if isinstance(value, list):
        return [as_keras_2(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__lambda__":
        return [value["config"]["code"], None, None]
    calls = {"inbound_nodes": [histories(call) for call in value["inbound_nodes"]]} if "inbound_nodes" in value else {}
    return {key: as_keras_2(one) for key, one in value.items()} | calls


def test_the_older_way_of_writing_a_siamese_model_is_read_too(tmp_path: Path) -> None:
    tower = embedder()
    distance = keras.layers.Lambda(lambda pair: pair[0] - pair[1], name="l1")
    path = saved(siamese(lambda a, b: distance([a, b]), tower), tmp_path / "older.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(as_keras_2(json.loads(file.attrs["model_config"])))
    assert "l1: Python code inside a Lambda layer" in brought(path).source
    assert cosine_at_the_door(tmp_path, tower) > 0.9999


def test_a_head_of_operations_that_keras_cannot_read_back_does_not_cost_the_tower(tmp_path: Path) -> None:
    tower = embedder()
    path = saved(siamese(lambda a, b: keras.ops.abs(a - b), tower), tmp_path / "operations.h5")
    assert "its head is left behind: Keras cannot rebuild it" in brought(path).source
    assert cosine_at_the_door(tmp_path, tower) > 0.9999


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_the_right_one_of_two_submodels_is_taken_out_beside_a_lambda(tmp_path: Path, suffix: str) -> None:
    towers = [embedder(seed, name=f"tower_{seed}") for seed in (1, 2)]
    left, right = keras.Input((SIDE, SIDE, 3)), keras.Input((SIDE, SIDE, 3))
    apart = [keras.layers.Lambda(lambda pair: pair[0] - pair[1])([tower(left), tower(right)]) for tower in towers]
    path = saved(keras.Model([left, right], apart), tmp_path / f"two.{suffix}")
    brought(path, "--tower", "tower_2")
    assert cosine_at_the_door(tmp_path, towers[1]) > 0.9999


def test_layers_shared_one_by_one_are_a_tower_too(tmp_path: Path) -> None:
    first, last = keras.layers.Conv2D(4, 3, strides=4), keras.layers.Dense(8, name="last")
    inputs = [keras.Input((SIDE, SIDE, 3)) for _ in range(2)]
    # What has no weights may be there twice.
    ends = [last(keras.layers.Flatten()(keras.layers.ReLU()(first(pixels)))) for pixels in inputs]
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.ops.abs(ends[0] - ends[1])))
    brought(saved(model, tmp_path / "flat.keras"))
    assert cosine_at_the_door(tmp_path, keras.Model(inputs[0], ends[0])) > 0.9999


def test_a_model_of_three_inputs_has_its_tower_as_well(tmp_path: Path) -> None:
    tower = embedder()
    inputs = [keras.Input((SIDE, SIDE, 3)) for _ in range(3)]
    card = brought(saved(keras.Model(inputs, [tower(pixels) for pixels in inputs]), tmp_path / "triplet.keras"))
    assert not isinstance(card.head, Head), "nothing follows the towers"
    assert cosine_at_the_door(tmp_path, tower) > 0.9999


def test_a_classifier_is_cut_at_the_layer_that_is_named(tmp_path: Path) -> None:
    backbone = embedder()
    classifier = keras.Model(backbone.inputs, keras.layers.Dense(5, activation="softmax")(backbone.outputs[0]))
    card = brought(saved(classifier, tmp_path / "classifier.keras"), "--tower", "vector")
    assert card.source.endswith("cut at vector")
    assert cosine_at_the_door(tmp_path, backbone) > 0.9999


def test_a_network_that_sees_grey_gets_a_layer_that_mixes_the_colours(tmp_path: Path) -> None:
    model = embedder(channels=1)
    card = brought(saved(model, tmp_path / "grey.keras"))
    assert card.input.shape == (1, SIDE, SIDE, 3)
    grey = np.array([0.299, 0.587, 0.114], np.float32)
    pixels = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    at_the_door = Embedder(load_network(verified_model(tmp_path, "mine")[1]), card).embed(pixels)
    expected = np.asarray(model(((pixels @ grey)[np.newaxis, ..., np.newaxis] - 127.5) / 127.5)).reshape(-1)
    assert at_the_door is not None
    assert at_the_door.vector @ expected / np.linalg.norm(expected) > 0.9999


def test_a_network_for_any_size_is_fixed_to_the_one_that_is_said(tmp_path: Path) -> None:
    pixels = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3)(pixels))
    path = saved(keras.Model(pixels, pooled), tmp_path / "any.keras")
    assert main(["import", "keras", str(path), *RANGE]) == 1
    assert brought(path, "--size", "24").input.shape == (1, 24, 24, 3)


def test_pixels_are_taken_in_as_the_network_was_trained(tmp_path: Path) -> None:
    model = embedder()
    path = saved(model, tmp_path / "bgr.keras")
    means = (
        "--order",
        "BGR",
        "--mean",
        "103.9,116.8,123.7",
        "--scale",
        "1",
        "--name",
        "bgr",
        "--models",
        str(tmp_path),
    )
    assert main(["import", "keras", str(path), *means]) == 0
    card, content = verified_model(tmp_path, "bgr")
    pixels = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    at_the_door = Embedder(load_network(content), card).embed(pixels)
    tensor = pixels[..., ::-1].astype(np.float32) - np.array([103.9, 116.8, 123.7], np.float32)
    expected = np.asarray(model(tensor[np.newaxis])).reshape(-1)
    assert at_the_door is not None
    assert at_the_door.vector @ expected / np.linalg.norm(expected) > 0.9999
    assert brought(path).space != card.space, "other pixels, other embeddings"


def test_the_same_file_gives_the_same_model(tmp_path: Path) -> None:
    path = saved(embedder(), tmp_path / "same.keras")
    assert brought(path, name="one").sha256 == brought(path, name="two").sha256

"""Embedders in SavedModels: as Keras exports them, and as TensorFlow alone writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.__main__ import main
from edge.vision.cards import Card, Head, verified_model
from edge.vision.embedder import Embedder
from edge.vision.runtime import load_network
from tests.convert.networks import QUIET, SIDE, apart, embedded, embedder, keras, siamese

pytestmark = QUIET
RANGE = ("--mean", "127.5", "--scale", "127.5")


def exported(model: Any, folder: Path) -> Path:
    model.export(folder, verbose=False)
    return folder


def brought(path: Path, *options: str) -> Card:
    models = str(path.parent / "models")
    assert main(["import", "savedmodel", str(path), *RANGE, "--name", "mine", "--models", models, *options]) == 0
    return verified_model(path.parent / "models", "mine")[0]


def cosine_at_the_door(folder: Path, model: Any) -> float:
    card, content = verified_model(folder / "models", "mine")
    pixels = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    at_the_door = Embedder(load_network(content), card).embed(pixels)
    expected = embedded(model, pixels)
    assert at_the_door is not None
    return float(at_the_door.vector @ expected / np.linalg.norm(expected))


def test_an_embedder_comes_to_the_door(tmp_path: Path) -> None:
    model = embedder()
    card = brought(exported(model, tmp_path / "net"))
    assert (card.source, card.head, card.output.shape) == ("net", card.head, (1, 8))
    assert cosine_at_the_door(tmp_path, model) > 0.9999


def test_the_tower_is_found_among_the_operations(tmp_path: Path) -> None:
    tower = embedder()
    card = brought(exported(siamese(apart, tower), tmp_path / "siamese"))
    assert "cut out of a siamese model at " in card.source
    assert "its head is left behind: a SavedModel has no layers any more, a .keras file has" in card.source
    assert (card.score, isinstance(card.head, Head)) == ("cosine", False)
    assert cosine_at_the_door(tmp_path, tower) > 0.9999


def test_the_code_of_a_lambda_is_only_operations_here(tmp_path: Path) -> None:
    tower = embedder()
    distance = keras.layers.Lambda(lambda pair: abs(pair[0] - pair[1]))
    brought(exported(siamese(lambda a, b: distance([a, b]), tower), tmp_path / "l1"))
    assert cosine_at_the_door(tmp_path, tower) > 0.9999


def test_a_function_of_tensorflow_alone_will_do(tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.kernel = tf.Variable(np.random.default_rng(1).normal(size=(3, 3, 3, 8)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32)])
    def serve(pixels: Any) -> Any:
        return tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(pixels, module.kernel, 2, "SAME")), axis=[1, 2])

    tf.saved_model.save(module, str(tmp_path / "plain"), signatures=serve)
    brought(tmp_path / "plain")
    assert cosine_at_the_door(tmp_path, serve) > 0.9999


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    models = path.parent / "models"
    assert main(["import", "savedmodel", str(path), *RANGE, "--models", str(models)]) == 1
    assert not models.exists()
    return capsys.readouterr().err


def test_what_is_no_savedmodel_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert "file: not a folder with a SavedModel in it" in refused(tmp_path / "file", capsys)
    (tmp_path / "empty").mkdir()
    assert "empty: not a whole SavedModel" in refused(tmp_path / "empty", capsys)


@pytest.mark.parametrize("part", ["saved_model.pb", "variables/variables.data-00000-of-00001"])
def test_a_truncated_part_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], part: str) -> None:
    path = exported(embedder(), tmp_path / "cut")
    content = (path / part).read_bytes()
    (path / part).write_bytes(content[: len(content) // 2])
    assert "cut: not a whole SavedModel" in refused(path, capsys)


def test_numbers_that_are_none_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = embedder()
    model.get_layer("vector").set_weights([np.full((196, 8), np.nan, np.float32), np.ones(8, np.float32)])
    assert "holds numbers that are not finite" in refused(exported(model, tmp_path / "nan"), capsys)


def test_branches_with_weights_of_their_own_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = [keras.Input((SIDE, SIDE, 3)) for _ in range(2)]
    ends = [embedder(seed, name=f"tower_{seed}")(pixels) for seed, pixels in enumerate(inputs)]
    path = exported(keras.Model(inputs, keras.layers.Subtract()(ends)), tmp_path / "two")
    assert "no shared tower: the branches have weights of their own" in refused(path, capsys)


def test_a_model_that_touches_files_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([1, SIDE, SIDE, 3], tf.float32)])
    def serve(pixels: Any) -> Any:
        tf.io.write_file(str(tmp_path / "written"), "by the model")
        return tf.reshape(pixels, [1, -1])

    tf.saved_model.save(tf.Module(), str(tmp_path / "odd"), signatures=serve)
    assert "WriteFile runs code or touches files" in refused(tmp_path / "odd", capsys)
    assert not (tmp_path / "written").exists()

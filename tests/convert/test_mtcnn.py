"""The rebuilt cascade. Its weights are made up here; the real ones are used when an earlier import left them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from convert.errors import ConversionError
from convert.models import FOLDER
from convert.packages import CACHE
from convert.quantize import to_tflite
from convert.sources import mtcnn
from convert.sources.mtcnn import Arrays, rebuild
from edge.vision.cards import read_card, verified_model
from edge.vision.mtcnn import NETWORKS
from edge.vision.runtime import load_network

keras = pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")

CHANNELS = {"mtcnn_pnet": (3, 10, 16, 32), "mtcnn_rnet": (3, 28, 48, 64), "mtcnn_onet": (3, 32, 64, 64, 128)}
SIZES = {"mtcnn_pnet": (3, 3, 3), "mtcnn_rnet": (3, 3, 2), "mtcnn_onet": (3, 3, 3, 2)}
DENSE = {"mtcnn_pnet": (), "mtcnn_rnet": (576, 128), "mtcnn_onet": (1152, 256)}
NAMES = sorted(CHANNELS)


def made_up(name: str) -> list[np.ndarray]:
    """Arrays of the published shapes, in the published order."""
    random = np.random.default_rng(7)
    shapes: list[tuple[int, ...]] = []
    for inputs, outputs, size in zip(CHANNELS[name], CHANNELS[name][1:], SIZES[name], strict=False):
        shapes += [(size, size, inputs, outputs), (outputs,), (1, 1, outputs)]
    if DENSE[name]:
        shapes += [DENSE[name], DENSE[name][1:], DENSE[name][1:]]
    before = (DENSE[name][1],) if DENSE[name] else (1, 1, CHANNELS[name][-1])
    for outputs in (4, 10, 2) if name == "mtcnn_onet" else (4, 2):
        shapes += [(*before, outputs), (outputs,)]
    return [(random.normal(size=shape) / max(1, np.prod(shape[:-1])) ** 0.5).astype(np.float32) for shape in shapes]


def published(name: str, weights: Arrays, pixels: np.ndarray) -> list[np.ndarray]:
    """The network as its package computes it: swapped rows and columns, several heads, a softmax."""
    layers = keras.layers
    shape = pixels.shape[1:]
    entry = x = keras.Input(shape)
    for number, size in enumerate(SIZES[name]):
        x = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(CHANNELS[name][number + 1], size)(x))
        if number == 0:
            x = layers.MaxPooling2D(2 if name == "mtcnn_pnet" else 3, 2, padding="same")(x)
        elif number == 1 and name != "mtcnn_pnet":
            x = layers.MaxPooling2D(3, 2)(x)
        elif number == 2 and name == "mtcnn_onet":
            x = layers.MaxPooling2D(2, 2, padding="same")(x)
    if DENSE[name]:
        x = layers.Dense(DENSE[name][1])(layers.Flatten()(layers.Permute((2, 1, 3))(x)))
        x = layers.PReLU()(x)
    head = layers.Dense if DENSE[name] else lambda count, **more: layers.Conv2D(count, 1, **more)
    counts = (4, 10) if name == "mtcnn_onet" else (4,)
    model = keras.Model(entry, [*(head(count)(x) for count in counts), head(2, activation="softmax")(x)])
    model.set_weights(list(weights))
    return [np.asarray(one) for one in model(pixels, training=False)]


@pytest.mark.parametrize("name", NAMES)
def test_the_rebuilt_network_computes_what_the_published_one_does(name: str) -> None:
    weights = made_up(name)
    model = rebuild(name, weights)
    pixels = np.random.default_rng(1).normal(size=model.input_shape).astype(np.float32)
    got = np.asarray(model(pixels, training=False))
    boxes, *points, classes = published(name, weights, pixels)
    assert got[..., :4] == pytest.approx(boxes, abs=1e-5)
    assert 1 / (1 + np.exp(-got[..., 4])) == pytest.approx(classes[..., 1], abs=1e-5)
    assert [got[..., 5:]] == [pytest.approx(one, abs=1e-5) for one in points] or got.shape[-1] == 5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda w: w[:-1], "mtcnn_"),
        (lambda w: [*w[:3], w[3][:-1], *w[4:]], "the network wants"),
        (lambda w: [w[0] * np.nan, *w[1:]], "not finite"),
    ],
)
def test_every_weight_is_accounted_for(name: str, spoil: Any, problem: str) -> None:
    with pytest.raises(ConversionError, match=problem):
        rebuild(name, spoil(made_up(name)))


@pytest.mark.parametrize(("role", "name"), NETWORKS.items())
def test_a_card_says_what_the_file_is(role: str, name: str) -> None:
    card, content = verified_model(FOLDER, name)
    assert (card.role, card.licence, card.source_sha256) == (role, "MIT", mtcnn.SHA256[name])
    assert load_network(content).output_shapes == (card.output.shape,)


@pytest.mark.parametrize("name", NAMES)
def test_the_import_makes_the_very_file_that_is_shipped(name: str) -> None:
    if not (CACHE / "mtcnn-1.0.0.whl").exists():
        pytest.skip("the published weights are not here; `make models` fetches them")
    content = to_tflite(mtcnn.fetch(name), "float16")
    assert hashlib.sha256(content).hexdigest() == read_card(FOLDER / f"{name}.json").sha256

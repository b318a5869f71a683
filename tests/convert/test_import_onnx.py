"""Embedders in ONNX files. Left out where `make onnx` has not been run, except that the way there is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from convert.__main__ import main
from convert.sources import onnx_file
from edge.vision.cards import verified_model
from edge.vision.embedder import Embedder
from edge.vision.runtime import load_network

RANGE = ("--mean", "127.5", "--scale", "127.5")
with_converter = pytest.mark.skipif(not onnx_file.PYTHON.exists(), reason="ONNX: .venv-onnx is not there (`make onnx`)")

# Written where the onnx package is. argv: file, what to make.
MAKE = """
import sys
import numpy as np
from onnx import TensorProto, helper, numpy_helper, save
random = np.random.default_rng(4)
kernel = random.normal(size=(4, 3, 3, 3)).astype(np.float32)
dense = random.normal(size=(4, 8)).astype(np.float32)
if sys.argv[2] == "nan":
    kernel[0, 0, 0, 0] = np.nan
weights = [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(dense, "dense")]
def tower(pixels, end):
    return [
        helper.make_node("Conv", [pixels, "kernel"], [f"{end}_seen"], strides=[2, 2], name=f"{end}_conv"),
        helper.make_node("Relu", [f"{end}_seen"], [f"{end}_positive"]),
        helper.make_node("GlobalAveragePool", [f"{end}_positive"], [f"{end}_pooled"]),
        helper.make_node("Flatten", [f"{end}_pooled"], [f"{end}_flat"]),
        helper.make_node("MatMul", [f"{end}_flat", "dense"], [end]),
    ]
picture = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, 16, 16])
if sys.argv[2] == "siamese":
    nodes = [*tower("left", "a"), *tower("right", "b"), helper.make_node("Sub", ["a", "b"], ["apart"])]
    inputs, output = [picture("left"), picture("right")], "apart"
elif sys.argv[2] == "channels_last":  # as networks of TensorFlow come, and with the vector still a map
    turn = helper.make_node("Transpose", ["pixels"], ["left"], perm=[0, 3, 1, 2])
    back = helper.make_node("Unsqueeze", ["a", "axes"], ["map"])
    weights.append(numpy_helper.from_array(np.array([2, 3]), "axes"))
    nodes, output = [turn, *tower("left", "a"), back], "map"
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, "side", "side", 3])]
else:
    nodes, inputs, output = tower("left", "a"), [picture("left")], "a"
outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", 8, 1, 1] if output == "map" else ["n", 8])]
graph = helper.make_graph(nodes, "small", inputs, outputs, weights)
save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), sys.argv[1])
"""


def made(path: Path, what: str) -> Path:
    subprocess.run([onnx_file.PYTHON, "-c", MAKE, str(path), what], check=True, timeout=120)
    return path


def expected(pixels: np.ndarray) -> np.ndarray:
    """The same small network by hand: convolution of stride 2, ReLU, mean, dense."""
    random = np.random.default_rng(4)
    kernel = random.normal(size=(4, 3, 3, 3)).astype(np.float32)
    dense = random.normal(size=(4, 8)).astype(np.float32)
    tensor = (pixels.astype(np.float32) - 127.5) / 127.5
    windows = np.lib.stride_tricks.sliding_window_view(tensor, (3, 3), (0, 1))[::2, ::2]
    seen = np.einsum("hwcij,ocij->hwo", windows, kernel)
    vector = np.maximum(seen, 0).mean((0, 1)) @ dense
    return vector / np.linalg.norm(vector)


@with_converter
@pytest.mark.parametrize("what", ["alone", "siamese", "channels_last"])
def test_an_embedder_comes_to_the_door(tmp_path: Path, what: str) -> None:
    path = made(tmp_path / "small.onnx", what)
    assert main(["import", "onnx", str(path), *RANGE, "--size", "16", "--models", str(tmp_path / "models")]) == 0
    card, content = verified_model(tmp_path / "models", "small")
    assert (card.input.shape, card.output.shape) == ((1, 16, 16, 3), (1, 8))
    assert ("cut out of a siamese model at a; its head is left behind" in card.source) == (what == "siamese")
    pixels = np.random.default_rng(3).integers(0, 256, (16, 16, 3), np.uint8)
    embedding = Embedder(load_network(content), card).embed(pixels)
    assert embedding is not None
    assert embedding.vector @ expected(pixels) > 0.9999


@with_converter
@pytest.mark.data
def test_a_real_network_comes_through_with_its_numbers(tmp_path: Path, data: Path) -> None:
    path = data / "models" / "minifas_v2.onnx"
    options = ("--mean", "0", "--scale", "1", "--order", "BGR", "--licence", "Apache-2.0")
    assert main(["import", "onnx", str(path), *options, "--models", str(tmp_path)]) == 0
    card, _ = verified_model(tmp_path, "minifas_v2")
    assert (card.input.shape, card.output.shape, card.input.order) == ((1, 80, 80, 3), (1, 3), "BGR")


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    models = path.parent / "models"
    assert main(["import", "onnx", str(path), *RANGE, "--models", str(models)]) == 1
    assert not models.exists()
    return capsys.readouterr().err


@with_converter
@pytest.mark.parametrize("content", [b"", b"a letter", b"\x08\x08"])
def test_a_file_that_is_no_model_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    (tmp_path / "odd.onnx").write_bytes(content)
    assert "odd.onnx: not a whole ONNX file" in refused(tmp_path / "odd.onnx", capsys)


@with_converter
def test_a_truncated_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = made(tmp_path / "cut.onnx", "alone")
    path.write_bytes(path.read_bytes()[:300])
    assert "cut.onnx: not a whole ONNX file" in refused(path, capsys)


@with_converter
def test_numbers_that_are_none_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nan.onnx: kernel: holds numbers that are not finite" in refused(made(tmp_path / "nan.onnx", "nan"), capsys)


def test_without_the_converter_the_way_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "PYTHON", tmp_path / "none")
    (tmp_path / "net.onnx").write_bytes(b"")
    assert "`make onnx` sets it up" in refused(tmp_path / "net.onnx", capsys)

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from convert.errors import ConversionError
from convert.quantize import to_tflite
from convert.tensorflow import load_keras
from edge.vision.runtime import load_network


@pytest.fixture(scope="module")
def tiny() -> Any:
    keras = pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")
    keras.utils.set_random_seed(5)
    pixels = keras.Input(batch_shape=(1, 8, 8, 3))
    x = keras.layers.PReLU(shared_axes=[1, 2])(keras.layers.Conv2D(4, 3)(pixels))
    return keras.Model(pixels, keras.layers.Dense(6)(keras.layers.Flatten()(x)))


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_the_same_network_gives_the_same_bytes(tiny: Any, precision: Any) -> None:
    assert to_tflite(tiny, precision) == to_tflite(tiny, precision)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float16", 1e-2)])
def test_the_file_computes_what_the_network_computes(tiny: Any, precision: Any, tolerance: float) -> None:
    pixels = np.random.default_rng(1).uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)
    network = load_network(to_tflite(tiny, precision))
    assert network.input_shape == (1, 8, 8, 3)
    assert network.run(pixels)[0] == pytest.approx(tiny(pixels).numpy(), abs=tolerance)


def test_converting_says_nothing(tiny: Any, capfd: pytest.CaptureFixture[str]) -> None:
    to_tflite(tiny, "float32")
    assert capfd.readouterr().out == ""


def test_an_unknown_precision_is_named(tiny: Any) -> None:
    with pytest.raises(ConversionError, match="int3: unknown precision"):
        to_tflite(tiny, "int3")  # type: ignore[arg-type]


def test_without_tensorflow_the_message_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ConversionError, match=r"needs TensorFlow: `make models` sets it up in \.venv-convert"):
        load_keras()

"""Small made-up networks for the tests of the sources."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")
SIDE = 16
# Keras' own: numpy 2 wants another signature of TensorFlow's arrays, and .h5 is the older of its formats.
QUIET = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*HDF5 file"),
    pytest.mark.filterwarnings("ignore:.*has not yet been built"),
]


def embedder(seed: int = 1, channels: int = 3, name: str = "tower") -> Any:
    """A network of one input [16, 16, channels] that gives eight numbers."""
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((SIDE, SIDE, channels))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu", name="first")(pixels)
    x = keras.layers.Dense(8, name="vector")(keras.layers.Flatten(name="flat")(x))
    return keras.Model(pixels, x, name=name)


def siamese(distance: Any, tower: Any = None) -> Any:
    """Two inputs, one tower, a distance, and a dense layer that says whether they are the same."""
    tower = tower or embedder()
    left, right = (keras.Input(tower.inputs[0].shape[1:], name=name) for name in ("left", "right"))
    apart = distance(tower(left), tower(right))
    return keras.Model([left, right], keras.layers.Dense(1, activation="sigmoid", name="verdict")(apart))


def apart(a: Any, b: Any) -> Any:
    """|a - b|, whatever their length."""
    return keras.ops.abs(keras.layers.Subtract(name="difference")([a, b]))


def one_sided(a: Any, b: Any) -> Any:
    """What of a is more than of b: of layers that an .h5 holds, and not the same the other way round."""
    return keras.layers.Activation("relu", name="distance")(keras.layers.Subtract(name="difference")([a, b]))


def embedded(model: Any, pixels: np.ndarray) -> np.ndarray:
    """What a Keras network gives for RGB uint8 pixels, taken in as -1..1."""
    tensor = (pixels.astype(np.float32) - 127.5) / 127.5
    return np.asarray(model(tensor[np.newaxis])).reshape(-1)

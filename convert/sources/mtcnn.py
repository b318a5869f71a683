"""MTCNN's three networks, rebuilt from the weights of the PyPI package `mtcnn` (MIT).

Weights: `mtcnn/assets/weights/{pnet,rnet,onet}.lz4` of version 1.0.0, joblib files, read by `joblib_file`, which
executes nothing. The networks are those of Zhang et al. 2016 (arXiv:1604.02878), said more shortly but computing the
same: the last layers side by side are one layer with one output (corrections, score, points); the two-way softmax is
the difference of its two inputs, a logit, which the device turns into a score; and the swap of rows and columns before
the first dense layer, which the package inherits from its Matlab ancestor, is done to that layer's weights instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError
from convert.packages import wheel_member
from convert.sources.joblib_file import read_arrays
from convert.tensorflow import load_keras
from edge.vision.mtcnn import SHAPES

PACKAGE: Final = ("mtcnn", "1.0.0")
LICENCE: Final = "MIT"
SHA256: Final = {
    "mtcnn_pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "mtcnn_rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "mtcnn_onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}
# Each convolution: filters, size, and the size and padding of the pooling behind it (P-Net's last two have none).
_CONVOLUTIONS: Final[dict[str, tuple[tuple[int, int, int, str], ...]]] = {
    "mtcnn_pnet": ((10, 3, 2, "same"), (16, 3, 0, ""), (32, 3, 0, "")),
    "mtcnn_rnet": ((28, 3, 3, "same"), (48, 3, 3, "valid"), (64, 2, 0, "")),
    "mtcnn_onet": ((32, 3, 3, "same"), (64, 3, 3, "valid"), (64, 3, 2, "same"), (128, 2, 0, "")),
}
_DENSE: Final = {"mtcnn_rnet": 128, "mtcnn_onet": 256}

Arrays = Sequence[NDArray[np.float32]]


def member(name: str) -> str:
    """Where the weights of `name` lie in the wheel."""
    return f"mtcnn/assets/weights/{name.removeprefix('mtcnn_')}.lz4"


def fetch(name: str) -> Any:
    """Download the pinned file and rebuild the network `name` as a `keras.Model`."""
    load_keras()
    return rebuild(name, read_arrays(wheel_member(*PACKAGE, member(name), SHA256[name])))


def rebuild(name: str, weights: Arrays) -> Any:
    """The network `name` with `weights` in the published order (each layer's kernel, bias, slopes; the heads last).

    Raises ConversionError for weights that are too few, too many, of the wrong shape or not finite.
    """
    keras = load_keras()
    layers = keras.layers
    pixels = x = keras.Input(batch_shape=SHAPES[name][0], name="pixels")  # RGB, (x - 127.5) / 128
    for number, (filters, size, pool, padding) in enumerate(_CONVOLUTIONS[name], 1):
        x = layers.Conv2D(filters, size, name=f"conv{number}")(x)
        x = layers.PReLU(shared_axes=[1, 2], name=f"prelu{number}")(x)
        if pool:
            x = layers.MaxPooling2D(pool, 2, padding=padding, name=f"pool{number}")(x)
    grid = tuple(x.shape[1:])
    if name in _DENSE:
        x = layers.Dense(_DENSE[name], name="dense")(layers.Flatten(name="flatten")(x))
        x = layers.Dense(_outputs(name), name="face")(layers.PReLU(name="prelu_dense")(x))
    else:
        x = layers.Conv2D(_outputs(name), 1, name="face")(x)
    model = keras.Model(pixels, x, name=name)
    try:
        fitted = _as_one_head(name, weights, grid)
    except (IndexError, ValueError):
        shapes = [one.shape for one in weights]
        raise ConversionError(f"{name}: its weights do not end in the heads of an MTCNN: {shapes}") from None
    _fill(model, fitted)
    return model


def _fill(model: Any, weights: Arrays) -> None:
    wanted, given = [tuple(one.shape) for one in model.weights], [one.shape for one in weights]
    if wanted != given:
        raise ConversionError(f"{model.name}: the network wants {wanted}, got {given}")
    if not all(np.isfinite(one).all() for one in weights):
        raise ConversionError(f"{model.name}: holds numbers that are not finite")
    model.set_weights(list(weights))


def _as_one_head(name: str, weights: Arrays, grid: tuple[int, ...]) -> list[NDArray[np.float32]]:
    """The published arrays as this network wants them: see the module's docstring. `grid`: rows, columns, channels."""
    heads = 2 if _outputs(name) == 5 else 3  # kernel and bias each of: corrections, points (O-Net only), two classes
    body = list(weights[: -2 * heads])
    corrections, *points, classes = (weights[-2 * heads :][first : first + 2] for first in range(0, 2 * heads, 2))
    face = [one[..., 1:] - one[..., :1] for one in classes]
    joined = [np.concatenate(parts, axis=-1) for parts in zip(corrections, face, *points, strict=True)]
    if name in _DENSE and body[-3].shape[0] == math.prod(grid):
        rows, columns, channels = grid
        kernel = body[-3].reshape(columns, rows, channels, -1).swapaxes(0, 1)
        body[-3] = np.ascontiguousarray(kernel).reshape(math.prod(grid), -1)
    return body + joined


def _outputs(name: str) -> int:
    return SHAPES[name][1][-1]

"""What every source of other people's networks hands over, and the last layers each of them gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError
from edge.vision.heads import DenseHead

LEFT_BEHIND: Final = "its head is left behind"
_LARGEST_SIDE: Final = 4096
# How much red, green and blue weigh in grey: ITU-R BT.601, as OpenCV and Pillow have it.
_GREY: Final = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Imported:
    """An embedding network on its way to the door."""

    exact: bytes  # the float32 .tflite: [1, side, side, 3] -> [1, dimensions]
    small: bytes  # the float16 one
    weights: Sequence[NDArray[np.float32]]  # in the order of the network
    notes: tuple[str, ...] = ()  # what was done to it, for people
    head: DenseHead | None = None  # what a siamese model had after its towers, where that can be told in arrays
    head_layers: tuple[str, ...] = ()
    head_note: str = ""  # how well that tells it
    network: Any = None  # as a `keras.Model`, where that was asked for


@dataclass(frozen=True)
class Wish:
    """What the user said about the network: its `size` where that varies, the layer where its `tower` ends."""

    size: int | None = None
    tower: str | None = None
    order: str = "RGB"


def picture_side(shape: Sequence[int | None], wish: Wish) -> tuple[int, int]:
    """The side and the channels of a network's input [batch, height, width, channels]; None where it varies.

    Raises ConversionError when no square picture in grey or colour fits.
    """
    if len(shape) != 4:
        raise ConversionError(
            f"its input has shape {_said(shape)}: a picture [batch, height, width, channels] is meant"
        )
    _, height, width, channels = shape
    if channels not in {1, 3}:
        raise ConversionError(
            f"its input has shape {_said(shape)}: the channels must come last and be 3, or 1 for grey"
        )
    sides = {side for side in (height, width) if side is not None}
    if len(sides) > 1:
        raise ConversionError(f"its input has shape {_said(shape)}: faces are cut square")
    if not sides and wish.size is None:
        raise ConversionError(f"its input has shape {_said(shape)}: say the size of its pictures with --size")
    side = sides.pop() if sides else int(wish.size or 0)
    if wish.size not in {None, side}:
        raise ConversionError(f"--size {wish.size}: the network takes pictures of {side} x {side} and no others")
    if not 1 <= side <= _LARGEST_SIDE:
        raise ConversionError(f"pictures of {side} x {side}: at most {_LARGEST_SIDE} pixels a side")
    return side, int(channels)


def vector_length(shape: Sequence[int | None]) -> int:
    """How many numbers an output of this shape has, if they are one embedding; ConversionError otherwise."""
    sides = [side or 1 for side in shape]
    if len(sides) < 2 or any(side != 1 for side in sides[1:-1]):
        raise ConversionError(
            f"its output has shape {_said(shape)}: one vector is meant; cut it elsewhere with --tower"
        )
    if sides[-1] < 2:
        raise ConversionError(f"its output has shape {_said(shape)}: one number is a score and no embedding")
    return sides[-1]


def door_network(keras: Any, network: Any, shape: Sequence[int | None], wish: Wish) -> Any:
    """`network` (anything that Keras can call) as a `keras.Model`: float32 [1, side, side, 3] -> [1, dimensions]."""
    side, channels = picture_side(shape, wish)
    pixels = keras.Input(batch_shape=(1, side, side, 3), name="pixels")
    seen = pixels if channels == 3 else _grey(keras, pixels, wish)
    vector = network(seen)
    if isinstance(vector, list | tuple | dict):
        raise ConversionError("it has several outputs; name the one that is the embedding with --tower")
    if vector_length(vector.shape) and len(vector.shape) != 2:
        vector = keras.layers.Flatten(name="embedding")(vector)
    return keras.Model(pixels, vector, name="embedder")


def finite_weights(model: Any) -> list[NDArray[np.float32]]:
    """The weights of a `keras.Model`. Raises ConversionError naming the first that is not finite."""
    for variable in model.weights:
        if not np.isfinite(np.asarray(variable)).all():
            raise ConversionError(f"{variable.path}: holds numbers that are not finite")
    return [np.asarray(values, np.float32) for values in model.get_weights()]


def _grey(keras: Any, pixels: Any, wish: Wish) -> Any:
    """Mix the three colours, in a first layer, for a network that sees none."""
    mixing = np.array(_GREY if wish.order == "RGB" else _GREY[::-1], np.float32)
    layer = keras.layers.Conv2D(1, 1, use_bias=False, name="grey")
    mixed = layer(pixels)
    layer.set_weights([mixing.reshape(1, 1, 3, 1)])
    return mixed


def _said(shape: Sequence[int | None]) -> str:
    return f"[{', '.join('any' if side is None else str(side) for side in shape)}]"

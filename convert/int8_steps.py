"""What makes full int8 of a PReLU network accurate and fast: steps that change its numbers and not its function.

An int8 tensor has one scale for all channels (weights have one for each), so that what hurts is channels of very
different range in one tensor, and slopes far from the usual 0 ... 0.25 make them. PReLU is positively homogeneous, so
that a positive factor moves through it, and a *negative* one as well if the slope is inverted:

    prelu(x, s) = -s * prelu(-x, 1/s)      for any s other than 0

1. `inverted` brings every slope into -1 ... 1 with that.
2. `equalized` gives the channels of each tensor about the same range (Nagel et al. 2019, arXiv:1906.04721, there for
   ReLU and by weights; here by the ranges of activations, shared out between activation and weight where both are
   quantized: Xiao et al. 2022, arXiv:2211.10438).
3. `as_depthwise` writes prelu(x, s) = x + relu((s - 1) * x), true for s <= 1: a depthwise convolution with its fused
   ReLU and an addition, which XNNPACK has in int8, while it has no int8 PReLU and leaves each to a slow kernel.

Steps 1 and 2 leave the float32 network's output as it is up to rounding, and so does 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from convert.surgery import (
    Floats,
    channel_slopes,
    consumers,
    copied,
    input_weights,
    is_called_once,
    is_depthwise,
    is_linear,
    joints,
    scale_inputs,
    scale_outputs,
    streams,
    values,
)
from convert.tensorflow import load_keras

# A network and calibration samples float32 [n, height, width, 3] -> the network changed.
Step = Callable[[Any, Floats], Any]
_USUAL: Final = 99.9  # per cent of the calibration pictures, whose largest values are a channel's range
_FARTHEST: Final = 1e3  # a channel that is silent on the calibration pictures is not blown up without end
_LEAK: Final = 0.1


def unscaled(model: Any, _samples: Floats) -> Any:
    """Without an L2 normalisation at its end: the door does that itself, in float, and int8 is no good at roots."""
    keras = load_keras()
    (last,) = (tensor._keras_history.operation for tensor in model.outputs)  # noqa: SLF001 - no public name
    return keras.Model(model.input, last.input) if isinstance(last, keras.layers.UnitNormalization) else model


def folded(model: Any, _samples: Floats) -> Any:
    """Batch normalisation as part of the convolution before it: only then does that one meet its PReLU."""
    folds = {layer.name: consumers(layer)[0] for layer in model.layers if is_linear(layer) and _is_normalised(layer)}
    gone = {norm.name for norm in folds.values()}

    def replace(layer: Any, arguments: tuple[Any, ...]) -> Any:
        if layer.name in gone:
            return arguments[0]
        if layer.name not in folds:
            return None
        return type(layer).from_config({**layer.get_config(), "use_bias": True})(*arguments)

    changed = copied(model, replace, but=folds)
    for name, norm in folds.items():
        layer, (kernel, *biases) = changed.get_layer(name), model.get_layer(name).get_weights()
        mean, variance = (np.asarray(values, np.float32) for values in (norm.moving_mean, norm.moving_variance))
        factors = (np.asarray(norm.gamma) if norm.scale else np.float32(1)) / np.sqrt(variance + norm.epsilon)
        layer.set_weights([kernel, *(biases or [np.zeros_like(mean)])])
        scale_outputs(layer, factors)
        layer.bias.assign_add((np.asarray(norm.beta) if norm.center else 0) - mean * factors)
    return changed


def inverted(model: Any, _samples: Floats) -> Any:
    """Every slope s with |s| > 1 becomes 1/s, with the sign of its channel turned."""
    changed = copied(model)
    for joint in joints(changed):
        steep = np.abs(joint.slopes) > 1
        slopes = np.where(steep, joint.slopes, np.float32(1))
        joint.change(
            outward=np.where(steep, np.float32(-1), np.float32(1)),
            inward=np.where(steep, -slopes, np.float32(1)),
            slopes=np.where(steep, 1 / slopes, joint.slopes),
        )
    return changed


def equalized(model: Any, samples: Floats) -> Any:
    """About one range for all channels of each tensor between a convolution, its PReLU and the next ones."""
    changed = copied(model)
    found = joints(changed)
    for joint, reach in zip(found, _reaches(changed, [joint.before for joint in found], samples), strict=True):
        factors = _factors(reach, joint.after)
        joint.change(np.reciprocal(factors), factors, joint.slopes)
    return changed


def streams_equalized(model: Any, samples: Floats) -> Any:
    """The same straight between convolutions; one set of factors for all tensors that residual additions join."""
    changed = copied(model)
    for stream in streams(changed):
        factors = _factors(np.max(_reaches(changed, stream.parts, samples), axis=0), stream.after)
        for layer in stream.before:
            scale_outputs(layer, np.reciprocal(factors))
        for layer in stream.after:
            scale_inputs(layer, factors)
    return changed


def merged(model: Any, _samples: Floats) -> Any:
    """Two 1 x 1 convolutions with nothing between them as one: a rounding less, and less to compute."""
    first = {layer.name: consumers(layer)[0] for layer in model.layers if _meets_its_like(layer)}
    second = {after.name: model.get_layer(name) for name, after in first.items()}

    def replace(layer: Any, arguments: tuple[Any, ...]) -> Any:
        if layer.name in first:
            return arguments[0]
        return type(layer).from_config(layer.get_config())(arguments[0]) if layer.name in second else None

    changed = copied(model, replace, but=second)
    for name, before in second.items():
        kernel, bias = before.get_weights()
        after_kernel, after_bias = model.get_layer(name).get_weights()
        changed.get_layer(name).set_weights([kernel @ after_kernel, bias @ after_kernel[0, 0] + after_bias])
    return changed


def as_depthwise(model: Any, _samples: Floats) -> Any:
    """PReLU as x + relu((s - 1) * x), the product by a depthwise convolution.

    Its kernel is 3 x 1 with the factor in the middle: XNNPACK is quick with three taps and slower with one, and slowest
    with its int8 multiplication (`as_product`).
    """
    keras = load_keras()

    def product(x: Any, factors: Floats, name: str) -> Any:
        layer = keras.layers.DepthwiseConv2D((3, 1), padding="same", activation="relu", name=f"{name}_product")
        y = layer(x)
        kernel = np.zeros((3, 1, len(factors), 1), np.float32)
        kernel[1, 0, :, 0] = factors
        layer.set_weights([kernel, np.zeros_like(factors)])
        return y

    return _summed(model, product)


def as_product(model: Any, _samples: Floats) -> Any:
    """The same, the product by a multiplication."""
    keras = load_keras()
    return _summed(model, lambda x, factors, _name: keras.ops.relu(x * factors.reshape(1, 1, 1, -1)))


def as_two_paths(model: Any, _samples: Floats) -> Any:
    """PReLU as a - c * b with a = leaky_relu(x) and b = a - x, where the next convolution, made twice, holds c."""
    keras = load_keras()
    slopes = {joint.prelu.name: joint.slopes for joint in joints(model)}
    below: dict[int, tuple[Any, Floats]] = {}

    def replace(layer: Any, arguments: tuple[Any, ...]) -> Any:
        x = arguments[0]
        if layer.name in slopes:
            leaky = keras.layers.LeakyReLU(_LEAK, name=f"{layer.name}_leaky")(x)
            rest = keras.layers.Subtract(name=f"{layer.name}_rest")([leaky, x])
            below[id(leaky)] = rest, (slopes[layer.name] - _LEAK) / (_LEAK - 1)
            return leaky
        if id(x) not in below:
            return None
        rest, factors = below[id(x)]
        second = type(layer).from_config({**layer.get_config(), "name": f"{layer.name}_rest", "use_bias": False})
        y = keras.layers.Add(name=f"{layer.name}_sum")([layer(x), second(rest)])
        second.set_weights([model.get_layer(layer.name).get_weights()[0] * factors[:, np.newaxis]])
        return y

    return copied(model, replace)


def bias_corrected(model: Any, samples: Floats) -> Any:
    """Biases that make up for what rounding the weights adds on average (Nagel et al. 2019, section 4.2).

    A kernel W stored as W' gives (W' - W) * x too much, on average over x by the mean of each input channel.
    """
    changed = copied(model)
    found = [layer for layer in changed.layers if is_linear(layer) and layer.use_bias]
    means = _channel_means(changed, found, samples)
    for layer, mean in zip(found, means, strict=True):
        kernel, bias = layer.get_weights()
        channels = (0, 1, 3) if is_depthwise(layer) else (0, 1, 2)
        step = np.abs(kernel).max(axis=channels, keepdims=True) / 127
        excess = (np.round(kernel / np.maximum(step, 1e-12)) * step - kernel) * mean[:, np.newaxis]
        layer.set_weights([kernel, bias - excess.sum(axis=channels)])
    return changed


def _is_normalised(layer: Any) -> bool:
    """Whether all that eats a convolution is a batch normalisation of its channels."""
    after = consumers(layer)
    alone = len(after) == 1 and isinstance(after[0], load_keras().layers.BatchNormalization)
    return alone and is_called_once(after[0]) and after[0].axis in {-1, 3}


def _meets_its_like(layer: Any) -> bool:
    def alike(one: Any) -> bool:
        return is_linear(one) and not is_depthwise(one) and one.kernel_size == (1, 1) and one.use_bias

    after = consumers(layer)
    return alike(layer) and layer.strides == (1, 1) and len(after) == 1 and alike(after[0])


def _summed(model: Any, product: Callable[[Any, Floats, str], Any]) -> Any:
    """The network with each PReLU as x + `product` (x, slopes - 1, name)."""
    keras = load_keras()
    known = {layer.name: channel_slopes(layer) for layer in model.layers}
    slopes = {name: found for name, found in known.items() if found is not None and (found <= 1).all()}

    def replace(layer: Any, arguments: tuple[Any, ...]) -> Any:
        if layer.name not in slopes:
            return None
        below = product(arguments[0], slopes[layer.name] - 1, layer.name)
        return keras.layers.Add(name=f"{layer.name}_sum")([arguments[0], below])

    return copied(model, replace)


def _factors(reach: Floats, after: Sequence[Any]) -> Floats:
    """By how much each channel is too wide, around 1.

    A depthwise convolution has its own scale for each channel: its weights lose nothing however they are scaled. Others
    share one scale among their input channels, so that activations and weights each take half.
    """
    wide = np.maximum(reach, np.finfo(np.float32).tiny)
    if not all(map(is_depthwise, after)):
        heavy = np.max([input_weights(layer) for layer in after], axis=0)
        wide = np.sqrt(wide / np.maximum(heavy, np.finfo(np.float32).tiny))
    factors = wide / np.exp(np.log(wide).mean())
    return np.asarray(factors.clip(1 / _FARTHEST, _FARTHEST), np.float32)


def _reaches(model: Any, layers: Sequence[Any], samples: Floats) -> list[Floats]:
    """For each of `layers` how far each channel of its output reaches from 0 on all but a few samples."""
    largest = [[np.abs(one).max(axis=(1, 2)) for one in part] for part in values(model, layers, samples)]
    return [np.percentile(np.concatenate(parts), _USUAL, axis=0) for parts in zip(*largest, strict=True)]


def _channel_means(model: Any, layers: Sequence[Any], samples: Floats) -> list[Floats]:
    """For each of `layers` the mean of each channel that it eats."""
    sums = [[one.mean(axis=(1, 2)) for one in part] for part in values(model, layers, samples, "input")]
    return [np.concatenate(parts).mean(axis=0) for parts in zip(*sums, strict=True)]

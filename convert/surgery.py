"""Operations on a trained Keras network that leave what it computes as it is, and a copy with layers replaced."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from convert.tensorflow import load_keras

Floats = NDArray[np.float32]
# A layer and its arguments -> its output, or None for the layer as it is.
Replace = Callable[[Any, tuple[Any, ...]], Any]
_BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Joint:
    """`before` -> `prelu` -> each of `after`, all linear in each channel: a factor can move from one to the other."""

    before: Any
    prelu: Any
    after: tuple[Any, ...]

    @property
    def slopes(self) -> Floats:
        """One for each channel, [channels]."""
        return np.asarray(self.prelu.get_weights()[0], np.float32).reshape(-1)

    def change(self, outward: Floats, inward: Floats, slopes: Floats) -> None:
        """Multiply what `before` gives by `outward` and what each of `after` eats by `inward`; new `slopes`."""
        scale_outputs(self.before, outward)
        for layer in self.after:
            scale_inputs(layer, inward)
        self.prelu.set_weights([slopes.reshape(self.prelu.get_weights()[0].shape)])


def joints(model: Any) -> tuple[Joint, ...]:
    """Every per-channel PReLU between convolutions that belong to it alone, in the order of the network."""
    found = []
    for layer in model.layers:
        if channel_slopes(layer) is not None and is_called_once(layer):
            (before,), after = producers(layer), consumers(layer)
            if is_linear(before) and len(consumers(before)) == 1 and after and all(map(is_linear, after)):
                found.append(Joint(before, layer, after))
    return tuple(found)


def channel_slopes(layer: Any) -> Floats | None:
    """The slopes of a PReLU that has one for each channel, [channels]; None for any other layer."""
    if not isinstance(layer, load_keras().layers.PReLU):
        return None
    (slopes,) = layer.get_weights()
    return np.asarray(slopes, np.float32).reshape(-1) if slopes.shape[:-1] == (1, 1) else None


@dataclass(frozen=True, slots=True)
class Stream:
    """One tensor, or those that residual additions join: `parts` give them, the linear ones of those are `before`."""

    parts: tuple[Any, ...]
    before: tuple[Any, ...]
    after: tuple[Any, ...]


def streams(model: Any) -> tuple[Stream, ...]:
    """Every such stream straight between convolutions, so that its channels' factors can move from one to the other."""
    additions = [layer for layer in model.layers if isinstance(layer, load_keras().layers.Add)]
    groups: list[set[str]] = [{layer.name} for layer in model.layers if is_linear(layer)]
    for addition in additions:
        names = {addition.name, *(layer.name for layer in producers(addition))}
        joined = [group for group in groups if group & names]
        groups = [group for group in groups if not group & names] + [names.union(*joined)]
    found = []
    for group in groups:
        parts = tuple(layer for layer in model.layers if layer.name in group)
        before = tuple(layer for layer in parts if layer not in additions)
        after = {layer.name: layer for part in parts for layer in consumers(part) if layer.name not in group}
        if before and after and all(map(is_linear, (*before, *after.values()))):
            found.append(Stream(parts, before, tuple(after.values())))
    return tuple(found)


def producers(layer: Any) -> tuple[Any, ...]:
    """The layers whose outputs `layer` eats."""
    eaten = layer.input if isinstance(layer.input, list | tuple) else [layer.input]
    return tuple(tensor._keras_history.operation for tensor in eaten)  # noqa: SLF001 - no public name


def consumers(layer: Any) -> tuple[Any, ...]:
    """The layers that eat what `layer` gives."""
    return tuple({node.operation.name: node.operation for node in layer._outbound_nodes}.values())  # noqa: SLF001


def is_called_once(layer: Any) -> bool:
    """Whether the network has it in one place: what is changed for that place is changed for no other."""
    return len(layer._inbound_nodes) == 1  # noqa: SLF001


def is_linear(layer: Any) -> bool:
    """Whether it is a convolution in one place with one kernel for each channel and no activation of its own."""
    layers = load_keras().layers
    if not isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D) or layer.activation.__name__ != "linear":
        return False
    if not is_called_once(layer):
        return False
    return bool(layer.depth_multiplier == 1 if is_depthwise(layer) else layer.groups == 1)


def is_depthwise(layer: Any) -> bool:
    return isinstance(layer, load_keras().layers.DepthwiseConv2D)


def scale_outputs(layer: Any, factors: Floats) -> None:
    """Multiply what a linear `layer` gives, channel by channel."""
    kernel, *bias = layer.get_weights()
    kernel = kernel * (factors[:, np.newaxis] if is_depthwise(layer) else factors)
    layer.set_weights([kernel, *(values * factors for values in bias)])


def scale_inputs(layer: Any, factors: Floats) -> None:
    """Let a linear `layer` multiply what it eats, channel by channel."""
    kernel, *bias = layer.get_weights()
    layer.set_weights([kernel * factors[:, np.newaxis], *bias])


def input_weights(layer: Any) -> Floats:
    """The largest weight on each input channel of a linear `layer`; [channels]."""
    return np.asarray(np.abs(layer.get_weights()[0]).max(axis=(0, 1, 3)))


def copied(
    model: Any,
    replace: Replace = lambda _layer, _arguments: None,
    *,
    batch: int | None = 1,
    but: Collection[str] = (),
) -> Any:
    """The same network anew; what `replace` returns stands in for a layer's output.

    Weights are taken over, all but those of the layers named in `but`, which have other shapes.
    """
    keras = load_keras()

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        made = replace(layer, arguments)
        return layer(*arguments, **options) if made is None else made

    pixels = keras.Input(batch_shape=(batch, *model.input.shape[1:]), name=model.layers[0].name)
    copy = keras.models.clone_model(model, input_tensors=pixels, clone_function=_twin, call_function=call)
    sources = {layer.name: layer for layer in model.layers}
    for layer in copy.layers:
        if layer.name in sources and layer.name not in but and layer.weights:
            layer.set_weights(sources[layer.name].get_weights())
    return copy


def flattened(model: Any) -> Any:
    """The same network anew with no model inside it: the layers of one that is nested are its own, under new names."""
    keras = load_keras()
    twins: dict[int, tuple[Any, Any]] = {}
    names = set()

    def twin(layer: Any) -> Any:
        if isinstance(layer, keras.Model):
            return layer
        if id(layer) not in twins:
            name = next(name for name in _numbered(layer.name) if name not in names)
            names.add(name)
            twins[id(layer)] = layer, _twin(layer, name)
        return twins[id(layer)][1]

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        if not isinstance(layer, keras.Model):
            return layer(*arguments, **options)
        graph = layer._functional if isinstance(layer, keras.Sequential) else layer  # noqa: SLF001
        ends = graph._run_through_graph(arguments, operation_fn=twin, call_fn=call)  # noqa: SLF001
        return ends[0] if isinstance(ends, list | tuple) and len(ends) == 1 else ends

    pixels = keras.Input(batch_shape=model.input.shape, name=model.layers[0].name)
    copy = keras.models.clone_model(model, input_tensors=pixels, clone_function=twin, call_function=call)
    for layer, its in twins.values():
        if getattr(layer, "weights", ()):  # an operation of `keras.ops` has no such thing
            its.set_weights(layer.get_weights())
    return copy


def _twin(layer: Any, name: str = "") -> Any:
    """A layer of the same settings, without its weights. A Lambda has none, and its function cannot be written down."""
    if isinstance(layer, load_keras().layers.Lambda):
        return layer
    return type(layer).from_config({**layer.get_config(), "name": name or layer.name})


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in itertools.count(2))


def values(
    model: Any, layers: Sequence[Any], samples: Floats, end: Literal["input", "output"] = "output"
) -> Iterator[list[Floats]]:
    """What each of `layers` gives, or eats, for `samples` [n, height, width, 3], some at a time; nothing for none."""
    if not layers:
        return
    keras = load_keras()
    copy = copied(model, batch=None)
    probe = keras.Model(copy.input, {layer.name: getattr(copy.get_layer(layer.name), end) for layer in layers})
    for start in range(0, len(samples), _BATCH):
        found = probe(samples[start : start + _BATCH], training=False)
        yield [np.asarray(found[layer.name]) for layer in layers]

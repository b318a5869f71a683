"""The head of a siamese Keras model as plain arrays, where it is one that the door can run.

That is: both embeddings brought to one length, or not; |a - b|; dense layers with ReLU, sigmoid or nothing. What only
scales and shifts before one of them (Normalization, BatchNormalization, Rescaling) becomes a part of its kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from convert.sources.imported import LEFT_BEHIND
from convert.sources.keras_steps import steps_of
from convert.sources.tower import Step
from edge.vision.heads import Dense, DenseHead

LARGEST_DIFFERENCE: Final = 1e-4  # of two scores: float32 in another order
_PAIRS: Final = 64


class _UnlikeError(Exception):
    """Names what cannot be told in arrays."""


@dataclass(frozen=True, slots=True)
class _Embedding:
    """One of the two inputs, brought to `length`; 0 as it comes."""

    number: int
    length: float = 0.0


@dataclass(frozen=True, slots=True)
class _Difference:
    """One input less the other, not yet |a - b|."""

    length: float


@dataclass(frozen=True, slots=True, eq=False)
class _Chain:
    """|a - b| after `layers`, times `scale`, plus `shift`."""

    length: float
    layers: tuple[Dense, ...] = ()
    scale: Any = 1.0
    shift: Any = 0.0

    @property
    def settled(self) -> bool:
        return bool(np.all(self.scale == 1.0) and np.all(self.shift == 0.0))


_State = _Embedding | _Difference | _Chain


def as_arrays(keras: Any, model: Any) -> tuple[DenseHead | None, str]:
    """`model`, two embeddings -> one score, as a head, and in words how far its scores are from Keras'.

    None where it is of another kind, and in words why.
    """
    if [len(tensor.shape) for tensor in (*model.inputs, *model.outputs)] != [2, 2, 2]:
        return None, f"{LEFT_BEHIND}: it does not make one number of two vectors"
    try:
        end = _through(keras, model, [_Embedding(number) for number in range(len(model.inputs))])[0]
    except _UnlikeError as unlike:
        return None, f"{LEFT_BEHIND}: the door runs |a - b| and dense layers, and not {unlike}"
    if not (isinstance(end, _Chain) and end.layers and end.settled):
        return None, f"{LEFT_BEHIND}: it does not end in a dense layer"
    head = DenseHead(end.length, end.layers)
    apart = _apart(model, head)
    if not apart <= LARGEST_DIFFERENCE:
        return None, f"{LEFT_BEHIND}: as arrays it is {apart:.2g} from Keras"
    return head, f"its head as arrays is at most {apart:.1g} from Keras"


def _apart(model: Any, head: DenseHead) -> float:
    """The largest difference of the two scores, of embeddings of any length, alike and unlike."""
    random = np.random.default_rng(7)
    ones = random.normal(size=(_PAIRS, int(model.inputs[0].shape[-1]))).astype(np.float32)
    others = (ones + random.normal(size=ones.shape) * np.logspace(-2, 1, _PAIRS)[:, np.newaxis]).astype(np.float32)
    theirs = [np.asarray(model([a[None], b[None]])).reshape(-1)[0] for a, b in zip(ones, others, strict=True)]
    return float(np.abs(head.paired(ones, others) - theirs).max())


def _through(keras: Any, model: Any, given: Sequence[_State]) -> list[_State]:
    """What comes out of a functional model when these go in."""
    inputs, outputs = steps_of(keras, model)
    known: dict[Step, _State] = dict(zip(inputs, given, strict=True))

    def state(step: Step) -> _State:
        if step not in known:
            operation, _, index = step.tensor._keras_history  # noqa: SLF001 - Keras has no public way to ask
            before = [state(parent) for parent in step.parents]
            if isinstance(operation, keras.Model):
                known[step] = _through(keras, operation, before)[index]
            else:
                known[step] = _after(operation, before)
        return known[step]

    return [state(output) for output in outputs]


def _after(operation: Any, before: Sequence[_State]) -> _State:
    """What one layer makes of these."""
    kind = type(operation).__name__
    if kind in {"Dropout", "Flatten", "Identity"} and len(before) == 1:
        return before[0]
    found: _State | None = None
    match before:
        case [_Embedding() as one]:
            found = _brought(operation, kind, one)
        case [_Embedding() as one, _Embedding() as other]:
            fit = one.number != other.number and one.length == other.length
            found = _Difference(one.length) if kind == "Subtract" and fit else None
        case [_Difference(length)]:
            found = _Chain(length) if kind in {"Absolute", "Abs"} else None
        case [_Chain() as chain]:
            found = _further(operation, kind, chain)
    if found is None:
        raise _UnlikeError(f"{operation.name} ({kind})")
    return found


def _brought(operation: Any, kind: str, one: _Embedding) -> _Embedding | None:
    if kind == "UnitNormalization" and operation.axis in (-1, 1, [-1], [1]):
        return replace(one, length=1.0)
    if kind == "Rescaling" and one.length and np.ndim(operation.scale) == 0 and not np.any(operation.offset):
        return replace(one, length=one.length * abs(float(operation.scale)))
    return None


def _further(operation: Any, kind: str, chain: _Chain) -> _Chain | None:
    if kind == "Dense":
        return _activated(_dense(operation, chain), operation.activation.__name__)
    if kind in {"Activation", "ReLU"}:
        plain = kind == "Activation" or (operation.negative_slope, operation.max_value, operation.threshold) == (
            0,
            None,
            0,
        )
        return _activated(chain, operation.activation.__name__ if kind == "Activation" else "relu") if plain else None
    affine = _affine(operation, kind)
    if affine is None:
        return None
    scale, shift = affine
    return replace(chain, scale=chain.scale * scale, shift=chain.shift * scale + shift)


def _dense(operation: Any, chain: _Chain) -> _Chain:
    kernel = np.asarray(operation.kernel, np.float64)
    bias = np.asarray(operation.bias, np.float64) if operation.use_bias else np.zeros(kernel.shape[1])
    scale, shift = (np.broadcast_to(one, kernel.shape[:1]) for one in (chain.scale, chain.shift))
    layer = Dense((kernel * scale[:, None]).astype(np.float32), (bias + shift @ kernel).astype(np.float32), "linear")
    return _Chain(chain.length, (*chain.layers, layer))


def _activated(chain: _Chain, activation: str) -> _Chain | None:
    if activation == "linear":
        return chain
    if not chain.layers or not chain.settled or chain.layers[-1].activation != "linear":
        return None
    last = chain.layers[-1]
    if activation == "relu":
        return replace(chain, layers=(*chain.layers[:-1], replace(last, activation="relu")))
    if activation == "sigmoid":
        return replace(chain, layers=(*chain.layers[:-1], replace(last, activation="sigmoid")))
    return None


def _affine(operation: Any, kind: str) -> tuple[Any, Any] | None:
    """The scale and the shift of a layer that does no more than that."""
    if kind == "Rescaling":
        return np.asarray(operation.scale, np.float64), np.asarray(operation.offset, np.float64)
    if kind == "Normalization" and not operation.invert:
        deviations = np.maximum(np.sqrt(np.asarray(operation.variance, np.float64)), 1e-7).ravel()
        return 1 / deviations, -np.asarray(operation.mean, np.float64).ravel() / deviations
    if kind == "BatchNormalization":
        scale = 1 / np.sqrt(np.asarray(operation.moving_variance, np.float64) + operation.epsilon)
        scale = scale * np.asarray(operation.gamma) if operation.scale else scale
        shift = np.asarray(operation.beta) if operation.center else 0.0
        return scale, shift - np.asarray(operation.moving_mean, np.float64) * scale
    return None

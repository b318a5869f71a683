"""What follows two towers: a few dense layers on |a - b| that end in one sigmoid. Near 1: the same person.

The door keeps embeddings of unit length, so a head must not ask how long they are: it brings both to unit length times
sqrt(d) itself, which makes each number about 1, and head(a, b) = head(2a, 3b).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from convert.tensorflow import load_keras


@dataclass(frozen=True, slots=True)
class Head:
    """Units of each dense layer, and the share of them that is dropped in training."""

    units: Sequence[int]
    dropped: Sequence[float]


# Of recipe A, and of recipe D.
ONE_LAYER: Final = Head((256,), (0.0,))
THREE_LAYERS: Final = Head((512, 256, 32), (0.5, 0.3, 0.0))


def build_head(head: Head, embedding: int, deviations: NDArray[np.float32] | None = None) -> Any:
    """A `keras.Model`: two embeddings [n, `embedding`] -> one score [n, 1].

    `deviations` [embedding] standardise the embeddings, `brought` to their length. Their mean falls out of a
    difference; dividing by the deviations is all that is left.
    """
    keras = load_keras()
    a, b = (keras.Input((embedding,), name=name) for name in ("first", "second"))
    # In float32 also where the rest learns in bfloat16: a small difference of two near numbers is what counts.
    unit = keras.layers.UnitNormalization(name="unit", dtype="float32")
    length = keras.layers.Rescaling(embedding**0.5, name="length", dtype="float32")
    x = keras.ops.abs(keras.layers.Subtract(name="difference", dtype="float32")([length(unit(a)), length(unit(b))]))
    if deviations is not None:
        zeros, variances = [0.0] * embedding, np.square(deviations).tolist()
        x = keras.layers.Normalization(mean=zeros, variance=variances, name="standardised")(x)
    for units, dropped in zip(head.units, head.dropped, strict=True):
        x = keras.layers.Dense(units, activation="relu")(x)
        if dropped:
            x = keras.layers.Dropout(dropped)(x)
    verdict = keras.layers.Dense(1, activation="sigmoid", name="verdict", dtype="float32")(x)
    return keras.Model([a, b], verdict, name="head")


def brought(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """[n, d] to the length at which a head compares them."""
    lengths = np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    return np.asarray(embeddings / lengths * embeddings.shape[1] ** 0.5, np.float32)


def siamese(tower: Any, head: Any) -> Any:
    """The whole network: two pictures -> one score."""
    keras = load_keras()
    shape = tuple(tower.inputs[0].shape[1:])
    left, right = (keras.Input(shape, name=name) for name in ("left", "right"))
    return keras.Model([left, right], head([tower(left), tower(right)]), name="siamese")

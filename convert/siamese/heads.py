"""What follows two towers: a few dense layers on |a - b| that end in one sigmoid. Near 1: the same person.

A head sees embeddings of the length sqrt(d), d numbers that are 1 in the mean of their squares, whatever length the
tower gives them: the door keeps references of unit length only.
"""

from __future__ import annotations

import math
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

    `deviations` [embedding], of embeddings that are `levelled`, standardise them. Their mean falls out of a difference; dividing by the
    deviations is all that is left.
    """
    keras = load_keras()
    a, b = (keras.Input((embedding,), name=name) for name in ("first", "second"))
    one_length = keras.Sequential(
        [keras.layers.UnitNormalization(), keras.layers.Rescaling(math.sqrt(embedding))], name="levelled"
    )
    x = keras.ops.abs(keras.layers.Subtract(name="difference")([one_length(a), one_length(b)]))
    if deviations is not None:
        zeros, variances = [0.0] * embedding, np.square(deviations).tolist()
        x = keras.layers.Normalization(mean=zeros, variance=variances, name="standardised")(x)
    for units, dropped in zip(head.units, head.dropped, strict=True):
        x = keras.layers.Dense(units, activation="relu")(x)
        if dropped:
            x = keras.layers.Dropout(dropped)(x)
    verdict = keras.layers.Dense(1, activation="sigmoid", name="verdict", dtype="float32")(x)
    return keras.Model([a, b], verdict, name="head")


def levelled(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row of float32 [n, d] at the length sqrt(d), as a head sees it; one that is all zeros stays that."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(lengths, 1e-12) * math.sqrt(embeddings.shape[1]), np.float32)


def siamese(tower: Any, head: Any) -> Any:
    """The whole network: two pictures -> one score."""
    keras = load_keras()
    shape = tuple(tower.inputs[0].shape[1:])
    left, right = (keras.Input(shape, name=name) for name in ("left", "right"))
    return keras.Model([left, right], head([tower(left), tower(right)]), name="siamese")

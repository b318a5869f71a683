"""A network's own head: what it has behind its two towers to say how alike two embeddings are, run with numpy.

Both embeddings are brought to one length, |a - b| goes through a few dense layers, the last of which is one sigmoid.
What a file must hold is decided here alone, by `unusable`: for whoever releases a model, and for the door.
"""

from __future__ import annotations

import io
import lzma
import math
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
from msgspec import UnsetType
from numpy.typing import NDArray

from edge.comparing import COSINE, Comparator, Score
from edge.errors import ModelError
from edge.vision.cards import Card, verified_head

Activation = Literal["linear", "relu", "sigmoid"]
Floats = NDArray[np.float32]

_ROWS: Final = 1024  # at a time: what is between two layers stays small
_TINY: Final = 1e-12  # as Keras has it: a vector of zeros stays one
# What numpy and zipfile raise for a file that is not what they expect. RuntimeError: a part of it is encrypted.
_UNREADABLE: Final = (
    ValueError, TypeError, KeyError, EOFError, OSError, RuntimeError, MemoryError,
    struct.error, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """`kernel` [inputs, units] and `bias` [units]."""

    kernel: Floats
    bias: Floats
    activation: Activation


@dataclass(frozen=True, slots=True, eq=False)
class DenseHead:
    """A `Comparator`. `length`: what both embeddings are brought to first; 0 where they are taken as they come.

    A head knows what it has learned and may say anything of the rest: below `floor` it is not asked, and the score 0.
    """

    length: float
    layers: tuple[Dense, ...]
    score: Score = "head"
    floor: float = -math.inf

    def against(self, many: Floats, others: Floats) -> Floats:
        ones, against = self._brought(many), self._brought(others)
        if against.ndim == 1:
            found = self._scores(ones, against)
        else:
            found = np.empty((len(ones), len(against)), np.float32)
            for column, other in enumerate(against):
                found[:, column] = self._scores(ones, other)
        found[COSINE.against(many, others) < self.floor] = 0
        return found

    def paired(self, ones: Floats, others: Floats) -> NDArray[np.float64]:
        found = self._scores(self._brought(ones), self._brought(others)).astype(np.float64)
        found[COSINE.paired(ones, others) < self.floor] = 0
        return found

    def _brought(self, vectors: Floats) -> Floats:
        if not self.length:
            return vectors
        lengths = np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _TINY)
        return np.asarray(vectors / lengths * np.float32(self.length), np.float32)

    def _scores(self, ones: Floats, others: Floats) -> Floats:
        """Rows [n, d] with one [d] or with each row's own [n, d]: [n]."""
        found = np.full(len(ones), np.nan, np.float32)
        if ones.shape[-1] != len(self.layers[0].kernel):
            return found
        for start in range(0, len(ones), _ROWS):
            rows = slice(start, start + _ROWS)
            x = np.abs(ones[rows] - (others if others.ndim == 1 else others[rows]))
            for layer in self.layers:
                x = _activated(x @ layer.kernel + layer.bias, layer.activation)
            found[rows] = x[:, 0]
        return found


def _activated(x: Floats, activation: Activation) -> Floats:
    if activation == "relu":
        return np.maximum(x, np.float32(0))
    # A sigmoid by its other name, which does not overflow.
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x), np.float32) if activation == "sigmoid" else x


def open_comparator(models: Path, card: Card) -> Comparator:
    """What the thresholds of an embedder's card are thresholds of.

    Raises ModelError where that is a head which is missing, altered, or cannot be used.
    """
    if card.score != "head":
        return COSINE
    name, content = verified_head(models, card)
    try:
        head = decoded(content)
    except _UNREADABLE as error:
        raise ModelError(f"{name}: holds no head: {error}") from None
    reason = unusable(head, card.output.shape[-1])
    if reason is not None:
        raise ModelError(f"{name}: the card's thresholds are of this head's score, and it cannot be used: {reason}")
    return head if isinstance(card.floor, UnsetType) else replace(head, floor=card.floor)


def unusable(head: DenseHead, dimension: int) -> str | None:
    """Why the door cannot compare embeddings of `dimension` numbers by `head`; None where it can.

    It takes |a - b|, so it is symmetric by its making. It has to be free of scale as well, for the door keeps
    embeddings of unit length only, and to end in one number from 0 to 1. Whether that is larger for one face than for
    two, only pictures can tell: of a head with its labels the other way round no enrolment comes to anything.
    """
    if not (np.isfinite(head.length) and head.length > 0):
        return "it is not free of scale: it compares embeddings of whatever length, and the door keeps unit length only"
    misfit = _misfit(head.layers, dimension)
    if misfit is None:
        probes = _probes(dimension)
        with np.errstate(all="ignore"):
            if not np.isfinite(head.against(probes, probes)).all():
                return "its score is not a number for every two embeddings"
    return misfit


def _misfit(layers: Sequence[Dense], dimension: int) -> str | None:
    inputs = dimension
    for layer in layers:
        if layer.kernel.ndim != 2 or layer.kernel.shape[0] != inputs or layer.bias.shape != layer.kernel.shape[1:]:
            return f"its layers do not fit each other, or embeddings of {dimension} numbers"
        if not (np.isfinite(layer.kernel).all() and np.isfinite(layer.bias).all()):
            return "it holds numbers that are not finite"
        inputs = len(layer.bias)
    if not layers or inputs != 1 or layers[-1].activation != "sigmoid":
        return "it does not end in one number between 0 and 1"
    return None


def encoded(head: DenseHead) -> bytes:
    """The file: plain arrays in a .npz, the same bytes for the same head."""
    arrays: dict[str, NDArray[np.generic]] = {
        "length": np.array(head.length, np.float64),
        "activations": np.array([layer.activation for layer in head.layers], "<U8"),
    }
    for number, layer in enumerate(head.layers):
        arrays |= {f"kernel{number}": layer.kernel.astype("<f4"), f"bias{number}": layer.bias.astype("<f4")}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, values in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as file:  # without the date of today
                np.lib.format.write_array(file, values, allow_pickle=False)
    return buffer.getvalue()


def decoded(content: bytes) -> DenseHead:
    """The head in a file. Raises what numpy and zipfile do for anything else."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:

        def array(name: str) -> NDArray[np.generic]:
            with archive.open(f"{name}.npy") as file:
                return np.asarray(np.lib.format.read_array(file, allow_pickle=False))

        def numbers(name: str) -> Floats:
            values = array(name)
            if values.dtype.str != "<f4":
                raise ValueError(f"{name} is not of 32-bit numbers")
            return values.astype(np.float32)

        layers = []
        for number, activation in enumerate(array("activations").tolist()):
            if activation not in get_args(Activation):
                raise ValueError(f"unknown activation {activation!r}")
            layers.append(Dense(numbers(f"kernel{number}"), numbers(f"bias{number}"), activation))
        return DenseHead(float(array("length").item()), tuple(layers))


def _probes(dimension: int) -> Floats:
    """Unit vectors [9, dimension] out of whole numbers alone, so that they are the same on every machine."""
    row, column = np.ogrid[1:10, 1 : dimension + 1]
    vectors = ((row * column * column + 7 * row * row * column) % 251 - 125).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

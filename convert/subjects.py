"""The network that `quantize` makes files of: the shipped embedder's, or the one that an imported card came from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.bring import counted
from convert.errors import ConversionError
from convert.quantize import to_tflite
from convert.release import space_of
from convert.sources import mobilefacenet
from convert.sources.imported import Imported, Wish
from convert.surgery import flattened
from edge.vision.cards import Card


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """`model` is a `keras.Model` that steps may change; `exact` and `half` are its float32 and float16 files.

    `weights` are the arrays that its space is made of.
    """

    model: Any
    exact: bytes
    half: bytes
    weights: Sequence[NDArray[np.float32]]

    def file(self, precision: str) -> bytes | None:
        """The file that it came with, if there is one of this precision: released again, its record still holds."""
        return {"float32": self.exact, "float16": self.half}.get(precision)


def shipped() -> Subject:
    """The shipped embedder, from its published weights."""
    model = mobilefacenet.fetch()
    exact, half = to_tflite(model, "float32"), to_tflite(model, "float16")
    return Subject(model, exact, half, model.get_weights())


def imported(path: Path, card: Card, tower: str | None = None) -> Subject:
    """The network in `path`, from which `card` was imported. Raises ConversionError when that is another one."""
    network = _read(path, Wish(card.input.shape[1], tower, card.input.order))
    if hashlib.sha256(network.exact).hexdigest() != card.float32_sha256:
        raise ConversionError(
            f"{path.name}: is not what the card of {card.name} was made of, or not as it was imported: name the same "
            "--tower, or import it again"
        )
    weights = counted(card.input, network.weights)
    template = str(card.template)
    if card.space not in {space_of(weights, template), space_of(weights, f"{template} {card.sha256}")}:
        raise ConversionError(f"{card.name}.json: its space is not that of its network and its input: import it again")
    return Subject(flattened(network.network), network.exact, network.small, weights)


def _read(path: Path, wish: Wish) -> Imported:
    if path.suffix == ".onnx":
        from convert.sources.onnx_file import import_onnx

        return import_onnx(path, wish, whole=True)
    if path.is_dir():
        from convert.sources.savedmodel import import_savedmodel

        return import_savedmodel(path, wish)
    from convert.sources.keras_file import import_keras

    return import_keras(path, wish)

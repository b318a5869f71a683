"""From an aligned face to a unit vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.values import Embedding, frozen_array
from edge.vision.align import TEMPLATES, Points
from edge.vision.cards import Card
from edge.vision.runtime import Network


class Embedder:
    """The siamese network. `space` is where its vectors live, `template` and `size` how its crops are cut."""

    def __init__(self, network: Network, card: Card) -> None:
        if network.input_shape[1] != network.input_shape[2] or [len(shape) for shape in network.output_shapes] != [2]:
            raise ModelError(f"{card.name}: must take a square picture and give one vector")
        if card.space is None or card.template not in TEMPLATES:
            raise ModelError(f"{card.name}: template {card.template!r} is not one of {', '.join(TEMPLATES)}")
        self.space: str = card.space
        self.size = network.input_shape[1]
        self.template: Points = TEMPLATES[card.template]
        self._network = network
        self._input = card.input

    def embed(self, pixels: NDArray[np.uint8]) -> Embedding | None:
        """RGB uint8 [size, size, 3] -> unit vector; None when the network gives no direction (zero, NaN, infinity)."""
        vector = self._network.run(self._input.tensor(pixels))[0][0].astype(np.float64)
        length = float(np.linalg.norm(vector))
        if not 0 < length < np.inf:
            return None
        return Embedding(frozen_array((vector / length).astype(np.float32)), self.space)

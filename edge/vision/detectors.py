"""Which of the three detectors finds the faces. Whichever it is, the mesh has the last word on what is a face."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.settings import VisionSettings
from edge.values import Face
from edge.vision import mtcnn
from edge.vision.blazeface import BlazeFace
from edge.vision.cards import Card, Role
from edge.vision.haar import Haar
from edge.vision.mtcnn import Mtcnn
from edge.vision.networks import open_network


class Detector(Protocol):
    """Finds faces. Their boxes mean the same whoever found them: the size gate and the mesh count on it."""

    def find(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """The faces of a BGR image, largest box first."""


def open_detector(settings: VisionSettings, models: Path) -> tuple[Detector, Mapping[Role, Card]]:
    """`vision.detector` and the cards of its networks: one, for `mtcnn` three, for `haar` none.

    Raises ModelError when a model, runtime or cascade is missing, altered or unfit.
    """
    match settings.detector:
        case "blazeface":
            network, card = open_network(settings, models, "blazeface", "detector")
            return BlazeFace(network, card, settings.minimum_detector_score), {"detector": card}
        case "mtcnn":
            stages = [open_network(settings, models, name, role) for role, name in mtcnn.NETWORKS.items()]
            cards = {card.role: card for _, card in stages}
            return Mtcnn(stages, settings.minimum_detector_score), cards
        case "haar":
            return Haar(), {}

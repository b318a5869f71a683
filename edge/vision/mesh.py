"""Looking closely at one box: 468 landmarks, and whether this is a face at all.

Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", arXiv:1907.06724. Its second
output is the better judge of what is a face: it turns down nearly all of the detector's false alarms.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.values import Face, frozen_array
from edge.vision.align import Matrix, Points, similarity_transform, warp
from edge.vision.cards import Card
from edge.vision.runtime import Network

SIDE: Final = 192
_OUTPUTS: Final = ((1, 1, 1, 1404), (1, 1, 1, 1))
_MARGIN: Final = 1.5  # the network was trained on boxes this much larger than the detector's
_REACH: Final = 4.0 * SIDE  # nothing real lies further out; also keeps out NaN and infinity
_FIVE: Final = ((33, 133), (362, 263), (4,), (61,), (291,))  # eyes (their corners' middle), nose tip, mouth corners


class FaceMesh:
    """The landmark network."""

    def __init__(self, network: Network, card: Card) -> None:
        if network.input_shape != (1, SIDE, SIDE, 3) or network.output_shapes != _OUTPUTS:
            raise ModelError(f"{card.name}: is not a face mesh of 468 points from {SIDE} x {SIDE} pixels")
        self._network = network
        self._input = card.input

    def examine(self, image: NDArray[np.uint8], face: Face) -> Face:
        """`face` of a BGR image with presence, landmarks and mesh; only presence 0 where the network makes no sense."""
        matrix = _to_crop(face)
        pixels = np.asarray(cv2.cvtColor(warp(image, matrix, SIDE), cv2.COLOR_BGR2RGB), np.uint8)
        points, presence = self._network.run(self._input.tensor(pixels))
        return read(face, points.reshape(468, 3), float(presence[0, 0, 0, 0]), matrix)


def read(face: Face, points: Points, logit: float, matrix: Matrix) -> Face:
    """The network's outputs (`points` [468, 3] in crop pixels) -> `face` with landmarks in frame pixels."""
    if not (np.abs(points) <= _REACH).all() or math.isnan(logit):
        return replace(face, presence=0.0)
    turn, scale = matrix[:, :2], float(np.hypot(matrix[0, 0], matrix[1, 0]))
    mesh = np.column_stack([(points[:, :2] - matrix[:, 2]) @ np.linalg.inv(turn).T, points[:, 2] / scale])
    landmarks = np.stack([mesh[list(indices), :2].mean(axis=0) for indices in _FIVE])
    if np.ptp(landmarks, axis=0).max() < 1:
        return replace(face, presence=0.0)  # all in one spot: nothing to align
    return replace(
        face,
        presence=1 / (1 + math.exp(-max(-80.0, min(80.0, logit)))),
        landmarks=frozen_array(landmarks.astype(np.float32)),
        mesh=frozen_array(mesh.astype(np.float32)),
    )


def _to_crop(face: Face) -> Matrix:
    """Frame pixels -> crop pixels: the box, larger by the margin, square, eyes level."""
    across = face.keypoints[1] - face.keypoints[0]
    length = float(np.linalg.norm(across))
    level = across / length if length > 0 else np.array([1, 0])
    box = face.box
    middle = np.array([box.x + box.width / 2, box.y + box.height / 2])
    edge = middle + level * max(box.width, box.height) * _MARGIN / 2
    return similarity_transform(np.stack([middle, edge]), np.array([[SIDE / 2, SIDE / 2], [SIDE, SIDE / 2]]))

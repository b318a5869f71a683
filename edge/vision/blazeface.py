"""Finding faces: BlazeFace `back`, 256 x 256 pixels, 896 anchors.

Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", arXiv:1907.05047: the anchors, the
decoding and the blending instead of plain suppression are of that paper and its MediaPipe graph.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.values import Box, Face, frozen_array
from edge.vision.cards import Card
from edge.vision.runtime import Network

SIDE: Final = 256
_OUTPUTS: Final = ((1, 896, 16), (1, 896, 1))
_SAME_FACE: Final = 0.3  # overlap from which two boxes are one face
_REACH: Final = 4.0 * SIDE  # nothing real lies further out; also keeps out NaN and infinity

Floats = NDArray[np.float64]


class BlazeFace:
    """The detector. `minimum` is the detector score below which nothing is reported."""

    def __init__(self, network: Network, card: Card, minimum: float) -> None:
        if network.input_shape != (1, SIDE, SIDE, 3) or network.output_shapes != _OUTPUTS:
            raise ModelError(f"{card.name}: is not a BlazeFace of {SIDE} x {SIDE} pixels with 896 anchors")
        self._network = network
        self._input = card.input
        self._minimum = minimum

    def find(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """The faces of a BGR image, largest box first."""
        canvas, scale, left, top = _letterbox(image)
        boxes, scores = self._network.run(self._input.tensor(canvas))
        candidates = blend(decode(boxes[0], scores[0, :, 0], self._minimum))
        faces = (_face(row, scale, left, top) for row in candidates)
        return tuple(sorted(faces, key=lambda face: face.box.area, reverse=True))


def decode(boxes: NDArray[np.float32], scores: NDArray[np.float32], minimum: float) -> Floats:
    """The network's raw `boxes` [896, 16] and `scores` [896] -> rows of score, left, top, right, bottom, 6 x (x, y).

    Pixels of the 256 x 256 input. What is below `minimum`, not finite, under a pixel large or far outside is dropped.
    """
    logit = np.log(minimum / max(1 - minimum, 1e-9))
    usable = (scores >= logit) & (np.abs(boxes) <= _REACH).all(axis=1) & (boxes[:, 2:4] >= 1).all(axis=1)
    score = 1 / (1 + np.exp(-np.clip(scores[usable].astype(np.float64), -80, 80)))
    points, anchors = boxes[usable].astype(np.float64).reshape(-1, 8, 2), _ANCHORS[usable]
    centre, half, keypoints = points[:, 0] + anchors, points[:, 1] / 2, points[:, 2:] + anchors[:, np.newaxis]
    return np.column_stack([score, centre - half, centre + half, keypoints.reshape(-1, 12)])


def blend(rows: Floats) -> list[Floats]:
    """Boxes that overlap are one face: their mean, weighted by score, with the best one's score. Best first."""
    rest = rows[np.argsort(-rows[:, 0], kind="stable")]
    faces = []
    while len(rest):
        same = _overlaps(rest[0], rest) >= _SAME_FACE
        same[0] = True  # a box overlaps itself, whatever rounding says
        face = np.average(rest[same], axis=0, weights=rest[same, 0])
        face[0] = rest[0, 0]
        faces.append(face)
        rest = rest[~same]
    return faces


def _overlaps(row: Floats, rows: Floats) -> Floats:
    """Intersection over union of one row's box with every row's."""
    inner = np.minimum(row[3:5], rows[:, 3:5]) - np.maximum(row[1:3], rows[:, 1:3])
    shared = inner.clip(0).prod(axis=1)
    areas = (rows[:, 3:5] - rows[:, 1:3]).prod(axis=1)
    return np.asarray(shared / ((row[3:5] - row[1:3]).prod() + areas - shared))


def _letterbox(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float, int, int]:
    """The whole image, in proportion, in the middle of a black RGB square; its scale and left and top margins."""
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
    left, top = (SIDE - inner[0]) // 2, (SIDE - inner[1]) // 2
    canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
    return canvas, scale, left, top


def _face(row: Floats, scale: float, left: int, top: int) -> Face:
    points = (row[1:].reshape(8, 2) - (left, top)) / scale
    (x, y), (right, bottom) = points[0].tolist(), points[1].tolist()
    keypoints = frozen_array(points[2:].astype(np.float32))
    return Face(Box(x, y, right - x, bottom - y), float(row[0]), keypoints)


def _anchors() -> Floats:
    """Centres [896, 2] in input pixels: two per cell at stride 16, then six per cell at stride 32, row by row."""
    layers = []
    for stride, per_cell in ((16, 2), (32, 6)):
        middles = (np.arange(SIDE // stride) + 0.5) * stride
        down, across = np.meshgrid(middles, middles, indexing="ij")
        layers.append(np.repeat(np.column_stack([across.ravel(), down.ravel()]), per_cell, axis=0))
    return np.concatenate(layers)


_ANCHORS: Final = frozen_array(_anchors())

"""Finding faces: MTCNN, three small networks that look ever closer at ever fewer places.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", arXiv:1604.02878.
P-Net proposes squares of 12 x 12 pixels in the picture at many sizes, R-Net looks at each at 24 x 24, O-Net at 48 x 48
and adds five points. All sizes of the picture lie side by side on one canvas, so that P-Net runs once for a frame and
its input never changes shape: it sees no further than its 12 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.values import Face, frozen_array
from edge.vision.boxes import at_most, common_box
from edge.vision.cards import Card, Role
from edge.vision.runtime import Network

_LONGEST: Final = 640  # pixels of the picture that R-Net and O-Net look at
_OUTSIDE: Final = (127, 127, 127)  # zero to the networks
SIDE: Final = 256  # of the largest copy of the picture: a face of 1/21 of the picture's longer side is just seen
_SHRINK: Final = 0.709  # from one copy to the next: half the area
_CELL: Final = 12
_STRIDE: Final = 2
_PROPOSED: Final = 0.6  # the score of P-Net, and of R-Net, with which the published cascade goes on
_REFINED: Final = 0.7
_MOST_PROPOSALS: Final = 64  # these two bound the time that a picture full of patterns can cost
_MOST_REFINED: Final = 16
_REACH: Final = 4.0  # no correction is so large, in boxes; also keeps out NaN and infinity

Floats = NDArray[np.float64]


class Copy(NamedTuple):
    """One size of the picture on the canvas: a square of `side` pixels with its corner at `left`, `top`."""

    side: int
    left: int
    top: int


def _copies() -> tuple[Copy, ...]:
    """The largest on the left, the next two to its right, the small ones in the room that is left below these."""
    sides = [SIDE * _SHRINK**step for step in range(9)]
    wide, middle, small, smaller, *rest = (round(side / _STRIDE) * _STRIDE for side in sides)
    third = wide + middle
    copies = [Copy(wide, 0, 0), Copy(middle, wide, 0), Copy(small, third, 0), Copy(smaller, third, small)]
    left = wide
    for side in rest[:-1]:
        copies.append(Copy(side, left, middle))
        left += side
    return (*copies, Copy(rest[-1], third + smaller, small))


COPIES: Final = _copies()
CANVAS: Final = (SIDE, sum(copy.side for copy in COPIES[:3]))  # height, width
PROPOSALS: Final = tuple((side - _CELL) // _STRIDE + 1 for side in CANVAS)
NETWORKS: Final[dict[Role, str]] = {"proposals": "mtcnn_pnet", "refinement": "mtcnn_rnet", "detector": "mtcnn_onet"}
SHAPES: Final = {  # of each network's input and output: 4 corrections, a score, and O-Net's 5 x and 5 y
    "mtcnn_pnet": ((1, *CANVAS, 3), (1, *PROPOSALS, 5)),
    "mtcnn_rnet": ((1, 24, 24, 3), (1, 5)),
    "mtcnn_onet": ((1, 48, 48, 3), (1, 15)),
}


class Mtcnn:
    """The cascade. `minimum` is O-Net's score below which nothing is reported."""

    def __init__(self, networks: Sequence[tuple[Network, Card]], minimum: float) -> None:
        for (network, card), (name, shapes) in zip(networks, SHAPES.items(), strict=True):
            if (network.input_shape, *network.output_shapes) != shapes:
                raise ModelError(f"{card.name}: is not the {name} of an MTCNN with a canvas of {CANVAS}")
        self._pnet, self._rnet, self._onet = networks
        self._minimum = minimum

    def find(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """The faces of a BGR image, largest box first."""
        image, shrunk = at_most(image, _LONGEST)
        canvas, scale = lay_out(image)
        network, card = self._pnet
        proposals = propose(network.run(card.input.tensor(canvas))[0][0], image.shape[:2], scale)
        refined = self._look(self._rnet, image, thin_out(proposals, 0.7)[:_MOST_PROPOSALS], _REFINED)
        found = self._look(self._onet, image, thin_out(refined, 0.7)[:_MOST_REFINED], self._minimum)
        faces = (_face(row, shrunk) for row in thin_out(found, 0.7, of_smaller=True))
        return tuple(sorted(faces, key=lambda face: face.box.area, reverse=True))

    @staticmethod
    def _look(stage: tuple[Network, Card], image: NDArray[np.uint8], rows: Floats, minimum: float) -> Floats:
        """Look at each box of `rows` again, as a square: the corrected rows with the new score and points."""
        network, card = stage
        side = network.input_shape[1]
        squares = square(rows)
        outputs = np.empty((len(squares), network.output_shapes[0][1]))
        for index, (_, left, top, right, _) in enumerate(squares[:, :5].tolist()):
            scale = side / (right - left)
            matrix = np.array([[scale, 0, (0.5 - left) * scale - 0.5], [0, scale, (0.5 - top) * scale - 0.5]])
            pixels = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=_OUTSIDE)
            outputs[index] = network.run(card.input.tensor(np.asarray(pixels[..., ::-1], np.uint8)))[0][0]
        return correct(squares, outputs, minimum)


def lay_out(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """The canvas with all sizes of a BGR image, each in its square's upper left corner, and the scale of the largest.

    The canvas is RGB.
    """
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    canvas = np.zeros((*CANVAS, 3), np.uint8)
    first: NDArray[np.uint8] | None = None
    for side, left, top in COPIES:
        inner = max(1, round(width * scale * side / SIDE)), max(1, round(height * scale * side / SIDE))
        if min(inner) < _CELL:
            break
        source = image if first is None else first
        small = np.asarray(cv2.resize(source, inner, interpolation=cv2.INTER_AREA), np.uint8)
        first = small if first is None else first
        canvas[top : top + inner[1], left : left + inner[0]] = small[..., ::-1]
    return canvas, scale


def propose(cells: NDArray[np.float32], shape: tuple[int, ...], scale: float) -> Floats:
    """P-Net's output [rows, columns, 5] for a picture of `shape` -> rows of score, left, top, right, bottom.

    Boxes in frame pixels, thinned out within each size. A cell that sees two sizes at once, or nothing, says nothing.
    """
    found = []
    for side, left, top in COPIES:
        height, width = (round(length * scale * side / SIDE) for length in shape)
        if min(height, width) < _CELL:
            break
        down, across = ((length - _CELL) // _STRIDE + 1 for length in (height, width))
        part = cells[top // _STRIDE : top // _STRIDE + down, left // _STRIDE : left // _STRIDE + across]
        rows, columns = np.nonzero(part[..., 4] >= _logit(_PROPOSED))
        corners = np.column_stack([columns, rows]) * _STRIDE
        boxes = np.column_stack([np.zeros(len(rows)), corners, corners + _CELL]) * (SIDE / (scale * side))
        found.append(thin_out(correct(boxes, part[rows, columns].astype(np.float64), _PROPOSED), 0.5))
    return np.concatenate(found) if found else np.empty((0, 5))


def correct(rows: Floats, outputs: Floats, minimum: float) -> Floats:
    """Boxes moved as the network says, with its score, and the points, where it gives any, in frame pixels.

    `outputs` [n, 5 or 15]: left, top, right, bottom as shares of the box, the logit, 5 x, 5 y. What is below `minimum`,
    not finite, under a pixel large or far outside is dropped.
    """
    usable = (outputs[:, 4] >= _logit(minimum)) & (np.abs(np.delete(outputs, 4, axis=1)) <= _REACH).all(axis=1)
    outputs, corners = outputs[usable], rows[usable, 1:5]
    sizes = corners[:, 2:] - corners[:, :2]
    moved = corners + outputs[:, :4] * np.tile(sizes, 2)
    score = 1 / (1 + np.exp(-np.clip(outputs[:, 4], -80, 80)))
    points = outputs[:, 5:].reshape(len(outputs), 2, (outputs.shape[1] - 5) // 2).swapaxes(1, 2)
    points = points * sizes[:, np.newaxis] + corners[:, np.newaxis, :2]
    corrected = np.column_stack([score, moved, points.reshape(len(outputs), outputs.shape[1] - 5)])
    return corrected[(moved[:, 2:] - moved[:, :2] >= 1).all(axis=1)]


def thin_out(rows: Floats, limit: float, *, of_smaller: bool = False) -> Floats:
    """Of boxes that overlap by more than `limit` (of their union, or of the smaller) only the best. Best first."""
    rows = rows[np.argsort(-rows[:, 0], kind="stable")]
    areas = (rows[:, 3:5] - rows[:, 1:3]).prod(axis=1)
    kept, rest = np.zeros(len(rows), bool), np.arange(len(rows))
    while len(rest):
        best, rest = rest[0], rest[1:]
        kept[best] = True
        inner = np.minimum(rows[best, 3:5], rows[rest, 3:5]) - np.maximum(rows[best, 1:3], rows[rest, 1:3])
        shared = inner.clip(0).prod(axis=1)
        whole = np.minimum(areas[best], areas[rest]) if of_smaller else areas[best] + areas[rest] - shared
        rest = rest[shared <= limit * whole]
    return rows[kept]


def square(rows: Floats) -> Floats:
    """The same boxes, grown to squares around their middles."""
    middle, half = (rows[:, 1:3] + rows[:, 3:5]) / 2, (rows[:, 3:5] - rows[:, 1:3]).max(axis=1, keepdims=True) / 2
    return np.column_stack([rows[:, 0], middle - half, middle + half])


def _face(row: Floats, scale: float) -> Face:
    left, top, right, bottom = (row[1:5] / scale).tolist()
    box = common_box(left, top, right - left, bottom - top, share=0.85, down=0.08)
    return Face(box, float(row[0]), frozen_array((row[5:] / scale).reshape(5, 2).astype(np.float32)))


def _logit(score: float) -> float:
    return float(np.log(score / max(1 - score, 1e-9)))

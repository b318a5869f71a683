"""Cutting faces out of pictures: the five-point alignment every embedding rests on.

Enrolment, decision, training and evaluation all use `align`: another way of cropping would be another embedding space.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
Matrix = NDArray[np.float64]

# Where eyes, nose tip and mouth corners belong, picture left to right, in a crop of 112 x 112 pixels.
TEMPLATES: Final[dict[str, Points]] = {
    "arcface112": np.array(
        [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
        np.float32,
    ),
}
_TEMPLATE_SIDE: Final = 112


def align(image: NDArray[np.uint8], landmarks: Points, template: Points, size: int) -> NDArray[np.uint8]:
    """Bring the five `landmarks` [5, 2] of a BGR image onto `template`; RGB uint8 [size, size, 3].

    What lies outside of the picture is black.
    """
    matrix = similarity_transform(landmarks, template * (size / _TEMPLATE_SIDE))
    return np.asarray(cv2.cvtColor(warp(image, matrix, size), cv2.COLOR_BGR2RGB), np.uint8)


def similarity_transform(source: NDArray[np.floating], target: NDArray[np.floating]) -> Matrix:
    """The rotation, scale and shift [2, 3] that bring `source` [n, 2] nearest to `target` [n, 2], in least squares.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 13(4), 1991; in
    the plane and without mirroring, one complex division is all of it. Raises ValueError when all points coincide.
    """
    points, goals = _complex(source), _complex(target)
    centred = points - points.mean()
    spread = float(np.vdot(centred, centred).real)
    if not spread > 0:
        raise ValueError("the points coincide: no transform brings them to the template")
    turn = complex(np.vdot(centred, goals - goals.mean())) / spread
    shift = complex(goals.mean()) - turn * complex(points.mean())
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def warp(image: NDArray[np.uint8], matrix: Matrix, size: int) -> NDArray[np.uint8]:
    """Sample `image` through `matrix` (image pixels -> crop pixels) into a square of `size`, channels as they are.

    Bilinear sampling looks at four pixels only; a large photograph is shrunk first, so that none is skipped.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    by = int(0.5 / max(scale, 1e-6))
    if by >= 2:
        image, matrix = _shrunk(image, matrix, by)
    return np.asarray(cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR), np.uint8)


def _shrunk(image: NDArray[np.uint8], matrix: Matrix, by: int) -> tuple[NDArray[np.uint8], Matrix]:
    """The image made smaller `by` a whole factor, and the matrix that samples it as `matrix` sampled the original."""
    height, width = (max(1, side // by) for side in image.shape[:2])
    whole = image[: height * by, : width * by]
    small = np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    middle = np.full(2, (by - 1) / 2)  # of the first shrunk pixel, in original pixels
    return small, np.column_stack([matrix[:, :2] * by, matrix[:, :2] @ middle + matrix[:, 2]])


def _complex(points: NDArray[np.floating]) -> NDArray[np.complex128]:
    return points[:, 0].astype(np.float64) + 1j * points[:, 1].astype(np.float64)

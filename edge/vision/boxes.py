"""What the other detectors need to give the same Face as BlazeFace, in pictures of any size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Box


def at_most(image: NDArray[np.uint8], longest: int) -> tuple[NDArray[np.uint8], float]:
    """The image, shrunk so that its longer side has at most `longest` pixels, and its scale: it bounds the time."""
    scale = min(1.0, longest / max(image.shape[:2]))
    if scale == 1:
        return image, scale
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def common_box(left: float, top: float, width: float, height: float, *, share: float, down: float) -> Box:
    """BlazeFace's kind of box, which the size gate and the mesh know, from another detector's around the same face.

    `share` of the longer side is its side, and its middle lies `down` longer sides below the other's: medians over the
    faces that BlazeFace and the other detector both found in 300 photographs.
    """
    longer = max(width, height)
    side = share * longer
    return Box(left + (width - side) / 2, top + (height - side) / 2 + down * longer, side, side)

"""Whether mouth and eyes can be seen: a mask, a hand or sunglasses leave their part of the face without its lines.

Both figures are ratios of the same crop, so that light, contrast and blur hardly move them. They know nothing of caps,
and little of what is see-through or patterned.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

# Parts of an aligned crop of 112 x 112 pixels (edge.vision.align): rows, columns.
_SIDE: Final = 112
_FACE: Final = np.s_[30:106, 26:86]
_LOWER: Final = np.s_[64:106, 26:86]
_MOUTH: Final = np.s_[84:104, 44:69]
_EYES: Final = (np.s_[44:60, 30:48], np.s_[44:60, 64:82])
_FLAT: Final = 1e-6


def visible(luma: NDArray[np.uint8]) -> tuple[float, float]:
    """How clearly mouth and eyes stand out in the luma of an aligned crop, uint8 [size, size]; 0 is not at all.

    Mouth: the strongest line across it, in mean gradients of the face. Between lips there is a long level edge, and on
    a mask or hand none as long. Eyes: the mean gradient at the fainter one, in mean gradients of the lower face.
    """
    if luma.shape[0] != _SIDE:
        luma = np.asarray(cv2.resize(luma, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    down = np.asarray(cv2.Sobel(luma, cv2.CV_32F, 0, 1), np.float32)
    across = np.asarray(cv2.Sobel(luma, cv2.CV_32F, 1, 0), np.float32)
    gradient = np.hypot(across, down)
    line = float(np.abs(down[_MOUTH].mean(axis=1)).max())
    fainter = min(float(gradient[eye].mean()) for eye in _EYES)
    return line / max(float(gradient[_FACE].mean()), _FLAT), fainter / max(float(gradient[_LOWER].mean()), _FLAT)

"""Reading a picture file that somebody else made."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


def read_picture(path: str | Path) -> NDArray[np.uint8] | None:
    """BGR uint8 [height, width, 3], turned upright as its EXIF says; None when it cannot be read as a picture."""
    try:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error:  # more pixels than OpenCV dares to decode
        return None
    return None if image is None else image.astype(np.uint8, copy=False)

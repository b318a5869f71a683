"""Finding faces: the cascade of Haar features that OpenCV 4 ships, the detector of the classic tutorials.

Viola and Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features", CVPR 2001. It needs no network; it
says where an upright, frontal face is and nothing more: no score, so that `vision.minimum_detector_score` does nothing
here, and no points, so that the eyes, by which the mesh's crop is levelled, are guessed from the box.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.values import Face, frozen_array
from edge.vision.boxes import at_most, common_box

_FILE: Final = "haarcascade_frontalface_default.xml"
_LONGEST: Final = 640  # pixels of the picture it looks at
# The classic settings. Evening the light out first, as many tutorials do, triples the misses in a plain hall.
_STEP: Final = 1.3  # from one size to the next
_NEIGHBOURS: Final = 3  # so many hits in one place are a face
_SMALLEST: Final = 30  # pixels
_EYES: Final = ((0.31, 0.39), (0.68, 0.39))  # where they are in the box of an upright face: medians of 290 pictures


class Haar:
    """The detector."""

    def __init__(self) -> None:
        self._cascade = _load()

    def find(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """The faces of a BGR image, largest box first."""
        small, scale = at_most(image, _LONGEST)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        found = self._cascade.detectMultiScale(grey, _STEP, _NEIGHBOURS, minSize=(_SMALLEST, _SMALLEST))
        faces = [_face(*(side / scale for side in box)) for box in np.reshape(found, (-1, 4)).tolist()]
        return tuple(sorted(faces, key=lambda face: face.box.area, reverse=True))


def _load() -> Any:
    """The cascade. Raises ModelError where this OpenCV has none."""
    if not hasattr(cv2, "CascadeClassifier"):
        raise ModelError(f"vision.detector: haar needs OpenCV 4, and this is {cv2.__version__}; choose blazeface")
    path = Path(cv2.__file__).parent / "data" / _FILE
    cascade = cv2.CascadeClassifier()
    try:
        loaded = cascade.load(str(path))
    except cv2.error:
        loaded = False
    if not loaded:
        raise ModelError(f"vision.detector: haar: this OpenCV ({cv2.__version__}) comes without {path.name}")
    return cascade


def _face(x: float, y: float, width: float, height: float) -> Face:
    eyes = np.array([[x + across * width, y + down * height] for across, down in _EYES], np.float32)
    return Face(common_box(x, y, width, height, share=0.91, down=0.1), 1.0, frozen_array(eyes))

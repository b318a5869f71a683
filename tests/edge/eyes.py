"""Eyes for tests: the shipped networks, and pictures as a door's camera would take them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.clock import SystemClock
from edge.settings import QualitySettings, VisionSettings
from edge.values import Frame
from edge.vision import Eye, open_eye
from edge.vision.eye import Faces

MODELS = Path(__file__).parents[2] / "models"
NETWORKS = ("blazeface", "facemesh", "mobilefacenet")

Image = NDArray[np.uint8]


def an_eye(
    *,
    faces: Faces = "nearest",
    quality: QualitySettings | None = None,
    models: Path = MODELS,
    detector: Literal["blazeface", "mtcnn", "haar"] = "blazeface",
    points: Literal["mesh", "detector"] = "mesh",
) -> Eye:
    settings = VisionSettings(quality=quality or QualitySettings(), detector=detector, points=points)
    return open_eye(settings, models, SystemClock(), faces=faces)


def frame(image: Image) -> Frame:
    return Frame(image, at=1.0, number=1)


def at_the_door(*people: tuple[Image, int], width: int = 640, height: int = 480) -> Image:
    """A grey hall with pictures of people side by side, each `(picture, how many pixels wide)`."""
    hall = np.full((height, width, 3), 90, np.uint8)
    share = width // max(1, len(people))
    for place, (picture, across) in enumerate(people):
        scale = across / picture.shape[1]
        person = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:height, :share]
        left = place * share + (share - person.shape[1]) // 2
        hall[: person.shape[0], left : left + person.shape[1]] = person
    return hall

"""Eyes for tests: the shipped networks, and pictures as a door's camera would take them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.clock import SystemClock
from edge.settings import QualitySettings, VisionSettings
from edge.values import Frame, Person, Terms
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


def enrolled(face: Image, name: str, terms: Terms = Terms()) -> Person:  # noqa: B008 - a frozen value
    """Somebody with references made of this picture as it looks at the door."""
    eye = an_eye()
    seen = [eye.look(Frame(at_the_door((face, 400 + 6 * number)), 0.0, number)).embedding for number in range(5)]
    references = tuple(one for one in seen if one is not None)
    assert len(references) == 5
    return Person(name, name.title(), references, datetime(2026, 11, 1, tzinfo=UTC), terms)


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

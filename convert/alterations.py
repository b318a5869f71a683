"""What can come between a face and a good picture of it: each a function of a BGR picture and its examined face."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Face
from edge.vision.quality import pose

Image = NDArray[np.uint8]
Alteration = Callable[[Image, Face, np.random.Generator], Image]

_YAW: Final = 25.0
_DARK: Final = 0.25
_NOISE: Final = 6.0
_BLUR: Final = 2.5
_MASK: Final = (205, 195, 170)
_GLASSES: Final = (35, 35, 35)


def _rotated(degrees: float) -> Alteration:
    def rotate(image: Image, face: Face, random: np.random.Generator) -> Image:
        del face, random
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        return _bytes(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE))

    return rotate


def _blurred(image: Image, face: Face, random: np.random.Generator) -> Image:
    del face, random
    return _bytes(cv2.GaussianBlur(image, (0, 0), _BLUR))


def _dark(image: Image, face: Face, random: np.random.Generator) -> Image:
    """Little light, and the sensor's noise that goes with it."""
    del face
    return _bytes((image * _DARK + random.normal(0, _NOISE, image.shape)).round().clip(0, 255))


def _compressed(image: Image, face: Face, random: np.random.Generator) -> Image:
    del face, random
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return _bytes(cv2.imdecode(coded, cv2.IMREAD_COLOR))


def _halved(image: Image, face: Face, random: np.random.Generator) -> Image:
    del face, random
    return _bytes(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


def _covered_mouth(image: Image, face: Face, random: np.random.Generator) -> Image:
    """A plain mask: everything of the mesh below the bridge of the nose."""
    del random
    eyes, nose, down = _upright(face)
    mesh = _mesh(face)
    below = mesh[(mesh - eyes) @ down >= 0.6 * float((nose - eyes) @ down)]
    return _filled(image, cv2.convexHull(below.round().astype(np.int32)), _MASK)


def _covered_eyes(image: Image, face: Face, random: np.random.Generator) -> Image:
    """A dark bar, as of large sunglasses."""
    del random
    eyes, _, down = _upright(face)
    points = _points(face)
    between = float(np.linalg.norm(points[1] - points[0]))
    across = np.array([down[1], -down[0]])
    corners = [
        eyes + across * between * x + down * between * y for x, y in ((-1, -0.3), (1, -0.3), (1, 0.35), (-1, 0.35))
    ]
    return _filled(image, np.array(corners).round().astype(np.int32), _GLASSES)


def _turned(image: Image, face: Face, random: np.random.Generator) -> Image:
    """Turned further the way it is turned, roughly: each pixel moves as the mesh's depth there says.

    Nothing that was hidden comes to light.
    """
    del random
    mesh = _mesh(face, 3)
    height, width = image.shape[:2]
    depth = _depth(mesh, width, height)
    centre, angle = float(mesh[:, 0].mean()), -math.copysign(math.radians(_YAW), pose(_points(face))[0])
    rows, columns = np.indices((height, width), dtype=np.float32)
    source = columns.copy()
    for _ in range(5):  # where does the pixel seen here come from? The depth there decides, so ask again
        there = cv2.remap(depth, source, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        source = ((columns - centre - there * math.sin(angle)) / math.cos(angle) + centre).astype(np.float32)
    return _bytes(cv2.remap(image, source, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _depth(mesh: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """The mesh's depth as a smooth picture, 0 away from the face."""
    sums, counts = np.zeros((2, height, width), np.float32)
    columns, rows = mesh[:, :2].round().astype(int).T
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    np.add.at(sums, (rows[inside], columns[inside]), mesh[inside, 2])
    np.add.at(counts, (rows[inside], columns[inside]), 1.0)
    spread = float(np.ptp(mesh[:, 0])) / 20
    smooth = [np.asarray(cv2.GaussianBlur(one, (0, 0), spread), np.float32) for one in (sums, counts)]
    return np.asarray(smooth[0] / (smooth[1] + 1e-4), np.float32)


def _upright(face: Face) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """The middle of the eyes, the tip of the nose, and the direction of the chin."""
    points = _points(face)
    across = (points[1] - points[0]) / max(1e-6, float(np.linalg.norm(points[1] - points[0])))
    return (points[0] + points[1]) / 2, points[2], np.array([-across[1], across[0]], np.float32)


def _points(face: Face) -> NDArray[np.float32]:
    if face.landmarks is None:
        raise ValueError("the face has no landmarks: examine it first")
    return face.landmarks


def _mesh(face: Face, dimensions: int = 2) -> NDArray[np.float32]:
    if face.mesh is None:
        raise ValueError("the face has no mesh: examine it first")
    return face.mesh[:, :dimensions]


def _filled(image: Image, corners: cv2.typing.MatLike, colour: tuple[int, int, int]) -> Image:
    covered = image.copy()
    cv2.fillPoly(covered, [corners], colour, lineType=cv2.LINE_AA)
    return covered


def _bytes(image: object) -> Image:
    return np.asarray(image, np.uint8)


ALTERATIONS: Final[Mapping[str, Alteration]] = {
    "as it is": lambda image, _face, _random: image,
    "rotated by 30°": _rotated(-30),
    "rotated by -30°": _rotated(30),
    f"blurred (Gaussian, {_BLUR:g} px)": _blurred,
    f"low light ({_DARK:.0%}) and noise ({_NOISE:g} grey levels)": _dark,
    "JPEG quality 30": _compressed,
    "half size": _halved,
    "covered mouth": _covered_mouth,
    "covered eyes": _covered_eyes,
    f"turned by {_YAW:g}° more (by warping)": _turned,
}

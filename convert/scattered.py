"""Portraits as a door's camera might catch them: anywhere in a frame of 640 x 480, tilted, near or far, blurred, dark.

LFW's pictures are upright and centred (deep-funneled), which says nothing about how often a detector finds a face.
Seeded by each picture's name; around the portrait the frame is one grey.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from tqdm import tqdm

from convert.embeddings import CACHE, NOT_ACQUIRED, Device, Embedded, read_picture, signature
from convert.kept import Arrays, kept
from edge.values import Box, Face
from edge.vision.eye import Eye

Image = NDArray[np.uint8]

SIZE: Final = (640, 480)
_FACE: Final = 90.0  # pixels across a face in the middle of one of LFW's pictures
_NEAR: Final = 0.5  # face widths between the middles, up to which a box is of that face


class Scatter(Struct, frozen=True, forbid_unknown_fields=True):
    """Ranges of uniform draws: face width in pixels, tilt in degrees, blur (Gaussian, pixels), light, noise (levels).

    `grey` is around the portrait.
    """

    face: tuple[float, float] = (60.0, 200.0)
    tilt: tuple[float, float] = (-30.0, 30.0)
    blur: tuple[float, float] = (0.0, 2.5)
    light: tuple[float, float] = (0.2, 1.1)
    noise: tuple[float, float] = (0.0, 8.0)
    grey: int = 90
    seed: int = 1


class Place(NamedTuple):
    """Where the face is: its middle and its width, in pixels."""

    x: float
    y: float
    width: float

    def has(self, box: Box) -> bool:
        """Whether `box` is around this face."""
        apart = float(np.hypot(box.x + box.width / 2 - self.x, box.y + box.height / 2 - self.y))
        return apart <= _NEAR * self.width and 0.5 <= box.size / self.width <= 2


def scattered(image: Image, name: str, scatter: Scatter) -> tuple[Image, Place]:
    """A BGR portrait somewhere in a frame, and where its face then is."""
    random = np.random.default_rng([scatter.seed, zlib.crc32(name.encode())])
    face, tilt, blur, light, noise = (
        random.uniform(*span) for span in (scatter.face, scatter.tilt, scatter.blur, scatter.light, scatter.noise)
    )
    x, y = (random.uniform(0.6 * face, side - 0.6 * face) for side in SIZE)
    middle = (image.shape[1] / 2, image.shape[0] / 2)
    matrix = cv2.getRotationMatrix2D(middle, tilt, face / _FACE)
    matrix[:, 2] += x - middle[0], y - middle[1]
    smooth = cv2.INTER_LINEAR if face > _FACE else cv2.INTER_AREA
    frame = cv2.warpAffine(image, matrix, SIZE, flags=smooth, borderValue=(scatter.grey,) * 3)
    if blur > 0.2:
        frame = cv2.GaussianBlur(frame, (0, 0), blur)
    lit = frame * light + random.normal(0, noise, frame.shape)
    return lit.round().clip(0, 255).astype(np.uint8), Place(x, y, face)


class Found(NamedTuple):
    """Of every frame: the face's embedding, whether a box was around it, and how many believed faces were elsewhere."""

    embedded: Embedded
    boxed: NDArray[np.bool_]
    elsewhere: NDArray[np.int64]


def find_all(pictures: Sequence[Path], device: Device, eye: Eye, scatter: Scatter, cache: Path = CACHE) -> Found:
    """Scatter every picture and look for its face. `eye` is the device's own; what an earlier run found is kept."""
    digest = hashlib.sha256(f"{signature(pictures, device)} {scatter}".encode())
    digest.update(inspect.getsource(sys.modules[__name__]).encode())
    path = cache / f"scattered-{digest.hexdigest()[:32]}.npz"
    arrays = kept(path, len(pictures), lambda: _arrays(pictures, device, eye, scatter))
    embedded = Embedded(arrays["vectors"], arrays["words"], device.compare)
    return Found(embedded, arrays["boxed"], arrays["elsewhere"])


def _arrays(pictures: Sequence[Path], device: Device, eye: Eye, scatter: Scatter) -> Arrays:
    vectors = np.full((len(pictures), device.embedder.output.shape[1]), np.nan, np.float32)
    words = np.full(len(pictures), NOT_ACQUIRED, "<U16")
    boxed, elsewhere = np.zeros(len(pictures), np.bool_), np.zeros(len(pictures), np.int64)
    for row, path in enumerate(tqdm(pictures, desc=device.settings.detector, unit=" frames", disable=None)):
        frame, place = scattered(read_picture(path), f"{path.parent.name}/{path.name}", scatter)
        faces = eye.detect(frame)
        boxed[row] = any(place.has(face.box) for face in faces)
        believed = [face for face in (eye.examine(frame, one) for one in faces) if _believed(face, device)]
        elsewhere[row] = sum(not place.has(face.box) for face in believed)
        for face in (face for face in believed if place.has(face.box)):
            crop = eye.crop(frame, face)
            embedding = eye.embed(crop)
            if embedding is not None:
                vectors[row], words[row] = embedding.vector, eye.measure(crop).refusal or ""
                break
    return {"vectors": vectors, "words": words, "boxed": boxed, "elsewhere": elsewhere}


def _believed(face: Face, device: Device) -> bool:
    return face.landmarks is not None and (face.presence or 0.0) >= device.settings.quality.minimum_presence

"""People who do not exist, for the demo where no pictures of people are at hand: two real faces, mixed and bent.

A network can learn to tell them apart, and what it has learned then says nothing about real faces.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.embeddings import Device
from convert.errors import ConversionError
from convert.models import FOLDER
from convert.pictures import PICTURES
from convert.release import write_file
from convert.siamese.crops import read_colour
from edge.vision.align import TEMPLATES, align

PEOPLE: Final = 40
_EACH: Final = 10  # pictures
_SIDE: Final = 224
_BENDS: Final = 5  # a face is bent by moving this many times this many places, and everything between them
_REACH: Final = 0.035  # of the side, the deviation of that
# The template of a face, drawn in to the middle half of a picture: with hair and shoulders it is found again.
_WIDE: Final = (TEMPLATES["arcface112"] - 56) * 0.5 + 56

Picture = NDArray[np.uint8]
Random = np.random.Generator


def make_up(two: Path, folder: Path) -> Path:
    """Fill `folder` with made-up people out of the demo's pictures in `two`; what is whole already stays.

    Raises ConversionError when the pictures are not there, or the disk is full.
    """
    done = folder / ".whole"
    if done.exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    random, faces = np.random.default_rng(1), _two(two)
    for person in range(PEOPLE):
        face = _somebody(faces, random)
        for number in range(_EACH):
            packed = cv2.imencode(".jpg", _seen(face, random))[1]
            write_file(folder / f"nobody{person + 1:02d}" / f"{number}.jpg", packed.tobytes())
    write_file(done, b"")
    return folder


def _two(folder: Path) -> NDArray[np.float32]:
    """The two faces [2, side, side, 3], BGR, eyes and mouth in the same places."""
    device, faces = Device(FOLDER), []
    for name in PICTURES:
        image = read_colour(folder / name)
        crop = None if image is None else device.crop(image)
        if image is None or crop is None or crop.face.landmarks is None:
            raise ConversionError(f"{folder / name}: no face; `limen-convert pictures` fetches it")
        faces.append(align(image, crop.face.landmarks, _WIDE, _SIDE)[..., ::-1])
    return np.asarray(faces, np.float32)


def _somebody(faces: NDArray[np.float32], random: Random) -> Picture:
    """More of one than of the other, bent, and of another colour."""
    share = random.uniform(0, 1)
    mixed = share * faces[0] + (1 - share) * faces[1]
    across, down = (
        cv2.resize(random.normal(0, _REACH * _SIDE, (_BENDS, _BENDS)).astype(np.float32), (_SIDE, _SIDE))
        + np.indices((_SIDE, _SIDE), np.float32)[axis]
        for axis in (1, 0)
    )
    bent = cv2.remap(mixed, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray((bent * random.uniform(0.85, 1.15, 3)).clip(0, 255), np.uint8)


def _seen(face: Picture, random: Random) -> Picture:
    """Another moment: turned, nearer, in other light."""
    turn, grow, gain, side, lean, across, down = random.uniform(-1, 1, 7).tolist()
    matrix = np.asarray(cv2.getRotationMatrix2D((_SIDE / 2, _SIDE / 2), 10 * turn, 1 + 0.1 * grow), np.float64)
    matrix += np.array([[0, 0.08 * lean, 8 * across], [0, 0, 8 * down]])
    moved = cv2.warpAffine(face, matrix, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE)
    light = (1 + 0.2 * gain) * (1 + 0.25 * side * np.linspace(-1, 1, _SIDE))[np.newaxis, :, np.newaxis]
    noisy = moved * light + random.normal(0, 4, moved.shape)
    return np.asarray(noisy.clip(0, 255), np.uint8)

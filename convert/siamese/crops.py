"""The faces a network is trained on: cut as the door cuts them, or taken as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from convert.datasets import Identities
from convert.embeddings import CACHE, Device
from convert.errors import ConversionError
from convert.kept import kept
from convert.models import FOLDER
from convert.siamese.album import briefly
from convert.siamese.sampling import Rows
from edge.settings import VisionSettings
from edge.vision.align import TEMPLATES, align

Detector = Literal["blazeface", "mtcnn", "haar", "none"]
TEMPLATE: Final = "arcface112"
CUT: Final = "cut.json"  # in a folder of people whose pictures are faces, cut by the door's own code


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """RGB uint8 `pixels` [n, side, side, 3] of the people `people` [n] in the pictures `files` [n]."""

    pixels: NDArray[np.uint8]
    people: Rows
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def cut(part: Identities, digests: Mapping[Path, str], detector: Detector, size: int, cache: Path = CACHE) -> Crops:
    """A face of every picture in which one is found, kept under `build/` for the next run.

    With the detector `none` a picture is a face that was cut already: it is only brought to `size`. Otherwise it is
    found, aligned and cut by the device's own code. Raises ConversionError when too few faces are left to learn from.
    """
    device = None if detector == "none" else Device(FOLDER, VisionSettings(detector=detector))
    key = hashlib.sha256(f"{detector}\n".encode())
    for path in part.pictures:
        key.update(digests[path].encode())
    for role, card in sorted(device.cards.items()) if device else ():
        key.update(f"{role} {card.sha256}\n".encode())
    name, count = key.hexdigest()[:32], len(part.pictures)
    points = None
    if device is not None:
        points = kept(cache / f"points-{name}.npz", count, lambda: _points(part.pictures, device))["points"]
    made = kept(cache / f"faces-{name}-{size}.npz", count, lambda: _faces(part.pictures, points, size))
    pixels = np.asarray(made["pixels"])
    found = np.asarray(pixels.reshape(len(pixels), -1).any(axis=1))
    missing = [f"{file.parent.name}/{file.name}" for file, there in zip(part.pictures, found, strict=True) if not there]
    people = np.asarray(part.people, np.int64)[found]
    if len(np.unique(people)) < 2 or np.bincount(people).max() < 2:
        raise ConversionError(
            f"{len(missing)} of {len(part.pictures)} pictures have no face that {detector} finds ({briefly(missing)}): "
            "too few are left; another --detector, or `none` where the pictures are faces already"
        )
    notes = (f"no face found in {len(missing)} of {len(part.pictures)}: {briefly(missing)}",) if missing else ()
    files = tuple(file for file, there in zip(part.pictures, found, strict=True) if there)
    return Crops(pixels[found], people, files, notes)


def read_colour(path: Path) -> NDArray[np.uint8] | None:
    """BGR uint8, or None for what is no picture; also where OpenCV cannot open the file's name."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    return None if image is None else np.asarray(image, np.uint8)


def _points(files: Sequence[Path], device: Device) -> Mapping[str, NDArray[np.float32]]:
    """The five landmarks of each picture's face [n, 5, 2], NaN where there is none: what takes long, for any size."""
    points = np.full((len(files), 5, 2), np.nan, np.float32)
    for row, path in enumerate(tqdm(files, desc="finding faces", unit=" pictures", disable=None)):
        image = read_colour(path)
        crop = None if image is None else device.crop(image)
        if crop is not None and crop.face.landmarks is not None:
            points[row] = crop.face.landmarks
    return {"points": points}


def _faces(files: Sequence[Path], points: NDArray[np.float32] | None, size: int) -> Mapping[str, NDArray[np.uint8]]:
    """Every face, black where there is none: aligned by its landmarks, or without any the whole picture made square."""
    faces = np.zeros((len(files), size, size, 3), np.uint8)
    for row, path in enumerate(files):
        image = read_colour(path)
        if image is None or (points is not None and np.isnan(points[row]).any()):
            continue
        if points is not None:
            faces[row] = align(image, points[row], TEMPLATES[TEMPLATE], size)
        else:
            faces[row] = squared(image, size)
    return {"pixels": faces}


def squared(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A BGR picture that is a face already: RGB uint8 [size, size, 3]."""
    how = cv2.INTER_AREA if min(image.shape[:2]) >= size else cv2.INTER_LINEAR
    return np.asarray(cv2.cvtColor(cv2.resize(image, (size, size), interpolation=how), cv2.COLOR_BGR2RGB), np.uint8)

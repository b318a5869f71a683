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
    key = hashlib.sha256(f"{detector} {size}\n".encode())
    for path in part.pictures:
        key.update(digests[path].encode())
    device = None if detector == "none" else Device(FOLDER, VisionSettings(detector=detector))
    for role, card in sorted(device.cards.items()) if device else ():
        key.update(f"{role} {card.sha256}\n".encode())
    path = cache / f"faces-{key.hexdigest()[:32]}.npz"
    pixels = np.asarray(kept(path, len(part.pictures), lambda: {"pixels": _all(part.pictures, device, size)})["pixels"])
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


def face_of(image: NDArray[np.uint8], device: Device | None, size: int) -> NDArray[np.uint8] | None:
    """RGB uint8 [size, size, 3]; None where there is no face. Without a device, the whole picture made square."""
    if device is None:
        how = cv2.INTER_AREA if min(image.shape[:2]) >= size else cv2.INTER_LINEAR
        return np.asarray(cv2.cvtColor(cv2.resize(image, (size, size), interpolation=how), cv2.COLOR_BGR2RGB), np.uint8)
    crop = device.crop(image)
    if crop is None or crop.face.landmarks is None:
        return None
    return align(image, crop.face.landmarks, TEMPLATES[TEMPLATE], size)


def _all(files: Sequence[Path], device: Device | None, size: int) -> NDArray[np.uint8]:
    """All faces, black where there is none."""
    faces = np.zeros((len(files), size, size, 3), np.uint8)
    for row, path in enumerate(tqdm(files, desc="faces", unit=" pictures", disable=None)):
        image = read_colour(path)
        face = None if image is None else face_of(image, device, size)
        if face is not None:
            faces[row] = face
    return faces

"""Aligned crops, cut by the device's own eye: those a network is calibrated with, and those it is judged on."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from convert.embeddings import CACHE, Device, read_picture, signature
from convert.errors import ConversionError
from convert.kept import kept

SEED: Final = 1
COUNT: Final = 100
_PICTURES: Final = {".jpg", ".jpeg", ".png"}

Pixels = NDArray[np.uint8]


def calibration_crops(
    folder: Path, device: Device, judges: Collection[str] = (), count: int = COUNT, cache: Path = CACHE
) -> Pixels:
    """Crops uint8 [n, side, side, 3] of at most `count` pictures anywhere in `folder`, drawn with a fixed seed.

    The folders of the people in `judges` are left out: the gate judges with them. Raises ConversionError when there is
    no picture of others, one of those drawn cannot be read, or none has a face.
    """
    pictures = _pictures(folder, judges)
    drawn = sorted(random.Random(SEED).sample(pictures, min(count, len(pictures))))
    crops = aligned_crops(drawn, device, "calibration", cache)
    faces = crops[usable(crops)]
    if not len(faces):
        raise ConversionError(f"{folder}: none of the {len(drawn)} pictures drawn has a face to calibrate with")
    return faces


def aligned_crops(pictures: Sequence[Path], device: Device, what: str, cache: Path = CACHE) -> Pixels:
    """The crop of each picture, black where there is no face; kept under `build/` for the next network."""
    path = cache / f"crops-{signature(pictures, device)}.npz"
    return np.asarray(kept(path, len(pictures), lambda: {"crops": _cut(pictures, device, what)})["crops"])


def usable(crops: Pixels) -> NDArray[np.bool_]:
    """Which crops hold a face: [n]."""
    return np.asarray(crops.reshape(len(crops), -1).any(axis=1))


def _cut(pictures: Sequence[Path], device: Device, what: str) -> Pixels:
    side = device.embedder.input.shape[1]
    crops = np.zeros((len(pictures), side, side, 3), np.uint8)
    for row, path in enumerate(tqdm(pictures, desc=what, unit=" pictures", disable=None)):
        crop = device.crop(read_picture(path))
        if crop is not None:
            crops[row] = crop.pixels
    return crops


def _pictures(folder: Path, judges: Collection[str]) -> list[Path]:
    if not folder.is_dir():
        raise ConversionError(f"{folder}: no folder of pictures to calibrate with")
    every = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES)
    found = [path for path in every if path.parent.name not in judges]
    if every and not found:
        raise ConversionError(
            f"{folder}: only pictures of the people that are judged on; name others with --calibration"
        )
    if not found:
        other = next((path.name for path in sorted(folder.rglob("*")) if path.is_file()), "nothing")
        raise ConversionError(f"{folder}: no pictures (jpg or png) to calibrate with; it holds {other}")
    return found

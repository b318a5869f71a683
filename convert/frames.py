"""Visits made of photographs: one picture, jittered into the frames a camera might have seen, through the device's eye.

This is not a person in front of a camera: a face in a photograph does not turn, blink or walk up. What changes from
frame to frame is what `JITTER` says; what changes from visit to visit is the photograph. Seeded by each picture's name.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from tqdm import tqdm

from convert.embeddings import CACHE, NOT_ACQUIRED, Device, read_picture, signature
from convert.kept import Arrays, kept
from edge.values import Box, Embedding, Face, Probe, Quality

_NO_POINTS: Final = np.zeros((6, 2), np.float32)
_EDGE: Final = cv2.BORDER_REPLICATE
_UNMEASURED: Final = dict.fromkeys(("sharpness", "brightness", "contrast", "yaw", "pitch", "roll"), math.nan)


class Jitter(Struct, frozen=True, forbid_unknown_fields=True):
    """How the frames of one visit differ. Pairs are ranges of one draw a visit; the rest are deviations of each frame.

    `scale` of the picture, `gain` of its light, `blur` in pixels (Gaussian); `roll` degrees, `shift` pixels, `zoom` and
    `flicker` as shares of scale and gain, `noise` grey levels. `every` seconds there is one of `frames`.
    """

    frames: int = 10
    every: float = 0.3
    scale: tuple[float, float] = (0.75, 1.1)
    gain: tuple[float, float] = (0.7, 1.2)
    blur: tuple[float, float] = (0.0, 1.0)
    roll: float = 4.0
    shift: float = 4.0
    zoom: float = 0.02
    flicker: float = 0.03
    noise: float = 3.0
    seed: int = 1


JITTER: Final = Jitter()


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """`vectors` [visits, frames, dimension], NaN where there is none; `boxes` [visits, frames, 4]; `words` the gate's.

    All of them are of the face nearest to the middle, as in `embeddings`.
    """

    vectors: NDArray[np.float32]
    boxes: NDArray[np.float32]
    words: NDArray[np.str_]

    def probes(self, visit: int, space: str, every: float) -> Iterator[Probe]:
        """What the eye would have handed on, frame by frame, from second 0 on."""
        for number, (vector, box, word) in enumerate(
            zip(self.vectors[visit], self.boxes[visit], self.words[visit].tolist(), strict=True)
        ):
            at = number * every
            if word == NOT_ACQUIRED:
                yield Probe(at, number, faces=0)
                continue
            place = Box(*(float(value) for value in box))
            quality = msgspec.convert({**_UNMEASURED, "size": place.size, "refusal": word or None}, Quality)
            embedding = None if word else Embedding(vector, space)
            yield Probe(at, number, 1, Face(place, 1.0, _NO_POINTS), quality=quality, embedding=embedding)


def jittered(image: NDArray[np.uint8], name: str, jitter: Jitter = JITTER) -> Iterator[NDArray[np.uint8]]:
    """The frames of one visit by the face of a BGR picture."""
    random = np.random.default_rng([jitter.seed, zlib.crc32(name.encode())])
    scale, gain, blur = (random.uniform(*span) for span in (jitter.scale, jitter.gain, jitter.blur))
    height, width = image.shape[:2]
    if blur > 0.2:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur), np.uint8)
    for _ in range(jitter.frames):
        roll, across, down = random.normal(0, (jitter.roll, jitter.shift, jitter.shift)).tolist()
        zoom, flicker = random.normal(1, (jitter.zoom, jitter.flicker)).tolist()
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), roll, scale * zoom)
        matrix[:, 2] += across, down
        moved = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=_EDGE)
        lit = moved * (gain * flicker) + random.normal(0, jitter.noise, moved.shape)
        yield lit.round().clip(0, 255).astype(np.uint8)


def visits_of(pictures: Sequence[Path], device: Device, jitter: Jitter = JITTER, cache: Path = CACHE) -> Visits:
    """One visit for each picture; kept under `build/embeddings/` as `embed_on_device` keeps its own."""
    digest = hashlib.sha256(signature(pictures, device).encode() + msgspec.json.encode(jitter))
    digest.update(inspect.getsource(jittered).encode())
    arrays = kept(
        cache / f"visits-{digest.hexdigest()[:32]}.npz", len(pictures), lambda: _arrays(pictures, device, jitter)
    )
    return Visits(arrays["vectors"], arrays["boxes"], arrays["words"])


def _arrays(pictures: Sequence[Path], device: Device, jitter: Jitter) -> Arrays:
    size = device.embedder.output.shape[1]
    vectors = np.full((len(pictures), jitter.frames, size), np.nan, np.float32)
    boxes = np.zeros((len(pictures), jitter.frames, 4), np.float32)
    words = np.full((len(pictures), jitter.frames), NOT_ACQUIRED, "<U16")
    for row, path in enumerate(tqdm(pictures, desc="visits", unit=" visits", disable=None)):
        for column, frame in enumerate(jittered(read_picture(path), f"{path.parent.name}/{path.name}", jitter)):
            found = _see(frame, device)
            if found is not None:
                vectors[row, column], boxes[row, column], words[row, column] = found
    return {"vectors": vectors, "boxes": boxes, "words": words}


def _see(frame: NDArray[np.uint8], device: Device) -> tuple[NDArray[np.float32], list[float], str] | None:
    crop = device.crop(frame)
    embedding = device.embed(crop) if crop is not None else None
    if crop is None or embedding is None:
        return None
    box = crop.face.box
    return embedding.vector, [box.x, box.y, box.width, box.height], device.measure(crop).refusal or ""

"""Embedding many pictures through the device's own code: what is measured is what the door does.

The result is kept under `build/embeddings/`, under a name made from everything it depends on: the three models, the
runtime, the settings, the source of `edge/vision` and the pictures. Change one, and the pictures are embedded anew.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import edge.vision
from convert.datasets import Fold
from convert.errors import ConversionError
from convert.kept import Arrays, kept
from edge.clock import SystemClock
from edge.comparing import COSINE, Comparator
from edge.settings import VisionSettings
from edge.values import Crop, Face
from edge.vision.cards import Card
from edge.vision.eye import Eye, open_eye
from edge.vision.heads import open_comparator

CACHE: Final = Path(__file__).parents[1] / "build" / "embeddings"
NOT_ACQUIRED: Final = "not_acquired"


# A BGR picture -> its unit vector, and "" or why the door would turn it down; no vector where there is no usable face.
Embed = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32] | None, str]]


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """`vectors` float32 [n, dimension], unit length, NaN for a picture without a face that the device believes.

    `words` [n]: why the door would turn the picture down (`not_acquired`, a quality word) or "". `compare`: how two of
    the vectors are compared.
    """

    vectors: NDArray[np.float32]
    words: NDArray[np.str_]
    compare: Comparator = COSINE

    def turned_down(self) -> tuple[int, dict[str, int]]:
        """How many pictures were not acquired, and how many the gate refuses, by its word."""
        words = Counter(str(word) for word in self.words if word)
        return words.pop(NOT_ACQUIRED, 0), dict(sorted(words.items()))

    def scores(self, pictures: Sequence[Path], fold: Fold) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Of each pair of a fold, where these are of `pictures`: similarity, NaN with an unusable one, and truth."""
        row = {path: index for index, path in enumerate(pictures)}
        first, second = (self.vectors[[row[getattr(pair, side)] for pair in fold]] for side in ("first", "second"))
        return self.compare.paired(first, second), np.array([pair.same for pair in fold])

    def of(self, pictures: Sequence[Path], wanted: Sequence[Path]) -> Embedded:
        """The rows of the `wanted` ones of the `pictures` these are of."""
        row = {path: index for index, path in enumerate(pictures)}
        rows = [row[path] for path in wanted]
        return Embedded(self.vectors[rows], self.words[rows], self.compare)


class Device:
    """The device's eye on single pictures: an `Embed`."""

    def __init__(self, models: Path, settings: VisionSettings | None = None) -> None:
        self.settings = settings or VisionSettings()
        self._eye: Eye = open_eye(self.settings, models, SystemClock())
        self.runtime = self._eye.runtime
        self.cards = self._eye.cards
        self.compare = open_comparator(models, self.cards["embedder"])
        self.files = {role: card.sha256 for role, card in self.cards.items()}
        self.embed = self._eye.embed
        self.embed_pixels = self._eye.embed_pixels
        self.measure = self._eye.measure
        self.space = self._eye.space

    def __call__(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32] | None, str]:
        """BGR picture -> unit vector and the gate's word; None and `not_acquired` where there is no face."""
        crop = self.crop(image)
        embedding = self.embed(crop) if crop else None
        if crop is None or embedding is None:
            return None, NOT_ACQUIRED
        return embedding.vector, self.measure(crop).refusal or ""

    def crop(self, image: NDArray[np.uint8]) -> Crop | None:
        """The believed face nearest to the middle, aligned: portraits have people in the background."""
        middle = np.array(image.shape[1::-1]) / 2

        def distance(face: Face) -> float:
            box = face.box
            return float(np.hypot(*(middle - (box.x + box.width / 2, box.y + box.height / 2))))

        for candidate in sorted(self._eye.detect(image), key=distance):
            face = self._eye.examine(image, candidate)
            if face.landmarks is not None and (face.presence or 0.0) >= self.settings.quality.minimum_presence:
                return self._eye.crop(image, face)
        return None

    @property
    def embedder(self) -> Card:
        return self.cards["embedder"]

    def made(self, data: str, command: str) -> dict[str, Any]:
        """The fields of `convert.record.Made`."""
        own = {"name": self.embedder.name, "models": self.files, "runtime": self.runtime}
        return {**own, "data": data, "command": command}


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A BGR picture. Raises ConversionError naming a file that is none."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ConversionError(f"{path}: not a picture")
    return np.asarray(image, np.uint8)


def embed_pictures(pictures: Sequence[Path], embed: Embed) -> Embedded:
    """Embed `pictures`. Raises ConversionError naming a picture that cannot be read, or when not one has a face."""
    every = tqdm(pictures, desc="embedding", unit=" pictures", disable=None)
    found = [embed(read_picture(path)) for path in every]
    shape = next((vector.shape for vector, _ in found if vector is not None), None)
    if shape is None:
        raise ConversionError(f"none of the {len(pictures)} pictures has a face that could be embedded")
    missing = np.full(shape, np.nan, np.float32)
    vectors = np.stack([missing if vector is None else vector for vector, _ in found])
    return Embedded(vectors, np.array([word for _, word in found], np.str_))


def embed_on_device(pictures: Sequence[Path], device: Device, cache: Path = CACHE) -> Embedded:
    """`embed_pictures`, or what an earlier run found for the same pictures and the same device."""
    arrays = kept(cache / f"{signature(pictures, device)}.npz", len(pictures), lambda: _arrays(pictures, device))
    return Embedded(arrays["vectors"], arrays["words"], device.compare)


def _arrays(pictures: Sequence[Path], embed: Embed) -> Arrays:
    embedded = embed_pictures(pictures, embed)
    return {"vectors": embedded.vectors, "words": embedded.words}


def signature(pictures: Sequence[Path], device: Device) -> str:
    """A name for what `device` makes of `pictures`: another model, setting or line of its code, another name."""
    digest = hashlib.sha256(device.runtime.encode())
    digest.update(msgspec.json.encode(device.settings))
    for role in sorted(device.cards):
        digest.update(device.cards[role].sha256.encode())
    for source in sorted(Path(edge.vision.__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    for path in pictures:
        digest.update(f"{path.parent.name}/{path.name} {path.stat().st_size}\n".encode())
    return digest.hexdigest()[:32]

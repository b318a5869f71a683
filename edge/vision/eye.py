"""The eye: one frame in, one Probe out. Opens the networks and puts the parts of this room in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.clock import Clock
from edge.settings import QualitySettings, VisionSettings
from edge.values import Box, Crop, Embedding, Face, Frame, Probe, Quality, Timings, frozen_array
from edge.vision import quality
from edge.vision.align import align
from edge.vision.cards import Card, Role
from edge.vision.detectors import Detector, open_detector
from edge.vision.embedder import Embedder
from edge.vision.mesh import FaceMesh
from edge.vision.networks import open_network
from edge.vision.selftest import agreement

Faces = Literal["nearest", "refuse"]

_MAXIMUM_MESHES: Final = 4  # per frame: bounds the time a picture full of faces can cost
_SAME_FACE: Final = 0.3  # overlap from which a box is the face of the frame before
_STAYS: Final = 0.6  # share of the largest face's area with which that face stays the chosen one
_SIDES: Final = range(8, 16_385)  # pictures OpenCV can sample


def open_eye(settings: VisionSettings, models: Path, clock: Clock, *, faces: Faces = "nearest") -> Eye:
    """Check and load the networks from `models`.

    With `faces` "nearest" the largest confirmed face is chosen and the others need not be looked at; with "refuse" they
    are counted. Raises ModelError when a model or runtime is missing, altered or unfit.
    """
    cv2.setNumThreads(settings.threads)
    detector, detector_cards = open_detector(settings, models)
    landmarks, landmarks_card = open_network(settings, models, settings.landmarks, "landmarks")
    embedder, embedder_card = open_network(settings, models, settings.embedder, "embedder")
    return Eye(
        detector,
        FaceMesh(landmarks, landmarks_card),
        Embedder(embedder, embedder_card),
        settings.quality,
        clock,
        faces=faces,
        points=settings.points,
        cards={**detector_cards, "landmarks": landmarks_card, "embedder": embedder_card},
        runtime=embedder.runtime,
    )


class Eye:
    """All of vision. Belongs to one thread."""

    def __init__(
        self,
        detector: Detector,
        mesh: FaceMesh,
        embedder: Embedder,
        gate: QualitySettings,
        clock: Clock,
        *,
        faces: Faces,
        points: Literal["mesh", "detector"],
        cards: Mapping[Role, Card],
        runtime: str,
    ) -> None:
        self.cards = cards
        self.space = embedder.space
        self.runtime = runtime
        self._detector = detector
        self._mesh = mesh
        self._embedder = embedder
        self._gate = gate
        self._clock = clock
        self._faces = faces
        self._points = points

    def look(self, frame: Frame, keep: Box | None = None, *, count: bool = False) -> Probe:
        """Find, choose, judge and, if it is good enough, embed the face that matters in `frame`.

        `keep` is the box of the visit's face in the frame before: that face stays the chosen one although another is
        somewhat larger, so that two people side by side do not flicker. With `count` all faces are counted, as with
        `faces` "refuse". Never raises for a strange picture.
        """
        started = self._clock.now()
        candidates = self.detect(frame.image)
        detected = self._clock.now()
        face, confirmed = self._choose(frame.image, candidates, keep, counting=count or self._faces == "refuse")
        examined = self._clock.now()
        timings = Timings(detect=1e3 * (detected - started), landmarks=1e3 * (examined - detected))
        if face is None:
            return Probe(frame.at, frame.number, faces=confirmed, timings=timings)
        crop = self.crop(frame.image, face)
        judged = self.measure(crop)
        aligned = self._clock.now()
        embedding = self.embed(crop) if judged.refusal is None else None
        if judged.refusal is None and embedding is None:
            judged = replace(judged, refusal="not_a_face")
        timings = replace(timings, align=1e3 * (aligned - examined), embed=1e3 * (self._clock.now() - aligned))
        return Probe(frame.at, frame.number, confirmed, face, crop, judged, embedding, timings)

    def detect(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """The faces of a BGR picture, largest first; none for what is not a picture."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            return ()
        if image.shape[0] not in _SIDES or image.shape[1] not in _SIDES:
            return ()
        return self._detector.find(image)

    def examine(self, image: NDArray[np.uint8], face: Face) -> Face:
        """`face` with presence and, where there is something to see, landmarks and mesh."""
        examined = self._mesh.examine(image, face)
        if self._points == "detector" and examined.landmarks is not None:
            return replace(examined, landmarks=face.keypoints)
        return examined

    def crop(self, image: NDArray[np.uint8], face: Face) -> Crop:
        """The aligned crop of an examined face. Raises ValueError when it has no landmarks."""
        if face.landmarks is None:
            raise ValueError("the face has no landmarks: examine it first")
        return Crop(frozen_array(align(image, face.landmarks, self._embedder.template, self._embedder.size)), face)

    def measure(self, crop: Crop) -> Quality:
        return quality.measure(crop.pixels, crop.face, self._gate)

    def embed(self, crop: Crop) -> Embedding | None:
        """The crop's unit vector, whatever its quality; None when the network gives none."""
        return self._embedder.embed(crop.pixels)

    def embed_pixels(self, pixels: NDArray[np.uint8]) -> Embedding | None:
        """The same of a crop that was kept without its face; None where this network takes another size."""
        return self._embedder.embed(pixels) if len(pixels) == self._embedder.size else None

    def agreement(self) -> float | None:
        """How well the embedder still gives the answer on its card, a cosine; None where the card has none."""
        return agreement(self._embedder, self.cards["embedder"])

    def _choose(
        self, image: NDArray[np.uint8], candidates: tuple[Face, ...], keep: Box | None, *, counting: bool
    ) -> tuple[Face | None, int]:
        """The face that matters and how many were confirmed, from `candidates`, largest first."""
        if counting:
            candidates = tuple(face for face in candidates if face.box.size >= self._gate.minimum_face_pixels / 2)
        confirmed: list[Face] = []
        for candidate in candidates[:_MAXIMUM_MESHES]:
            if confirmed and not counting and not _stays(candidate, confirmed[0], keep):
                continue
            face = self.examine(image, candidate)
            if face.landmarks is not None and (face.presence or 0.0) >= self._gate.minimum_presence:
                confirmed.append(face)
        if not confirmed:
            return None, 0
        return next((face for face in confirmed if _stays(face, confirmed[0], keep)), confirmed[0]), len(confirmed)


def _stays(face: Face, largest: Face, keep: Box | None) -> bool:
    """Whether `face` is the one of the frame before, and still large enough to go on with."""
    return keep is not None and face.box.overlap(keep) >= _SAME_FACE and face.box.area >= _STAYS * largest.box.area

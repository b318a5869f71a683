"""The same device, with whichever runtime is installed: parity of the embedder, one grant and one refusal.

`make test-tflite` runs this file with the older tflite-runtime, and nothing else but numpy, OpenCV and msgspec.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.access.policy import make_rule
from edge.clock import SystemClock
from edge.pipeline import Pipeline
from edge.settings import AccessSettings, VisionSettings
from edge.values import Box, Crop, Decision, Face, Frame, Person
from edge.vision.eye import Eye, open_eye

MODELS = Path(__file__).parents[1] / "models"
NO_FACE = Face(Box(0, 0, 112, 112), 1.0, np.zeros((6, 2), np.float32))


class TenFramesASecond(SystemClock):
    """Goes on only when told to."""

    at = 0.0

    def now(self) -> float:
        return self.at


@pytest.fixture(scope="module")
def eye() -> Eye:
    return open_eye(VisionSettings(), MODELS, SystemClock(), faces="nearest")


def test_the_runtime_is_the_installed_one(eye: Eye) -> None:
    installed = "ai-edge-litert" if importlib.util.find_spec("ai_edge_litert") else "tflite-runtime"
    assert eye.runtime.split()[0] == installed


@pytest.mark.data
def test_the_embedder_agrees_with_an_independent_copy_of_its_network(eye: Eye, data: Path) -> None:
    with np.load(data / "reference" / "mobilefacenet_reference.npz") as reference:
        crops, expected = reference["crops"], reference["embeddings"]
    found = np.array([eye.embed(Crop(crop, NO_FACE)).vector for crop in crops])
    assert len(found) == 16
    assert (found * expected).sum(axis=1).min() >= 0.9999


def test_the_resident_is_let_in_and_the_stranger_is_not(eye: Eye, faces: dict[str, Any]) -> None:
    clock = TenFramesASecond()
    references = tuple(eye.look(frame).embedding for frame in _seen(faces["resident"], clock, 5, seed=1))
    resident = Person("resident", "Resident", references, datetime(2026, 11, 22, tzinfo=UTC))
    card = eye.cards["embedder"]
    rule = make_rule(AccessSettings(), [(step.fmr, step.similarity) for step in card.thresholds])
    pipeline = Pipeline(eye, rule, [resident], clock)

    (granted,) = _decisions(pipeline, faces["resident"], clock)
    assert (granted.verdict, granted.match.person_id) == ("granted", "resident")
    clock.at += 10.0
    (refused,) = _decisions(pipeline, faces["stranger"], clock)
    assert (refused.verdict, refused.reason) == ("refused", "unknown")


def _decisions(pipeline: Pipeline, picture: Any, clock: TenFramesASecond) -> list[Decision]:
    """What four seconds in front of the door lead to."""
    return [decision for frame in _seen(picture, clock, 40, seed=2) for decision in pipeline.step(frame).decisions]


def _seen(picture: Any, clock: TenFramesASecond, frames: int, *, seed: int) -> Iterator[Frame]:
    """The picture as a camera sees it, a tenth of a second apart: never twice the same pixels."""
    noise = np.random.default_rng(seed)
    for number in range(frames):
        clock.at += 0.1
        grain = noise.normal(0.0, 4.0, picture.shape)
        yield Frame(np.clip(picture + grain, 0, 255).astype(np.uint8), clock.at, number)

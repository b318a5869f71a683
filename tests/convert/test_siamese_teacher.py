"""A network that begins with somebody's weights: it can stay near what it knew, and be chosen by its rare errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.convert.networks import QUIET

keras = pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")

from convert.siamese import checkpoint  # noqa: E402
from convert.siamese.released import read_result  # noqa: E402
from convert.siamese.sampling import draw_pairs, seeded  # noqa: E402
from convert.siamese.train import begin, prepare, train  # noqa: E402
from tests.convert.test_siamese_train import CLOCK, drawn, run_of, tower_of  # noqa: E402

pytestmark = QUIET


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def begun(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, chosen by TAR, to go on from. No test changes it."""
    folder = tmp_path_factory.mktemp("begun")
    train(run_of(people, best_by="tar", epochs=3), folder, CLOCK)
    return folder


def unit(vectors: Any) -> np.ndarray:
    found = np.asarray(vectors)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


@pytest.mark.parametrize("recipe", ["contrastive", "triplet", "siamese-bce"])
def test_distillation_keeps_a_network_near_what_it_said(people: Path, begun: Path, tmp_path: Path, recipe: str) -> None:
    faces = np.random.default_rng(3).integers(0, 256, (20, 32, 32, 3)).astype(np.float32) / 127.5 - 1
    said = unit(tower_of(begun)(faces))
    kept = []
    for weight in (0.0, 100.0):
        knobs = {"recipe": recipe, "weights": str(begun / "tower.keras"), "distil": weight, "lookalikes": 2}
        train(run_of(people, **knobs, learning_rate=3e-3), tmp_path / f"{weight}", CLOCK)
        kept.append((unit(tower_of(tmp_path / f"{weight}")(faces)) * said).sum(axis=1).mean())
    assert kept[0] < kept[1] <= 1.0001


def test_a_head_that_learns_alone_first_leaves_the_tower_as_it_was(people: Path, begun: Path) -> None:
    run = run_of(people, recipe="siamese-bce", weights=str(begun / "tower.keras"), head_first=3)
    _, crops, _ = prepare(run)
    led, _ = begin(run, crops)
    untaught, _ = begin(msgspec.structs.replace(run, head_first=0), crops)
    again, _ = begin(run, crops)
    towers = [learner.tower.get_weights() for learner in (led, untaught)]
    assert all((a == b).all() for a, b in zip(*towers, strict=True))
    faces = draw_pairs(crops["train"].people, 100, seeded(5))
    vectors = led.embed(crops["train"].pixels)
    costs = [one.cost(vectors[faces.first], vectors[faces.second], faces.same) for one in (led, untaught, again)]
    assert costs[0] == costs[2] < costs[1]


def test_the_best_epoch_can_be_that_of_rare_errors(begun: Path) -> None:
    state = checkpoint.load(begun)
    assert state is not None
    assert all(0 < epoch.tar <= 1 for epoch in state.history)
    assert read_result(begun).best_epoch == max(state.history, key=lambda epoch: epoch.tar).epoch

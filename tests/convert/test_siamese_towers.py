"""Towers before they learn: what they begin with, and what batch normalisation is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.errors import ConversionError
from tests.convert.networks import QUIET

keras = pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")

from convert.siamese.backbones import build_tower  # noqa: E402
from convert.siamese.learner import Learner  # noqa: E402
from convert.siamese.run import Run  # noqa: E402

pytestmark = QUIET


def test_imagenet_weights_without_a_network_are_told_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("convert.siamese.backbones._SERVER", "http://127.0.0.1:9/")
    with pytest.raises(ConversionError, match="go online once, put the file there, or train with --weights none"):
        build_tower("mobilenet_v2", "imagenet", 64, 8)


def test_a_network_of_keras_from_scratch_soon_judges_by_what_it_has_seen() -> None:
    """With Keras' own momentum a short training is judged with the averages of no training at all."""
    tower = build_tower("mobilenet_v2", "none", 32, 8)
    inner = next(layer for layer in tower.layers if isinstance(layer, keras.Model))
    norms = [layer for layer in inner.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms
    assert {layer.momentum for layer in norms} == {0.9}


def test_a_deep_plain_network_from_scratch_hands_its_signal_on() -> None:
    faces = np.random.default_rng(1).normal(size=(8, 32, 32, 3)).astype(np.float32)
    keras.utils.set_random_seed(1)
    vectors = np.asarray(build_tower("vgg19", "none", 32, 0)(faces))
    assert 0.1 < np.sqrt(np.mean(np.square(vectors))) < 10


@pytest.mark.parametrize(("backbone", "branches"), [("mobilenet_v2", 10), ("resnet50", 16)])
def test_a_deep_residual_network_from_scratch_begins_as_shallow_as_its_shortcuts(backbone: str, branches: int) -> None:
    tower = build_tower(backbone, "none", 32, 8)
    inner = next(layer for layer in tower.layers if isinstance(layer, keras.Model))
    norms = [layer for layer in inner.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert sum(not np.asarray(layer.gamma).any() for layer in norms) == branches


def test_settling_tells_batch_normalisation_what_is_seen_and_learns_nothing() -> None:
    faces = np.random.default_rng(1).integers(0, 256, (16, 32, 32, 3)).astype(np.uint8)
    learner = Learner(Run(size=32))
    weights = [np.array(variable) for variable in learner.tower.trainable_variables]
    means = [np.array(variable) for variable in learner.tower.non_trainable_variables]
    learner.settle(faces)
    assert all((a == b).all() for a, b in zip(weights, learner.tower.trainable_variables, strict=True))
    assert not any((a == b).all() for a, b in zip(means, learner.tower.non_trainable_variables, strict=True))

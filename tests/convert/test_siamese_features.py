"""What a frozen network says of each face is computed once: not for another network, not for other faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.convert.networks import QUIET

pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")

from convert.siamese.backbones import build_tower, input_of
from convert.siamese.features import features

pytestmark = QUIET


def test_stored_features_are_another_file_for_other_weights_and_other_faces(tmp_path: Path) -> None:
    faces = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), np.uint8)
    tower, eats = build_tower("small", "none", 32, 8), input_of("small", "none", 32)
    stored = features(tower, eats, faces, tmp_path)
    assert isinstance(stored, np.memmap)
    (file,) = tmp_path.iterdir()
    written = file.stat().st_mtime_ns
    assert (features(tower, eats, faces, tmp_path) == stored).all()
    assert file.stat().st_mtime_ns == written
    faces[4, 0, 0, 0] ^= 1
    features(tower, eats, faces, tmp_path)
    tower.set_weights([values * 2 for values in tower.get_weights()])
    features(tower, eats, faces, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_two_trainings_may_ask_for_the_same_features_at_once(tmp_path: Path) -> None:
    faces = np.zeros((3, 32, 32, 3), np.uint8)
    tower, eats = build_tower("small", "none", 32, 8), input_of("small", "none", 32)

    class Asked:
        """The same tower; while it is at work, another training asks it for the same."""

        outputs, get_weights = tower.outputs, tower.get_weights

        def __call__(self, batch: Any, *, training: bool) -> Any:
            features(tower, eats, faces, tmp_path)
            return tower(batch, training=training)

    first = np.array(features(Asked(), eats, faces, tmp_path))
    assert (features(tower, eats, faces, tmp_path) == first).all()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_feature_file_is_made_anew(tmp_path: Path) -> None:
    faces = np.zeros((3, 32, 32, 3), np.uint8)
    tower, eats = build_tower("small", "none", 32, 8), input_of("small", "none", 32)
    stored = np.array(features(tower, eats, faces, tmp_path))
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"cut off")
    assert (features(tower, eats, faces, tmp_path) == stored).all()

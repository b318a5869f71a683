"""A head made by hand: near 1 for one face, 0.5 where the mean of |a - b| is 0.45, and about 0.1 for two."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from edge.vision.heads import Dense, DenseHead, encoded
from tests.edge.eyes import MODELS

THRESHOLDS = [{"fmr": fmr, "similarity": at, "data": "made up"} for fmr, at in ((1e-2, 0.3), (1e-3, 0.4), (1e-4, 0.6))]


def a_head(dimension: int = 192) -> DenseHead:
    apart = Dense(np.full((dimension, 1), 8 / dimension, np.float32), np.zeros(1, np.float32), "relu")
    verdict = Dense(np.full((1, 1), -1, np.float32), np.full(1, 3.6, np.float32), "sigmoid")
    return DenseHead(math.sqrt(dimension), (apart, verdict))


def models_with_head(folder: Path, content: bytes = encoded(a_head()), card: dict[str, Any] | None = None) -> Path:
    """The shipped models in `folder`, the embedder's card with the head `content`, and thresholds of its score."""
    shutil.copytree(MODELS, folder, ignore=shutil.ignore_patterns("records"))
    (folder / "mobilefacenet.head.npz").write_bytes(content)
    path = folder / "mobilefacenet.json"
    named = {"file": "mobilefacenet.head.npz", "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    told = {"score": "head", "floor": -1.0, "thresholds": THRESHOLDS, "head": {**named, "layers": ["verdict"]}}
    made = json.loads(path.read_text(encoding="utf-8")) | told | (card or {})
    path.write_text(json.dumps({key: value for key, value in made.items() if value is not None}), encoding="utf-8")
    return folder

"""Whether an embedder still answers as it did when it was judged: one made picture, and the answer on its card."""

from __future__ import annotations

import base64
import binascii

import numpy as np
from numpy.typing import NDArray

from edge.vision.cards import Card
from edge.vision.embedder import Embedder


def made_picture(size: int) -> NDArray[np.uint8]:
    """RGB uint8 [size, size, 3] out of whole numbers alone, so that it is the same on every machine."""
    down, across, colour = np.ogrid[0:size, 0:size, 1:4]
    return np.asarray((across * across + 3 * down * colour) % 256, np.uint8)


def answer_of(embedder: Embedder) -> str:
    """The embedder's vector for its made picture, float16 little-endian as base64; empty when it gives none."""
    embedding = embedder.embed(made_picture(embedder.size))
    return "" if embedding is None else base64.b64encode(embedding.vector.astype("<f2").tobytes()).decode()


def agreement(embedder: Embedder, card: Card) -> float | None:
    """The cosine of the embedder's vector and the one on its card; None where the card has none to compare."""
    if not card.selftest:
        return None
    embedding = embedder.embed(made_picture(embedder.size))
    try:
        kept = np.frombuffer(base64.b64decode(card.selftest, validate=True), "<f2").astype(np.float64)
    except (binascii.Error, ValueError):
        return 0.0
    length = float(np.linalg.norm(kept))
    if embedding is None or kept.shape != embedding.vector.shape or not 0 < length < np.inf:
        return 0.0
    return float(embedding.vector @ kept) / length

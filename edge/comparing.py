"""How alike two embeddings are. Whatever compares two of them does it through one `Comparator`.

Which one is the model's business: its card says of which score its thresholds are, so a `Rule` holds the two together.
Embeddings are of unit length. A larger score is more alike; NaN is doubt, and never a match.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Score = Literal["cosine", "head"]


class Comparator(Protocol):
    """`score` names it: the cosine, in [-1, 1], or what a network's own head says, in [0, 1]."""

    @property
    def score(self) -> Score: ...

    def against(self, many: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
        """Each of `many` [n, d] with one [d] or with each of several [m, d]: [n] or [n, m]."""
        ...

    def paired(self, ones: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
        """Each row [n, d] with the same row of `others` [n, d]: [n]."""
        ...


@dataclass(frozen=True, slots=True)
class Cosine:
    """The cosine of the angle between two embeddings; for unit length, also the order of Euclidean distance."""

    score: Score = "cosine"

    def against(self, many: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
        return many @ others.T

    def paired(self, ones: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(np.einsum("ij,ij->i", ones, others, dtype=np.float64))


COSINE: Final = Cosine()


def readable(similarity: float, decimals: int = 2) -> str:
    """A similarity for people. From 0.99 on, where a head says most of what it says, with what tells it from 1."""
    if 0.99 <= similarity < 1:
        decimals = min(6, math.floor(-math.log10(1 - similarity)) + 2)
    return f"{similarity:.{decimals}f}"

"""All pictures of some people against each other: what a thousand drawn pairs cannot say about rare errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from convert import figures
from convert.siamese.sampling import Floats, Rows

FMRS: Final = (1e-4, 1e-3, 1e-2)
_MOST: Final = 20  # pictures of one person where an epoch is chosen: the pairs of one face in 530 say little of others

# Of each row of two arrays [n, d] of embeddings: [n], larger is more alike.
Compare = Callable[[Floats, Floats], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class _RowByRow:
    """One embedding compared with many, by what compares row with row."""

    compare: Compare

    def against(self, many: Floats, others: Floats) -> NDArray[np.float64]:
        return self.compare(many, np.broadcast_to(others, many.shape))


def everybody(compare: Compare, vectors: Floats, people: Rows) -> figures.AllPairs:
    """Embeddings [n, d], NaN without a face, of the people [n], compared as a network compares them."""
    _, owners = np.unique(people, return_inverse=True)
    return figures.all_pairs(vectors, owners.tolist(), _RowByRow(compare))


def tar(pairs: figures.AllPairs, fmr: float) -> float:
    """The share of pairs of one person above the similarity that a share `fmr` of the others exceeds at most."""
    limit = pairs.impostors[min(math.floor(fmr * len(pairs.impostors)), len(pairs.impostors) - 1)]
    above = int(np.searchsorted(-pairs.genuine, -limit, side="left"))
    return above / max(1, int(pairs.genuine_total.sum()))


def lowest_tar(compare: Compare, vectors: Floats, people: Rows) -> float:
    """TAR at the lowest of FMRS that so many pairs say something about.

    Of somebody with very many pictures only the first ones count.
    """
    order = np.argsort(people, kind="stable")
    sizes = np.unique(people, return_counts=True)[1]
    nth = np.arange(len(people)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = order[nth < _MOST]
    pairs = everybody(compare, vectors[rows], people[rows])
    return tar(pairs, next((fmr for fmr in FMRS if fmr * len(pairs.impostors) >= 1), FMRS[-1]))

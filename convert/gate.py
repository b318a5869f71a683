"""The gate: what a file must show before it may take the place of the float32 one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from tqdm import tqdm

from convert import figures
from convert.calibration import Pixels, usable
from convert.errors import ConversionError
from convert.speed import Plan
from edge.comparing import COSINE, Comparator
from edge.vision.cards import Card, Sha256
from edge.vision.embedder import Embedder
from edge.vision.runtime import Network

FMRS: Final = (1e-3, 1e-4)
LARGEST_LOSS: Final = 0.005  # of the TAR, half of one percentage point, at the bound of the interval
SMALLEST_COSINE: Final = 0.97  # of any crop with the network's own float32
_ALIKE: Final = 1.05  # times another's latency that may be chance

Floats = NDArray[np.float32]


class Difference(Struct, frozen=True, forbid_unknown_fields=True):
    """How much smaller a share is than the reference's, with the 95 % interval of the paired difference."""

    value: float
    low: float
    high: float


class Loss(Struct, frozen=True, forbid_unknown_fields=True):
    """TAR at `fmr`, at the file's own threshold for it, and what that is less than the shipped float32's."""

    fmr: float
    similarity: float
    tar: float
    loss: Difference


class Verdict(Struct, frozen=True, forbid_unknown_fields=True):
    """One file before the gate. `times_float16` is its latency; `reasons` say why it was refused, none if it passed."""

    name: str
    precision: str
    steps: tuple[str, ...]
    sha256: Sha256
    bytes: int
    cosine_mean: float
    cosine_min: float
    losses: tuple[Loss, ...]
    plan: Plan
    times_float16: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """The same crops for every file: uint8 [n, side, side, 3], black where no face was found, of the people [n]."""

    crops: Pixels
    people: Sequence[int]
    card: Card
    compare: Comparator = COSINE

    def embed(self, network: Network, what: str) -> Floats:
        """Unit vectors [n, dimension], NaN for a black crop and for one that the network gives no direction."""
        embedder = Embedder(network, self.card)
        vectors = np.full((len(self.crops), network.output_shapes[0][1]), np.nan, np.float32)
        for row in tqdm(np.flatnonzero(usable(self.crops)), desc=what, unit=" crops", disable=None):
            embedding = embedder.embed(self.crops[row])
            if embedding is not None:
                vectors[row] = embedding.vector
        return vectors

    def pairs(self, vectors: Floats) -> figures.AllPairs:
        return figures.all_pairs(vectors, self.people, self.compare)


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The shipped float32 on the panel: its TAR at each of FMRS, and in each draw of the people."""

    tars: Mapping[float, float]
    drawn: Mapping[float, NDArray[np.float64]]

    @classmethod
    def of(cls, pairs: figures.AllPairs) -> Reference:
        found = {fmr: tar_at(pairs, fmr)[1] for fmr in FMRS}
        return cls(found, {fmr: figures.drawn_tars(pairs, fmr) for fmr in FMRS})

    def losses(self, pairs: figures.AllPairs) -> tuple[Loss, ...]:
        """What another file loses on the same people, drawn the same way."""
        return tuple(self._loss(pairs, fmr) for fmr in FMRS)

    def everything(self) -> tuple[Loss, ...]:
        """What a file loses that accepts nobody."""
        return tuple(Loss(fmr, 1.0, 0.0, Difference(*3 * [round(tar, 6)])) for fmr, tar in self.tars.items())

    def _loss(self, pairs: figures.AllPairs, fmr: float) -> Loss:
        similarity, tar = tar_at(pairs, fmr)
        low, high = np.percentile(self.drawn[fmr] - figures.drawn_tars(pairs, fmr), [2.5, 97.5])
        loss = Difference(round(self.tars[fmr] - tar, 6), round(float(low), 6), round(float(high), 6))
        return Loss(fmr, similarity, round(tar, 6), loss)


def tar_at(pairs: figures.AllPairs, fmr: float) -> tuple[float, float]:
    """The threshold for `fmr` and the TAR there. Raises ConversionError when the people are too few for it."""
    similarity = figures.threshold_at(pairs.impostors, fmr)
    if similarity is None:
        raise ConversionError(f"{len(pairs.impostors)} impostor pairs are too few for a false match rate of {fmr:g}")
    return similarity, pairs.accepted(similarity)[0] / max(1, int(pairs.genuine_total.sum()))


def cosines(vectors: Floats, own: Floats) -> Floats:
    """Of each crop's embedding with what the network's own float32 gives for it; 0 where only that one gives any."""
    both = np.einsum("ij,ij->i", vectors, own, dtype=np.float64)[np.isfinite(own).all(axis=1)]
    return np.asarray(np.nan_to_num(both), np.float32)


def reasons(similar: Floats, losses: Sequence[Loss]) -> tuple[str, ...]:
    """Why a file does not pass; nothing when it does."""
    found = []
    if float(similar.min()) < SMALLEST_COSINE:
        count = int(np.count_nonzero(similar < SMALLEST_COSINE))
        found.append(f"{count} of {len(similar)} crops below cosine {SMALLEST_COSINE}")
    found += [
        f"TAR loss at FMR {loss.fmr:g} may be {100 * loss.loss.high:.2f} points"
        for loss in losses
        if loss.loss.high > LARGEST_LOSS
    ]
    return tuple(found)


def fastest(verdicts: Sequence[Verdict]) -> Verdict:
    """The passing file with the shortest latency, the smallest of those about as fast.

    Raises ConversionError when none passes.
    """
    passing = [verdict for verdict in verdicts if not verdict.reasons]
    if not passing:
        raise ConversionError("no file passes the gate: nothing is released")
    least = min(verdict.times_float16 for verdict in passing)
    alike = [verdict for verdict in passing if verdict.times_float16 <= _ALIKE * least]
    return min(alike, key=lambda verdict: verdict.bytes)

"""The shipped network tuned, judged: is it better for people it never saw, and does it still say what it said.

The shipped network and the tuned one see the same faces, in float32, with all pictures of the test people against each
other. Every draw of the bootstrap draws the people once and finds both networks' own thresholds for them: the interval
of the *difference* decides, which is far narrower than those of the two shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from convert import figures
from convert.errors import ConversionError
from convert.record import Interval
from convert.siamese import checkpoint
from convert.siamese.album import scan
from convert.siamese.crops import cut
from convert.siamese.everybody import FMRS, everybody, lowest_tar, tar
from convert.siamese.features import features
from convert.siamese.learner import Learner
from convert.siamese.run import Run
from convert.siamese.sampling import Floats, Rows
from convert.siamese.train import prepare

COSINE, HEAD = "cosine", "head"
KEPT_FMR: Final = 1e-3


class Gain(Struct, frozen=True, forbid_unknown_fields=True):
    """How much larger a share is than the shipped network's, with the 95 % interval of the paired difference."""

    value: float
    low: float
    high: float


class AtRate(Struct, frozen=True, forbid_unknown_fields=True):
    """TAR of the test people's own pairs at one FMR, compared by `by`: the shipped network's, and the tuned one's."""

    by: str
    fmr: float
    shipped: Interval
    tuned: Interval
    gain: Gain


class Kept(Struct, frozen=True, forbid_unknown_fields=True):
    """The cosine between what the two networks say of each of `pictures`, and the TAR of both at KEPT_FMR."""

    data: str
    pictures: int
    cosine_mean: float
    cosine_least: float
    shipped: float
    tuned: float


class Tuned(Struct, frozen=True, forbid_unknown_fields=True):
    """`before` and `after`: TAR of the validation people, by which the epoch was chosen."""

    before: float
    after: float
    rates: tuple[AtRate, ...]
    kept: tuple[Kept, ...]


def tuned_figures(run: Run, folder: Path, others: Mapping[str, Path]) -> Tuned:
    """Judge the finished run in `folder`. `others` are folders of other people, by what they are called."""
    before, after = Learner(msgspec.structs.replace(run, recipe="contrastive")), Learner(run)
    state = checkpoint.load(folder)
    if state is None:
        raise ConversionError(f"{folder}: not a finished run ({checkpoint.STATE} is missing)")
    checkpoint.assign(after.network, state.best, folder / checkpoint.STATE)
    parts, crops, _ = prepare(run)
    chose = features(before.tower, before.eats, crops["validation"].pixels)
    both = _both(before, after, crops["test"].pixels)
    place = {path: row for row, path in enumerate(parts.test.pictures)}
    rows = np.array([place[path] for path in crops["test"].files])
    whole = [_spread(vectors, rows, len(parts.test.pictures)) for vectors in both]
    people = np.asarray(parts.test.people, np.int64)
    shipped = everybody(by_cosine, whole[0], people)
    ways = {COSINE: by_cosine, **({HEAD: after.compare} if after.head is not None else {})}
    rates = [rate for by, way in ways.items() for rate in _rates(by, shipped, everybody(way, whole[1], people))]
    kept = [_kept("DevTest", crops["test"].people, *both)]
    for name, pictures in others.items():
        album = scan(pictures)
        faces = cut(album.people, album.digests, run.detector, run.size)
        kept.append(_kept(name, faces.people, *_both(before, after, faces.pixels)))
    return Tuned(
        before=round(lowest_tar(by_cosine, chose, crops["validation"].people), 6),
        after=round(max(epoch.tar for epoch in state.history), 6),
        rates=tuple(rates),
        kept=tuple(kept),
    )


def by_cosine(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Of each row of `a` and the same of `b`, of any length: [n]."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray(np.einsum("ij,ij->i", a, b) / np.maximum(lengths, 1e-9), np.float64)


def _both(before: Learner, after: Learner, pixels: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    return features(before.tower, before.eats, pixels), features(after.tower, after.eats, pixels)


def _spread(vectors: Floats, rows: Rows, count: int) -> Floats:
    """A row for each picture, NaN where no face was found."""
    spread = np.full((count, vectors.shape[1]), np.nan, np.float32)
    spread[rows] = vectors
    return spread


def _rates(by: str, shipped: figures.AllPairs, tuned: figures.AllPairs) -> list[AtRate]:
    found = []
    for fmr in FMRS:
        before, after = figures.drawn_tars(shipped, fmr), figures.drawn_tars(tuned, fmr)  # the same people drawn
        values = tar(shipped, fmr), tar(tuned, fmr)
        low, high = np.percentile(after - before, [2.5, 97.5]).tolist()
        gain = Gain(round(values[1] - values[0], 6), round(low, 6), round(high, 6))
        found.append(AtRate(by, fmr, _interval(values[0], before), _interval(values[1], after), gain))
    return found


def _kept(data: str, people: Rows, before: Floats, after: Floats) -> Kept:
    alike = by_cosine(before, after)
    tars = [tar(everybody(by_cosine, vectors, people), KEPT_FMR) for vectors in (before, after)]
    mean, least = round(float(alike.mean()), 4), round(float(alike.min()), 4)
    return Kept(data, len(alike), mean, least, *(round(value, 6) for value in tars))


def _interval(value: float, drawn: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    return Interval(value=value, low=low, high=high).rounded()

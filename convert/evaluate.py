"""What an embedder is worth: thresholds from one half of the people, figures from the other half.

Any callable that turns a picture into a vector can be measured (`convert.embeddings.Embed`); the shipped models are
measured through the device's own code.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from convert import figures
from convert.datasets import Fold, Identities, identities, people_of, read_pairs, split_folds
from convert.embeddings import Device, Embedded, embed_on_device
from convert.errors import ConversionError
from convert.record import Histogram, Level, PairFigures, Part, Point, Record
from edge.comparing import COSINE, Comparator
from edge.vision.heads import DenseHead

# The levels of a card: convenience, balanced and strict, and the one from which a visit looks like an attempt.
LEVELS: Final = (1e-2, 1e-3, 1e-4, 1e-5)
_POINTS: Final = (1e-3, 1e-4, 1e-5)
_CURVE: Final = tuple(float(fmr) for fmr in np.logspace(-6, -0.05, 60))
_BINS: Final = (-0.6, 1.0, 80)
_FOLDS: Final = 10


@dataclass(frozen=True, slots=True)
class Half:
    """One half of the data: its pairs, all pictures of the people in them, and their embeddings."""

    folds: tuple[Fold, ...]
    people: Identities
    embedded: Embedded

    def scores(self, fold: Fold) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Similarity (NaN where a picture is unusable) and truth of each pair."""
        return self.embedded.scores(self.people.pictures, fold)

    def compared_by(self, compare: Comparator) -> Half:
        return replace(self, embedded=replace(self.embedded, compare=compare))


def evaluate(images: Path, train: Path, test: Path, device: Device, data: str) -> Record:
    """Measure the device's models on two pairs files with disjoint people.

    Raises ConversionError when the files share a person, or one of them does not fit `images`.
    """
    learn, judge = read_pairs(train, images), read_pairs(test, images)
    shared = set(people_of(learn)) & set(people_of(judge))
    if shared:
        raise ConversionError(f"{train.name} and {test.name} share people, {min(shared)} for one: figures need others")
    halves = (_called(train), _called(test))
    return measure(_half(learn, images, device), _half(judge, images, device), device, data, halves)


def _called(pairs: Path) -> str:
    """The people of a pairs file, as LFW names it."""
    return pairs.stem.removeprefix("pairs") or pairs.stem


def _half(folds: tuple[Fold, ...], images: Path, device: Device) -> Half:
    people = identities(images, people_of(folds))
    return Half(folds, people, embed_on_device(people.pictures, device))


def measure(train: Half, test: Half, device: Device, data: str, halves: tuple[str, str]) -> Record:
    """All figures of the two halves, which are called `halves`."""
    floor = None
    if isinstance(device.compare, DenseHead):
        floor = floor_of(train, device.compare)
        train, test = (half.compared_by(replace(device.compare, floor=floor)) for half in (train, test))
    train_pairs = figures.all_pairs(train.embedded.vectors, train.people.people, train.embedded.compare)
    test_pairs = figures.all_pairs(test.embedded.vectors, test.people.people, test.embedded.compare)
    return Record(
        name=device.embedder.name,
        quantization=device.embedder.quantization,
        models=device.files,
        runtime=device.runtime,
        machine=platform.machine(),
        data=data,
        train=_part(train, train_pairs),
        test=_part(test, test_pairs),
        levels=levels(train_pairs, test_pairs),
        points=points(test_pairs),
        pairs=pair_figures(train, test),
        curve=curve(test_pairs),
        histogram=_histogram(test_pairs),
        compared_by=device.embedder.compared_by,
        halves=halves,
        floor=floor,
    )


def floor_of(train: Half, head: DenseHead) -> float:
    """The cosine below which a head has no say: of the pairs of one person that it accepts, 1 in 1,000 lie there.

    1 where it accepts none, or too few people were seen to know from where on it accepts (docs/decisions/0004).
    """
    alone, vectors = replace(head, floor=-math.inf), train.embedded.vectors
    limit = figures.threshold_at(figures.all_pairs(vectors, train.people.people, alone).impostors, LEVELS[0])
    owners = np.asarray(train.people.people)
    first, second = np.nonzero(np.triu(owners[:, np.newaxis] == owners, 1))
    scores, cosines = (by.paired(vectors[first], vectors[second]) for by in (alone, COSINE))
    accepted = np.sort(cosines[scores >= (math.inf if limit is None else limit)])
    return math.floor(accepted[len(accepted) // 1000] * 10_000) / 10_000 if len(accepted) else 1.0


def levels(train: figures.AllPairs, test: figures.AllPairs, fmrs: Sequence[float] = LEVELS) -> tuple[Level, ...]:
    """A threshold for each of `fmrs` that the training people suffice for, tried on the test people."""
    found = [(fmr, limit) for fmr in fmrs if (limit := figures.threshold_at(train.impostors, fmr)) is not None]
    tried = figures.rates(test, [limit for _, limit in found])
    made = []
    for (fmr, limit), effect in zip(found, tried, strict=True):
        low, high = figures.threshold_spread(train, fmr)
        made.append(
            Level(
                fmr=fmr,
                similarity=limit,
                low=round(low, 6),
                high=round(high, 6),
                impostors=figures.reaching(train.impostors, limit),
                couple=figures.largest_couple(train, limit),
                test_fmr=effect.fmr.rounded(9),
                test_tar=effect.tar.rounded(),
            )
        )
    return tuple(made)


def points(test: figures.AllPairs, fmrs: Sequence[float] = _POINTS) -> tuple[Point, ...]:
    """TAR at the test people's own thresholds."""
    found = [(fmr, figures.tar_at(test, fmr)) for fmr in fmrs]
    return tuple(
        Point(fmr=fmr, similarity=rate.similarity, impostors=rate.impostors, tar=rate.tar.rounded())
        for fmr, rate in found
        if rate is not None
    )


def curve(test: figures.AllPairs) -> tuple[tuple[float, float], ...]:
    """(FMR, TAR) of the test people."""
    return tuple((round(fmr, 9), round(tar, 6)) for fmr, tar in figures.curve(test, _CURVE))


def pair_figures(train: Half, test: Half) -> PairFigures:
    """The accuracy on the test pairs: with the training pairs' threshold, and as LFW's protocol with folds."""
    threshold = figures.best_threshold(*train.scores(_joined(train.folds)))
    fold = _joined(test.folds)
    similarities, truth = test.scores(fold)
    folds = test.folds if len(test.folds) > 1 else split_folds(fold, min(_FOLDS, len(fold) // 2))
    if len(folds) < 2:
        raise ConversionError(f"{len(fold)} pairs are too few: a fold's threshold comes from the other folds")
    mean, error = figures.across_folds([test.scores(part) for part in folds])
    correct = figures.correct_pairs(similarities, truth, threshold)
    return PairFigures(
        similarity=round(threshold, 6),
        pairs=len(fold),
        not_acquired=int(np.count_nonzero(np.isnan(similarities))),
        accuracy=figures.wilson(correct, len(fold)).rounded(),
        folds=len(folds),
        folds_accuracy=round(mean, 6),
        folds_error=round(error, 6),
    )


def _joined(folds: tuple[Fold, ...]) -> Fold:
    return tuple(pair for fold in folds for pair in fold)


def _part(half: Half, pairs: figures.AllPairs) -> Part:
    lost, refused = half.embedded.turned_down()
    return Part(
        people=len(half.people.names),
        images=len(half.people.pictures),
        not_acquired=lost,
        genuine=len(pairs.genuine),
        impostors=len(pairs.impostors),
        refused=refused,
    )


def _histogram(pairs: figures.AllPairs) -> Histogram:
    start, stop, bins = _BINS
    counts = [
        np.histogram(scores.clip(start, stop), bins, (start, stop))[0].tolist()
        for scores in (pairs.genuine, pairs.impostors)
    ]
    return Histogram(start=start, stop=stop, genuine=tuple(counts[0]), impostors=tuple(counts[1]))

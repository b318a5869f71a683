"""One folder of people, measured: by a pairs file, or everybody against everybody. What `evaluate --json` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from msgspec import Struct

from convert import figures
from convert.datasets import Fold, Identities, split_folds
from convert.embeddings import NOT_ACQUIRED, Device, Embedded
from convert.errors import ConversionError
from convert.evaluate import curve, points
from convert.extremes import Extreme, extremes
from convert.openset import OpenSet, open_set
from convert.record import Count, Interval, Point
from edge.vision.cards import Threshold

_POINTS: Final = (1e-2, 1e-3, 1e-4, 1e-5)
_FOLDS: Final = 10


class Judged(Struct, frozen=True, forbid_unknown_fields=True):
    """By what the pictures were embedded: the models' files by role, or a program."""

    name: str
    runtime: str
    models: dict[str, str] = {}

    @classmethod
    def of(cls, device: Device) -> Judged:
        return cls(device.embedder.name, device.runtime, {str(role): sha256 for role, sha256 in device.files.items()})


class Acquisition(Struct, frozen=True, forbid_unknown_fields=True):
    """`not_acquired` pictures had no usable face; they count against every figure. `refused`: by the gate's word."""

    people: Count
    pictures: Count
    not_acquired: Count
    failure_to_acquire: Interval
    refused: dict[str, Count]


class PairsResult(Struct, frozen=True, forbid_unknown_fields=True):
    """Each fold told with the threshold of the other folds. A pair with an unusable picture is told wrong."""

    pairs: Count
    not_acquired: Count
    folds: Count
    accuracy: float
    standard_error: float
    precision: float
    recall: float
    f1: float


class AtThreshold(Struct, frozen=True, forbid_unknown_fields=True):
    """A threshold of the card on these people; `impostors` pairs reach it."""

    stated_fmr: float
    similarity: float
    impostors: Count
    fmr: Interval
    tar: Interval


class Everybody(Struct, frozen=True, forbid_unknown_fields=True):
    """Every picture against every other one: at these people's own thresholds, and at the card's."""

    genuine: Count
    impostors: Count
    points: tuple[Point, ...]
    card: tuple[AtThreshold, ...]
    curve: tuple[tuple[float, float], ...]


class Group(Struct, frozen=True, forbid_unknown_fields=True):
    """The people of one group against each other, at the card's thresholds."""

    name: str
    people: Count
    pictures: Count
    not_acquired: Count
    genuine: Count
    impostors: Count
    card: tuple[AtThreshold, ...]


class Measurement(Struct, frozen=True, forbid_unknown_fields=True):
    """`worst_genuine` and `worst_impostors`: at most one pair of the same people each."""

    judged: Judged
    images: str
    acquisition: Acquisition
    pairs: PairsResult | None = None
    everybody: Everybody | None = None
    open_set: OpenSet | None = None
    groups: tuple[Group, ...] = ()
    ungrouped: Count = 0
    worst_genuine: tuple[Extreme, ...] = ()
    worst_impostors: tuple[Extreme, ...] = ()
    v: Literal[1] = 1


def by_pairs(folds: tuple[Fold, ...], people: Identities, found: Embedded, judged: Judged, images: Path) -> Measurement:
    """Measure the pairs of a pairs file, whose pictures `people` and `found` are."""
    if len(folds) == 1:
        folds = split_folds(folds[0], min(_FOLDS, len(folds[0]) // 2))
    if len(folds) < 2:
        raise ConversionError("two pairs of each kind are the least: a fold's threshold comes from the other folds")
    told = [found.scores(people.pictures, fold) for fold in folds]
    return Measurement(judged, images.name, _acquisition(people, found), pairs=pairs_result(told))


def pairs_result(folds: Sequence[tuple[figures.Floats, Any]]) -> PairsResult:
    """Accuracy, precision, recall and F1 of folds of (similarities, same person)."""
    mean, error = figures.across_folds(folds)
    right = wrong = missed = lost = 0
    for number, (similarities, same) in enumerate(folds):
        others = [fold for index, fold in enumerate(folds) if index != number]
        threshold = figures.best_threshold(*(np.concatenate(column) for column in zip(*others, strict=True)))
        accepted = similarities >= threshold  # NaN is not
        right += int(np.count_nonzero(accepted & same))
        wrong += int(np.count_nonzero(accepted & ~same))
        missed += int(np.count_nonzero(~accepted & same))
        lost += int(np.count_nonzero(np.isnan(similarities)))
    precision, recall = right / max(1, right + wrong), right / max(1, right + missed)
    shares = (mean, error, precision, recall, 2 * precision * recall / max(1e-12, precision + recall))
    mean, error, precision, recall, f1 = (round(share, 6) for share in shares)
    pairs = sum(len(same) for _, same in folds)
    return PairsResult(pairs, lost, len(folds), mean, error, precision, recall, f1)


def by_everybody(
    people: Identities,
    found: Embedded,
    judged: Judged,
    images: Path,
    thresholds: Sequence[Threshold] = (),
    groups: Mapping[str, str] | None = None,
) -> Measurement:
    """Measure everybody against everybody; `groups`: of which group each person is, by name."""
    pairs = figures.all_pairs(found.vectors, people.people, found.compare)
    lowest, highest = extremes(people, found)
    groups = groups or {}
    return Measurement(
        judged=judged,
        images=images.name,
        acquisition=_acquisition(people, found),
        everybody=Everybody(
            genuine=len(pairs.genuine),
            impostors=len(pairs.impostors),
            points=points(pairs, _POINTS),
            card=_at(pairs, thresholds),
            curve=curve(pairs),
        ),
        open_set=open_set(people, found),
        groups=tuple(_group(name, people, found, groups, thresholds) for name in sorted(set(groups.values()))),
        ungrouped=sum(name not in groups for name in people.names) if groups else 0,
        worst_genuine=lowest,
        worst_impostors=highest,
    )


def _acquisition(people: Identities, found: Embedded) -> Acquisition:
    (lost, refused), total = found.turned_down(), len(people.pictures)
    return Acquisition(
        people=len(people.names),
        pictures=total,
        not_acquired=lost,
        failure_to_acquire=figures.wilson(lost, total).rounded(),
        refused=refused,
    )


def _at(pairs: figures.AllPairs, thresholds: Sequence[Threshold]) -> tuple[AtThreshold, ...]:
    tried = figures.rates(pairs, [step.similarity for step in thresholds]) if thresholds else ()
    return tuple(
        AtThreshold(step.fmr, step.similarity, rate.impostors, rate.fmr.rounded(9), rate.tar.rounded())
        for step, rate in zip(thresholds, tried, strict=True)
    )


def _group(
    name: str, people: Identities, found: Embedded, groups: Mapping[str, str], thresholds: Sequence[Threshold]
) -> Group:
    members = [index for index, person in enumerate(people.names) if groups.get(person) == name]
    place = {person: number for number, person in enumerate(members)}
    rows = [row for row, person in enumerate(people.people) if person in place]
    try:
        pairs = figures.all_pairs(found.vectors[rows], [place[people.people[row]] for row in rows], found.compare)
    except ConversionError as error:
        raise ConversionError(f"group {name}: {error}") from None
    return Group(
        name=name,
        people=len(members),
        pictures=len(rows),
        not_acquired=int(np.count_nonzero(found.words[rows] == NOT_ACQUIRED)),
        genuine=len(pairs.genuine),
        impostors=len(pairs.impostors),
        card=_at(pairs, thresholds),
    )

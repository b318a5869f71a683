"""The arithmetic of an evaluation: similarities in, shares and intervals out. numpy only, no files, no models.

Conventions, everywhere: a pair is accepted when its similarity is at least the threshold (as the device compares). A
picture without a face it could use has a vector of NaN: its pairs are never accepted, they count among the genuine
pairs that should have been, and they are left out of the impostor pairs, which would only look better for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError
from convert.record import Interval
from edge.comparing import COSINE

Floats = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]

_Z: Final = 1.959963984540054  # two-sided 95 %
# Thresholds are stated in ten-thousandths; in millionths where the sigmoid of a head leaves no room for these.
_STEPS: Final = 10_000
_FINEST: Final = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class AllPairs:
    """Every picture against every other one.

    `genuine` and `impostors`: similarities, descending. `genuine_people` [n] and `impostor_people` [n, 2]: whose.
    `acquired` and `genuine_total`: for each person, the usable pictures and the genuine pairs including unusable ones.
    """

    genuine: Floats
    genuine_people: Integers
    impostors: Floats
    impostor_people: Integers
    acquired: Integers
    genuine_total: Integers

    def accepted(self, similarity: float) -> tuple[int, int]:
        """How many genuine and impostor pairs reach `similarity`."""
        return reaching(self.genuine, similarity), reaching(self.impostors, similarity)


@dataclass(frozen=True, slots=True)
class Rates:
    """One threshold on one set of people, with subject-bootstrap intervals. `impostors` pairs reach it."""

    similarity: float
    impostors: int
    fmr: Interval
    tar: Interval


class Comparing(Protocol):
    """Whatever gives the similarity of each row [n, dimension] with one embedding [dimension]: [n]."""

    def against(self, many: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[Any]: ...


def all_pairs(vectors: NDArray[np.float32], people: Sequence[int], compare: Comparing = COSINE) -> AllPairs:
    """`vectors` [n, dimension], unit length or NaN, of the people `people` [n]: 0, 1, 2 ... without gaps."""
    owners = np.asarray(people, np.int32)  # half the memory: there are tens of millions of pairs
    usable = np.isfinite(vectors).all(axis=1)
    if np.count_nonzero(usable) < 2:
        raise ConversionError("fewer than two pictures have a usable face: there is nothing to compare")
    pictures = np.bincount(owners)
    kept, names = vectors[usable], owners[usable]
    genuine: list[Floats] = []
    genuine_people: list[Integers] = []
    impostors: list[Floats] = []
    others: list[Integers] = []
    for row in range(len(kept) - 1):
        similarity = compare.against(kept[row + 1 :], kept[row]).astype(np.float64)
        rest = names[row + 1 :]
        same = rest == names[row]
        genuine.append(similarity[same])
        genuine_people.append(rest[same])
        impostors.append(similarity[~same])
        others.append(np.column_stack([np.full_like(rest[~same], names[row]), rest[~same]]))
    accepted, by = _descending(genuine, genuine_people)
    wrong, between = _descending(impostors, others)
    acquired = np.bincount(names, minlength=len(pictures))
    return AllPairs(accepted, by, wrong, between, acquired, pictures * (pictures - 1) // 2)


def reaching(descending: Floats, similarity: float) -> int:
    """How many of the `descending` similarities are at least `similarity`."""
    return int(np.searchsorted(-descending, -similarity, side="right"))


def threshold_at(impostors: Floats, fmr: float) -> float | None:
    """The smallest threshold, in whole steps, that a share of at most `fmr` of the impostor pairs reaches.

    `impostors` is descending. None where there is none: not even one pair may pass, or too many are identical.
    """
    allowed = math.floor(fmr * len(impostors) + 1e-9)
    if not 1 <= allowed < len(impostors):
        return None
    too_many = float(impostors[allowed])
    whole = _STEPS if too_many < 1 - 1 / _STEPS else _FINEST
    steps = math.floor(too_many * whole)
    while steps / whole <= too_many:
        steps += 1
    return steps / whole if steps <= whole else None


def rates(pairs: AllPairs, similarities: Sequence[float], *, rounds: int = 1000, seed: int = 1) -> tuple[Rates, ...]:
    """FMR and TAR at fixed thresholds; the intervals from drawing the people anew, with replacement, `rounds` times.

    Pairs of one person are alike, so that an interval that took them for independent would be far too narrow
    (Bolle, Ratha, Pankanti 2004, "Error analysis of pattern recognition systems: the subsets bootstrap").
    """
    accepted = [pairs.accepted(similarity) for similarity in similarities]
    drawn = np.array([_drawn_rates(pairs, accepted, weights) for weights in _draws(pairs, rounds, seed)])
    found = []
    for column, (similarity, (genuine, impostors)) in enumerate(zip(similarities, accepted, strict=True)):
        fmr = _interval(impostors / max(1, len(pairs.impostors)), drawn[:, 0, column])
        tar = _interval(genuine / max(1, int(pairs.genuine_total.sum())), drawn[:, 1, column])
        found.append(Rates(similarity, impostors, fmr, tar))
    return tuple(found)


def tar_at(pairs: AllPairs, fmr: float, *, rounds: int = 1000, seed: int = 1) -> Rates | None:
    """TAR where these people's own impostor pairs give `fmr`; each draw of the bootstrap finds its own threshold."""
    similarity = threshold_at(pairs.impostors, fmr)
    if similarity is None:
        return None
    drawn = drawn_tars(pairs, fmr, rounds=rounds, seed=seed)
    genuine, impostors = pairs.accepted(similarity)
    tar = _interval(genuine / max(1, int(pairs.genuine_total.sum())), drawn)
    return Rates(similarity, impostors, Interval(value=fmr, low=fmr, high=fmr), tar)


def drawn_tars(pairs: AllPairs, fmr: float, *, rounds: int = 1000, seed: int = 1) -> Floats:
    """TAR at `fmr` for each draw of the people; the same rounds and seed draw the same people, to be paired."""
    drawn = []
    for weights in _draws(pairs, rounds, seed):
        limit = _drawn_threshold(pairs, fmr, weights)
        genuine = int(np.searchsorted(-pairs.genuine, -limit, side="left"))  # strictly above
        total, _ = _drawn_totals(pairs, weights)
        drawn.append(float(weights[pairs.genuine_people[:genuine]].sum()) / total)
    return np.array(drawn)


def threshold_spread(pairs: AllPairs, fmr: float, *, rounds: int = 200, seed: int = 1) -> tuple[float, float]:
    """Between which similarities 95 % of the thresholds for `fmr` fall when the people are drawn anew."""
    drawn = [_drawn_threshold(pairs, fmr, weights) for weights in _draws(pairs, rounds, seed)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def largest_couple(pairs: AllPairs, similarity: float) -> int:
    """How many of the impostor pairs that reach `similarity` come from one and the same two people."""
    people = np.sort(pairs.impostor_people[: reaching(pairs.impostors, similarity)], axis=1)
    return int(np.unique(people, axis=0, return_counts=True)[1].max(initial=0))


def curve(pairs: AllPairs, fmrs: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """(FMR, TAR) for each of `fmrs` that the number of impostor pairs allows."""
    total = max(1, int(pairs.genuine_total.sum()))
    found = ((fmr, threshold_at(pairs.impostors, fmr)) for fmr in fmrs)
    return tuple((fmr, reaching(pairs.genuine, limit) / total) for fmr, limit in found if limit is not None)


def best_threshold(similarities: Floats, same: NDArray[np.bool_]) -> float:
    """The threshold with the most correct pairs; the middle one where several are as good. NaN is never correct."""
    usable = np.isfinite(similarities)
    scores, truth = similarities[usable], same[usable]
    candidates = np.unique(scores)
    if not len(candidates):
        raise ConversionError("no pair can be compared: no picture has a usable face")
    accepted_genuine = [np.count_nonzero(scores[truth] >= limit) for limit in candidates]
    refused_impostors = [np.count_nonzero(scores[~truth] < limit) for limit in candidates]
    correct = np.add(accepted_genuine, refused_impostors)
    best = np.flatnonzero(correct == correct.max())
    return float(candidates[best[len(best) // 2]])


def correct_pairs(similarities: Floats, same: NDArray[np.bool_], threshold: float) -> int:
    """How many pairs are told right at `threshold`; a pair with an unusable picture is told wrong."""
    told = np.where(same, similarities >= threshold, similarities < threshold)  # NaN is neither
    return int(np.count_nonzero(told))


def across_folds(folds: Sequence[tuple[Floats, NDArray[np.bool_]]]) -> tuple[float, float]:
    """Mean accuracy over the folds and its standard error; each fold's threshold comes from the other folds (LFW)."""
    accuracies = []
    for number, (similarities, same) in enumerate(folds):
        others = [fold for index, fold in enumerate(folds) if index != number]
        threshold = best_threshold(*(np.concatenate(column) for column in zip(*others, strict=True)))
        accuracies.append(correct_pairs(similarities, same, threshold) / len(same))
    return float(np.mean(accuracies)), float(np.std(accuracies, ddof=1) / math.sqrt(len(accuracies)))


def draw(random: np.random.Generator, count: int) -> NDArray[np.int64]:
    """How often each of `count` was drawn, with replacement."""
    return np.bincount(random.integers(count, size=count), minlength=count)


def wilson(successes: int, total: int) -> Interval:
    """A share and its 95 % interval for independent trials (Wilson 1927)."""
    if not 0 <= successes <= total or total == 0:
        raise ValueError(f"{successes} of {total} is not a share")
    share, squared = successes / total, _Z * _Z
    centre = (share + squared / (2 * total)) / (1 + squared / total)
    reach = _Z / (1 + squared / total) * math.sqrt(share * (1 - share) / total + squared / (4 * total * total))
    return Interval(value=share, low=max(0.0, centre - reach), high=min(1.0, centre + reach))


def _descending(scores: list[Floats], owners: list[Integers]) -> tuple[Floats, Integers]:
    flat, people = np.concatenate(scores), np.concatenate(owners)
    order = np.argsort(-flat, kind="stable")
    return flat[order], people[order]


def _draws(pairs: AllPairs, rounds: int, seed: int) -> list[Integers]:
    """For each round, how often each person was drawn."""
    random = np.random.default_rng(seed)
    return [draw(random, len(pairs.acquired)) for _ in range(rounds)]


def _drawn_totals(pairs: AllPairs, weights: Integers) -> tuple[float, float]:
    """Genuine and impostor pairs of a draw. Copies of one person are not impostors of each other."""
    pictures = (weights * pairs.acquired).astype(np.float64)
    impostors = (pictures.sum() ** 2 - (pictures**2).sum()) / 2
    return max(1.0, float((weights * pairs.genuine_total).sum())), max(1.0, float(impostors))


def _drawn_rates(
    pairs: AllPairs, accepted: Sequence[tuple[int, int]], weights: Integers
) -> tuple[list[float], list[float]]:
    genuine_total, impostor_total = _drawn_totals(pairs, weights)
    fmr, tar = [], []
    for genuine, impostors in accepted:
        fmr.append(float(_weight(weights, pairs.impostor_people[:impostors]).sum()) / impostor_total)
        tar.append(float(weights[pairs.genuine_people[:genuine]].sum()) / genuine_total)
    return fmr, tar


def _drawn_threshold(pairs: AllPairs, fmr: float, weights: Integers) -> float:
    """The similarity above which a share of at most `fmr` of a draw's impostor pairs lies."""
    _, impostor_total = _drawn_totals(pairs, weights)
    tail = min(len(pairs.impostors), 8 * math.ceil(fmr * len(pairs.impostors)) + 1)  # all that any draw can need
    passed = np.cumsum(_weight(weights, pairs.impostor_people[:tail]))
    first_too_many = min(int(np.searchsorted(passed, fmr * impostor_total, side="right")), tail - 1)
    return float(pairs.impostors[first_too_many])


def _weight(weights: Integers, people: Integers) -> Integers:
    drawn: Integers = weights[people[:, 0]] * weights[people[:, 1]]
    return drawn


def _interval(value: float, drawn: Floats) -> Interval:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(value=value, low=float(low), high=float(high))

"""People who look alike: how often the nearest 1 % of strangers pass, where the average stranger hardly ever does.

Who resembles whom is found with one half of everybody's pictures and measured with the other half: neighbours picked by
the very comparisons they are judged by would look worse than they are. Who has one picture is in both halves as a
neighbour, and has no neighbours of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from convert import figures
from convert.datasets import Identities, identities, people_of, read_pairs
from convert.door_figures import clopper_pearson
from convert.embeddings import Device, Embedded, embed_on_device
from convert.errors import ConversionError
from convert.record import Count, Interval, Made, Share
from convert.records import Records, one_of
from convert.tables import flow, one_in, percent, small, table
from edge.access.policy import level_fmr
from edge.comparing import COSINE, Comparator

NAME: Final = "look-alikes"
COMMAND: Final = "limen-convert measure look-alikes"
NEAREST: Final = 0.01
_TARGETS: Final = (1e-2, 1e-3)
_STEPS: Final = 10_000
_ROUNDS: Final = 1000
_SEED: Final = 1


class Crowd(Struct, frozen=True, forbid_unknown_fields=True):
    """`people` have neighbours, `nearest` each; `comparisons` between their second halves were made."""

    people: Count
    nearest: Count
    comparisons: Count


class LevelAmong(Struct, frozen=True, forbid_unknown_fields=True):
    """A threshold of the card among look-alikes of the training and of the test people."""

    fmr: float
    similarity: float
    train: Interval
    test: Interval


class Derived(Struct, frozen=True, forbid_unknown_fields=True):
    """The threshold that a share `fmr` of the training people's look-alikes passes, tried on the test people.

    `everybody` is the FMR it has among all test people, `tar` the genuine pairs it accepts.
    """

    fmr: float
    similarity: float
    test: Interval
    everybody: Share
    tar: Interval


class LookAlikeRecord(Made, frozen=True, forbid_unknown_fields=True):
    seed: int
    rounds: Count
    train: Crowd
    test: Crowd
    levels: tuple[LevelAmong, ...]
    derived: tuple[Derived, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Comparisons of people with their look-alikes: `similarities`, descending, and whose each one is, 0 .. people-1.

    Everybody counts the same, however many pictures there are: `weights` sum to 1 for each of them.
    """

    people: int
    nearest: int
    similarities: NDArray[np.float64]
    owners: NDArray[np.int64]
    weights: NDArray[np.float64]

    def shares(self, similarity: float) -> NDArray[np.float64]:
        """For each person, the share of comparisons with look-alikes that reach `similarity`."""
        reach = figures.reaching(self.similarities, similarity)
        return np.bincount(self.owners[:reach], self.weights[:reach], self.people).astype(np.float64)


def neighbours(
    vectors: NDArray[np.float32], people: Sequence[int], share: float = NEAREST, compare: Comparator = COSINE
) -> Neighbours:
    """`vectors` [n, dimension], unit length or NaN, of `people` [n]. Raises ConversionError where nobody has two."""
    owners = np.asarray(people)
    usable = np.isfinite(vectors).all(axis=1)
    halves = [_halved(np.flatnonzero(usable & (owners == person))) for person in np.unique(owners[usable])]
    middles = np.stack([vectors[first].mean(axis=0) for first, _ in halves])
    count = max(1, math.ceil(share * (len(halves) - 1)))
    found: list[NDArray[np.float64]] = []
    for person, (first, second) in enumerate(halves):
        if np.array_equal(first, second) or len(halves) < 2:
            continue
        alike = compare.against(middles, middles[person])
        alike[person] = -np.inf
        nearest = np.argsort(-alike, kind="stable")[:count]
        others = np.concatenate([halves[other][1] for other in nearest])
        found.append(compare.against(vectors[second], vectors[others]).astype(np.float64).ravel())
    if not found:
        raise ConversionError("nobody has two usable pictures: who resembles whom cannot be told and tried")
    order = np.argsort(-np.concatenate(found), kind="stable")
    sizes = [len(one) for one in found]
    return Neighbours(
        people=len(found),
        nearest=count,
        similarities=np.concatenate(found)[order],
        owners=np.repeat(np.arange(len(found)), sizes)[order],
        weights=np.repeat(1 / np.array(sizes), sizes)[order],
    )


def _halved(pictures: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return (pictures, pictures) if len(pictures) == 1 else (pictures[::2], pictures[1::2])


def rate(found: Neighbours, similarity: float) -> Interval:
    """FMR among look-alikes, with 95 % of the draws of people anew; where none passes, Clopper-Pearson's upper end."""
    shares = found.shares(similarity)
    random = np.random.default_rng(_SEED)
    drawn = [shares[random.integers(len(shares), size=len(shares))].mean() for _ in range(_ROUNDS)]
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    if not shares.any():
        high = clopper_pearson(0, len(shares))[1]
    return Interval(float(shares.mean()), low, high).rounded(9)


def threshold_among(found: Neighbours, fmr: float) -> float:
    """The smallest threshold, in steps of 0.0001, that a share of at most `fmr` passes, everybody counting the same."""
    passed = np.cumsum(found.weights) / found.people
    first_too_many = int(np.searchsorted(passed, fmr + 1e-12, side="right"))
    if first_too_many >= len(passed):
        return -1.0
    return (math.floor(float(found.similarities[first_too_many]) * _STEPS) + 1) / _STEPS


def measure_lookalikes(images: Path, train: Path, test: Path, device: Device, data: str) -> LookAlikeRecord:
    """Find the look-alikes among the people of two pairs files, and try the card's thresholds and stricter ones."""
    halves = [identities(images, people_of(read_pairs(pairs, images))) for pairs in (train, test)]
    return compared(
        *((people, embed_on_device(people.pictures, device)) for people in halves), device=device, data=data
    )


def compared(
    train: tuple[Identities, Embedded], test: tuple[Identities, Embedded], *, device: Device, data: str
) -> LookAlikeRecord:
    learn, judge = (neighbours(found.vectors, people.people, compare=found.compare) for people, found in (train, test))
    pairs = figures.all_pairs(test[1].vectors, test[0].people, test[1].compare)
    limits = [threshold_among(learn, fmr) for fmr in _TARGETS]
    everybody = figures.rates(pairs, limits)
    return LookAlikeRecord(
        **device.made(data, COMMAND),
        seed=_SEED,
        rounds=_ROUNDS,
        train=Crowd(learn.people, learn.nearest, len(learn.similarities)),
        test=Crowd(judge.people, judge.nearest, len(judge.similarities)),
        levels=tuple(
            LevelAmong(step.fmr, step.similarity, rate(learn, step.similarity), rate(judge, step.similarity))
            for step in device.embedder.thresholds
        ),
        derived=tuple(
            Derived(
                fmr=fmr,
                similarity=limit,
                test=rate(judge, limit),
                everybody=round(rates.fmr.value, 9),
                tar=rates.tar.rounded(),
            )
            for fmr, limit, rates in zip(_TARGETS, limits, everybody, strict=True)
        ),
    )


def section(records: Records) -> str:
    """The tables for docs/accuracy.md."""
    record = one_of(records, NAME, LookAlikeRecord)
    if record is None:
        return ""
    levels = [
        (
            one_in(row.fmr),
            f"{row.similarity:.4f}",
            small(row.train),
            small(row.test),
            _times(row),
        )
        for row in record.levels
    ]
    derived = [
        (one_in(row.fmr), f"{row.similarity:.4f}", small(row.test), f"{row.everybody:.2g}", percent(row.tar))
        for row in record.derived
    ]
    return flow(f"""\
## Look-alikes

Made by `{record.command}`. Each person's nearest {NEAREST:.0%} of the others ({record.train.nearest} of the training
people, {record.test.nearest} of the test people) instead of all of them. Who resembles whom was found with one half of
everybody's pictures and measured with the other half; everybody with two pictures or more counts the same
({record.train.people:,} and {record.test.people:,} people, {record.train.comparisons:,} and
{record.test.comparisons:,} comparisons). Intervals from drawing those people anew.

{table(("stated FMR", "similarity", "among look-alikes, training", "among look-alikes, test", "test / stated"), levels)}

What a threshold would have to be for look-alikes to pass as rarely, from the training people, tried on the test people:

{table(("FMR among look-alikes", "similarity", "found on the test people", "FMR, everybody", "TAR"), derived)}

{_reading(record)}""")


def _times(row: LevelAmong) -> str:
    return f"{row.test.value / row.fmr:.0f} x" if row.test.value else "none seen"


def _reading(record: LookAlikeRecord) -> str:
    shipped = next(row for row in record.levels if row.fmr == level_fmr("balanced"))
    worse = max(shipped.train.value, shipped.test.value)
    wanted = record.derived[-1]
    sides = "already stricter" if shipped.similarity >= wanted.similarity else "laxer"
    return f"""\
So at `balanced` expect up to one in {1 / max(worse, 1e-9):,.0f} comparisons with a look-alike to pass, not one in
{1 / shipped.fmr:,.0f}; it is {sides} than what {one_in(wanted.fmr)} among look-alikes would take. The card's levels
stay those of the average stranger: `strict` is the answer to people who look alike, and no threshold answers twins.
Below {one_in(wanted.fmr)} nothing can be derived here, because a few people are in LFW under two names."""

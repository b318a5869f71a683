"""Which pictures meet which: pairs, and batches of several people with several pictures each. All of it seeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.datasets import Fold

Rows = NDArray[np.int64]
Random = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """`first[i]` and `second[i]` are rows of a part's pictures; `same[i]` is 1 where they show one person."""

    first: Rows
    second: Rows
    same: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.same)

    def at(self, rows: Any) -> Pairs:
        return Pairs(self.first[rows], self.second[rows], self.same[rows])


def seeded(seed: int, *path: int) -> Random:
    """The random numbers of one place in a run, the same whenever that place is reached."""
    return np.random.default_rng([seed, *path])


def draw_pairs(people: Rows, count: int, random: Random, negatives: float = 1.0) -> Pairs:
    """`count` pairs, `negatives` of two people for each one of one person, shuffled.

    `people` [n] says whom each picture shows. Of one person: a person with two pictures, whoever is as likely as
    anybody else, and two different ones. Of two people: two people, then a picture of each.
    """
    own = _pictures_of(people)
    several = [rows for rows in own if len(rows) >= 2]
    positive = max(1, round(count / (1 + negatives)))
    pairs = [
        tuple(random.choice(several[index], 2, replace=False)) for index in random.integers(len(several), size=positive)
    ]
    for _ in range(count - positive):
        one, other = random.choice(len(own), 2, replace=False)
        pairs.append((random.choice(own[one]), random.choice(own[other])))
    same = np.arange(count) < positive
    order = random.permutation(count)
    first, second = np.array(pairs, np.int64)[order].T
    return Pairs(first, second, same[order].astype(np.float32))


def draw_group(people: Rows, count: int, each: int, random: Random) -> Rows:
    """A batch for mining: `count` people who have two pictures, `each` of their pictures; [count * each] rows.

    Somebody with fewer pictures than `each` is seen several times in one; with too few people, so is everybody.
    """
    several = [rows for rows in _pictures_of(people) if len(rows) >= 2]
    chosen = random.choice(len(several), count, replace=len(several) < count)
    drawn = [random.choice(several[index], each, replace=len(several[index]) < each) for index in chosen.tolist()]
    return np.concatenate(drawn).astype(np.int64)


def of_fold(fold: Fold, pictures: tuple[Path, ...]) -> Pairs:
    """The published pairs as rows of `pictures`; a pair with a picture that is not among them is left out."""
    row: Mapping[Path, int] = {path: index for index, path in enumerate(pictures)}
    known = [pair for pair in fold if pair.first in row and pair.second in row]
    return Pairs(
        np.array([row[pair.first] for pair in known], np.int64),
        np.array([row[pair.second] for pair in known], np.int64),
        np.array([pair.same for pair in known], np.float32),
    )


def _pictures_of(people: Rows) -> list[Rows]:
    """For each person, the rows of their pictures."""
    order = np.argsort(people, kind="stable")
    starts = np.flatnonzero(np.diff(people[order])) + 1
    return [rows.astype(np.int64) for rows in np.split(order, starts)]

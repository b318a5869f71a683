"""Which pictures meet which: pairs, and batches of several people with several pictures each. All of it seeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.datasets import Fold

Floats = NDArray[np.float32]
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


def lookalikes(vectors: Floats, people: Rows, count: int) -> Rows:
    """For each person, in order, the `count` others whose mean face is the most alike, nearest first: [persons, count].

    `vectors` [n, d] are embeddings of the people `people` [n]. Where there are fewer others, it is all of them.
    """
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    means = np.stack([units[rows].mean(axis=0) for rows in _pictures_of(people)])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    alike = means @ means.T
    np.fill_diagonal(alike, -np.inf)
    order = np.argsort(-alike, axis=1, kind="stable")[:, : len(means) - 1]
    return np.asarray(order[:, :count], np.int64)


def draw_pairs(people: Rows, count: int, random: Random, negatives: float = 1.0, alike: Rows | None = None) -> Pairs:
    """`count` pairs, `negatives` of two people for each one of one person, shuffled.

    `people` [n] says whom each picture shows. Of one person: a person with two pictures, whoever is as likely as
    anybody else, and two different ones. Of two people: two people, the second out of the first one's `lookalikes`
    where `alike` tells them, then a picture of each.
    """
    own = _pictures_of(people)
    several = [rows for rows in own if len(rows) >= 2]
    positive = max(1, round(count / (1 + negatives)))
    pairs = [
        tuple(random.choice(several[index], 2, replace=False)) for index in random.integers(len(several), size=positive)
    ]
    for _ in range(count - positive):
        one, other = random.choice(len(own), 2, replace=False)
        other = other if alike is None else random.choice(alike[one])
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


def draw_crowd(people: Rows, count: int, each: int, random: Random, alike: Rows) -> Rows:
    """A batch for mining among people who look alike: [count * each] rows, nobody and no picture twice.

    Somebody with two pictures, then their `lookalikes`, then the next one: `each` pictures of everybody, or all there
    are, until the batch is full. Who has one picture is in it as somebody else.
    """
    own, wanted = _pictures_of(people), count * each
    chosen: dict[int, Rows] = {}
    filled = 0
    for index in random.permutation([index for index, rows in enumerate(own) if len(rows) >= 2]).tolist():
        for person in (index, *alike[index].tolist()):
            if person not in chosen and filled < wanted:
                chosen[person] = random.permutation(own[person])[: min(each, wanted - filled)]
                filled += len(chosen[person])
        if filled >= wanted:
            break
    return np.concatenate(list(chosen.values())).astype(np.int64)


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

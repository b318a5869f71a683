"""Who is learned from, who says when to stop, and who is judged on: three parts that share nobody. That is checked.

Somebody in two parts makes every figure a lie; so does one picture in two folders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from convert.datasets import Fold, Identities, people_of, read_pairs
from convert.errors import ConversionError
from convert.siamese.album import Album

Shares = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Parts:
    """`pairs` are the published test pairs, where there are some."""

    train: Identities
    validation: Identities
    test: Identities
    pairs: Fold = ()

    def named(self) -> Mapping[str, Identities]:
        return {"train": self.train, "validation": self.validation, "test": self.test}


def split(album: Album, shares: Shares, seed: int) -> Parts:
    """Share out the people at random; whoever is linked by a common picture stays together.

    Each part needs two people, one of them with two pictures. Raises ConversionError where that cannot be.
    """
    groups = _groups(len(album.people.names), album.linked)
    shuffled = np.random.default_rng(seed).permutation(len(groups)).tolist()
    order = sorted(shuffled, key=lambda index: -len(groups[index]))  # those who are linked are learned from
    wanted = np.cumsum(shares) / sum(shares) * len(album.people.names)
    chosen: list[list[int]] = [[], [], []]
    placed = 0
    for group in (groups[index] for index in order):
        part = int(np.searchsorted(wanted, placed + len(group) / 2))
        chosen[min(part, 2)] += group
        placed += len(group)
    train, validation, test = (chosen_of(album.people, sorted(part)) for part in chosen)
    parts = Parts(train, validation, test)
    check(parts, album.digests)
    return parts


def split_lfw(album: Album, folder: Path, shares: Shares, seed: int) -> Parts:
    """View 1 of LFW: DevTrain's people shared out between train and validation; DevTest's, and its pairs, judge."""
    learn, judge = read_pairs(folder / "pairsDevTrain.txt", folder), read_pairs(folder / "pairsDevTest.txt", folder)
    place = {name: index for index, name in enumerate(album.people.names)}
    train = [place[name] for name in people_of(learn) if name in place]
    linked = {index for couple in album.linked for index in couple}
    judged = [place[name] for name in people_of(judge) if name in place]
    # The same picture under two names is in no part: LFW has a few people twice.
    shuffled = np.random.default_rng(seed).permutation([index for index in train if index not in linked]).tolist()
    cut = round(len(shuffled) * shares[0] / (shares[0] + shares[1]))
    chosen = (shuffled[:cut], shuffled[cut:], judged)
    learners, stoppers, judges = (chosen_of(album.people, sorted(part)) for part in chosen)
    parts = Parts(learners, stoppers, judges, judge[0])
    check(parts, album.digests)
    return parts


def check(parts: Parts, digests: Mapping[Path, str]) -> None:
    """Raise ConversionError when a part is too small, or two of them share a person, a file or a picture's content."""
    for name, part in parts.named().items():
        several = np.bincount(part.people).max(initial=0) >= 2 if part.people else False
        if len(part.names) < 2 or not several:
            raise ConversionError(
                f"{name}: {_people(len(part.names))}; two are wanted, one of them with two pictures: add people, or "
                "share them out otherwise, say evenly with --shares 1,1,1, or with another --seed"
            )
    for (one, first), (other, second) in combinations(parts.named().items(), 2):
        both = set(first.names) & set(second.names)
        files = {path.resolve() for path in first.pictures} & {path.resolve() for path in second.pictures}
        same = {digests[path] for path in first.pictures} & {digests[path] for path in second.pictures}
        if both or files or same:
            what = min(both) if both else min(files).name if files else "a picture under two names"
            raise ConversionError(f"{one} and {other} share {what}: no figure would be true")


def chosen_of(people: Identities, wanted: Sequence[int]) -> Identities:
    """Only the people `wanted` (indices), numbered anew."""
    place = {index: number for number, index in enumerate(wanted)}
    rows = [row for row, owner in enumerate(people.people) if owner in place]
    return Identities(
        tuple(people.names[index] for index in wanted),
        tuple(people.pictures[row] for row in rows),
        tuple(place[people.people[row]] for row in rows),
    )


def _people(count: int) -> str:
    return "one person" if count == 1 else f"{count} people"


def _groups(count: int, linked: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Everybody, in groups of those who are linked."""
    group = list(range(count))
    for one, other in linked:
        low, high = sorted((group[one], group[other]))
        group = [low if number == high else number for number in group]
    return [[index for index in range(count) if group[index] == number] for number in sorted(set(group))]

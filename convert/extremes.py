"""The pairs that were told worst, by file name: for looking at. Often the label is wrong, not the network."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from convert.datasets import Identities
from convert.embeddings import Embedded

MOST: Final = 20


class Extreme(Struct, frozen=True, forbid_unknown_fields=True):
    """Two pictures and their similarity."""

    similarity: float
    first: str
    second: str


def extremes(people: Identities, found: Embedded, count: int = MOST) -> tuple[tuple[Extreme, ...], tuple[Extreme, ...]]:
    """The least similar pairs of one person and the most similar pairs of two, one for each person or couple."""
    usable = np.flatnonzero(np.isfinite(found.vectors).all(axis=1))
    vectors, owners = found.vectors[usable], np.array(people.people)[usable]
    genuine: dict[int, tuple[float, int, int]] = {}
    impostors: dict[tuple[int, int], tuple[float, int, int]] = {}
    for row in range(len(usable) - 1):
        similarities = found.compare.against(vectors[row + 1 :], vectors[row]).astype(float)
        same = owners[row + 1 :] == owners[row]
        own = np.flatnonzero(same)
        if len(own):
            least = int(own[similarities[own].argmin()])
            entry = (float(similarities[least]), row, row + 1 + least)
            genuine[int(owners[row])] = min(entry, genuine.get(int(owners[row]), entry))
        others = np.where(same, -np.inf, similarities)
        for column in np.argsort(-others, kind="stable")[:count].tolist():
            if not np.isfinite(others[column]):
                continue
            couple = (int(owners[row]), int(owners[row + 1 + column]))
            entry = (float(others[column]), row, row + 1 + column)
            impostors[couple] = max(entry, impostors.get(couple, entry))
        if len(impostors) > 100 * count:
            impostors = dict(sorted(impostors.items(), key=lambda item: -item[1][0])[:count])
    names = [f"{people.pictures[place].parent.name}/{people.pictures[place].name}" for place in usable.tolist()]

    def told(entry: tuple[float, int, int]) -> Extreme:
        return Extreme(round(entry[0], 4), names[entry[1]], names[entry[2]])

    lowest = tuple(told(entry) for entry in sorted(genuine.values())[:count])
    highest = tuple(told(entry) for entry in sorted(impostors.values(), reverse=True)[:count])
    return lowest, highest

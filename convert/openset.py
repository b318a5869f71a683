"""Open-set identification, one picture a person: who is it, if it is anybody at all.

Half of the people are enrolled with their first picture. Their other pictures must find them; everybody else's pictures
must find nobody. Not the door, which has several references and several frames, but what embedders are compared by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from convert import figures
from convert.datasets import Identities
from convert.embeddings import Embedded
from convert.record import Count, Interval, Share

_FPIRS: Final = (0.1, 0.01, 0.001)
_ROUNDS: Final = 1000
_NOTHING: Final = -1.0  # the similarity of what cannot be compared


class OpenPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """At `similarity`, which a share `fpir` of the others' probes (`others` of them) reaches with somebody.

    `tpir`: the probes of the enrolled that reach it and are nearest to themselves.
    """

    fpir: Share
    similarity: float
    others: Count
    tpir: Interval


class OpenSet(Struct, frozen=True, forbid_unknown_fields=True):
    """`enrolled` people, `probes` of them, `others` of people who are not. What has no usable face is missed."""

    enrolled: Count
    probes: Count
    others: Count
    points: tuple[OpenPoint, ...]


def open_set(people: Identities, found: Embedded, fpirs: Sequence[float] = _FPIRS, seed: int = 1) -> OpenSet | None:
    """None where nobody who could be enrolled has a second picture, or nobody is left to be a stranger."""
    owners = np.array(people.people)
    random = np.random.default_rng(seed)
    enrolled = np.sort(random.permutation(len(people.names))[: len(people.names) // 2])
    first = np.unique(owners, return_index=True)[1]
    gallery, keys = found.vectors[first[enrolled]], enrolled
    mated = np.flatnonzero(np.isin(owners, enrolled) & ~np.isin(np.arange(len(owners)), first))
    others = np.flatnonzero(~np.isin(owners, enrolled))
    if not len(mated) or not len(others):
        return None
    best, who = _nearest(found, mated, gallery)
    right = np.where(keys[who] == owners[mated], best, _NOTHING)
    strangers = np.sort(_nearest(found, others, gallery)[0])[::-1]
    points = []
    for fpir in fpirs:
        limit = figures.threshold_at(strangers, fpir)
        if limit is not None:
            tpir = _drawn(right >= limit, owners[mated], random)
            points.append(OpenPoint(fpir, limit, figures.reaching(strangers, limit), tpir))
    return OpenSet(len(enrolled), len(mated), len(others), tuple(points))


def _nearest(
    found: Embedded, probes: NDArray[np.intp], gallery: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Each probe's greatest similarity and where it is."""
    similarities = np.nan_to_num(found.compare.against(found.vectors[probes], gallery).astype(np.float64), nan=_NOTHING)
    return similarities.max(axis=1), similarities.argmax(axis=1)


def _drawn(hits: NDArray[np.bool_], owners: NDArray[np.int64], random: np.random.Generator) -> Interval:
    """The share of hits, with 95 % of draws of the people anew."""
    people, place = np.unique(owners, return_inverse=True)
    got, made = np.bincount(place, hits), np.bincount(place)
    drawn = []
    for _ in range(_ROUNDS):
        weights = figures.draw(random, len(people))
        drawn.append((weights * got).sum() / (weights * made).sum())
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    return Interval(float(hits.mean()), low, high).rounded()

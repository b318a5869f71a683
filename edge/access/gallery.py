"""Everybody enrolled, as one matrix, against one embedding."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.access.policy import Rule
from edge.comparing import Comparator
from edge.values import Embedding, Match, Person, frozen_array

# How far from 1 the length of a unit vector may be: far above float32's rounding, far below any other mistake.
_UNIT_TOLERANCE: Final = 1e-3


def is_sound(embedding: Embedding) -> bool:
    """Whether this is what an embedder gives: one float32 vector, finite, of unit length."""
    vector = embedding.vector
    if vector.ndim != 1 or vector.size == 0 or vector.dtype != np.float32:
        return False
    # With a NaN or an infinity among them the numbers have no length near 1.
    return abs(float(np.linalg.norm(vector.astype(np.float64))) - 1.0) <= _UNIT_TOLERANCE


def similarity(compare: Comparator, one: Embedding | None, other: Embedding | None) -> float:
    """How alike two embeddings are; NaN where one is missing, unsound, or of another space."""
    if one is None or other is None or one.space != other.space or one.vector.shape != other.vector.shape:
        return math.nan
    if not (is_sound(one) and is_sound(other)):
        return math.nan
    return float(compare.against(one.vector[np.newaxis], other.vector)[0])


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """The people whose references can be compared in `space`; make one with `Gallery.of`.

    `unusable` are the ids of people with no reference, or with one that is unsound or of another space or size: they
    have to be enrolled again. `matrix` is float32 [references, dimension], each person's rows together from
    `starts[i]` on. `close` holds, by id, whose face comes too near to somebody else's to be told from it with
    certainty: the nearest other person's id, and the similarity of the two references most alike.
    """

    space: str
    people: tuple[Person, ...]
    unusable: tuple[str, ...]
    matrix: NDArray[np.float32]
    starts: NDArray[np.intp]
    close: Mapping[str, tuple[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, people: Iterable[Person], space: str, rule: Rule) -> Gallery:
        """A gallery of `people` for embeddings of `space`; `rule` says from where two people are too close."""
        everybody = tuple(people)
        sizes = Counter(one.vector.size for person in everybody for one in person.references if _fits(one, space, None))
        size = sizes.most_common(1)[0][0] if sizes else None
        usable = tuple(
            person
            for person in everybody
            if person.references and all(_fits(one, space, size) for one in person.references)
        )
        counts = np.array([len(person.references) for person in usable], dtype=np.intp)
        rows = [one.vector for person in usable for one in person.references]
        matrix = frozen_array(np.stack(rows) if rows else np.empty((0, 0), dtype=np.float32))
        starts = frozen_array(np.cumsum(counts) - counts)
        return cls(
            space=space,
            people=usable,
            unusable=tuple(person.id for person in everybody if person not in usable),
            matrix=matrix,
            starts=starts,
            close=MappingProxyType(_close(usable, matrix, starts, rule)),
        )

    def comparable(self, embedding: Embedding | None) -> bool:
        """Whether `embedding` can be held against this gallery at all."""
        return embedding is not None and _fits(embedding, self.space, self.matrix.shape[1] if self.people else None)

    def person(self, person_id: str) -> Person | None:
        return next((person for person in self.people if person.id == person_id), None)

    def match(self, embedding: Embedding, rule: Rule) -> tuple[Match, ...]:
        """Everybody against `embedding`, the most similar first; nobody where it is not comparable."""
        if not self.people or not self.comparable(embedding):
            return ()
        similarities = rule.compare.against(self.matrix, embedding.vector)
        # `>=` with a NaN on either side is false: doubt is never a vote.
        votes = np.add.reduceat((similarities >= rule.detection_threshold).astype(np.intp), self.starts)
        best = np.maximum.reduceat(similarities, self.starts)
        matches = (
            _match(person, float(nearest), int(count), rule)
            for person, nearest, count in zip(self.people, best, votes, strict=True)
        )
        return tuple(sorted(matches, key=lambda match: -match.similarity))


def _fits(embedding: Embedding, space: str, size: int | None) -> bool:
    return embedding.space == space and is_sound(embedding) and size in {None, embedding.vector.size}


def _close(
    people: Sequence[Person], matrix: NDArray[np.float32], starts: NDArray[np.intp], rule: Rule
) -> dict[str, tuple[str, float]]:
    """Everybody whose nearest other person is alike up to the margin, by their most similar references."""
    nearest = np.full((len(people), len(people)), -math.inf)  # of any two people, their two references most alike
    for number, start in enumerate(starts[1:]):
        own = matrix[starts[number] : start]
        alike = rule.compare.against(matrix[start:], own).max(axis=1)
        nearest[number, number + 1 :] = np.maximum.reduceat(alike, starts[number + 1 :] - start)
    nearest = np.maximum(nearest, nearest.T)
    close = {}
    for person, alike in zip(people, nearest, strict=True):
        other = int(alike.argmax())
        if alike[other] >= rule.detection_threshold - rule.margin:
            close[person.id] = (people[other].id, float(alike[other]))
    return close


def _match(person: Person, nearest: float, votes: int, rule: Rule) -> Match:
    references = len(person.references)
    enough = references >= rule.minimum_references and votes >= 1
    verified = enough and votes / references >= rule.verification_threshold
    return Match(person.id, person.name, nearest, votes, references, verified)

"""Whether people's own references would let them in, and which references are too much like somebody else's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.access.gallery import Gallery
from edge.access.policy import Rule
from edge.values import Person

_NOBODY: Final = -2.0  # below every similarity


@dataclass(frozen=True, slots=True)
class Examined:
    """One reference, held against all others. `number` counts a person's references from 1.

    `worst_own` and `median_own`: the similarities to the person's other references; `nearest_*`: the most similar
    reference of anybody else. `recognised`: shown to the door, this picture would be told as this person by the rest.
    """

    person_id: str
    number: int
    worst_own: float
    median_own: float
    recognised: bool
    nearest_id: str | None = None
    nearest_similarity: float | None = None


def examine(person: Person, gallery: Gallery, rule: Rule) -> tuple[Examined, ...]:
    """Every reference of `person`, left out in turn; none where `gallery` cannot compare them."""
    place = next((place for place, one in enumerate(gallery.people) if one.id == person.id), None)
    if place is None or len(person.references) < 2:
        return ()
    own = slice(gallery.starts[place], gallery.starts[place] + len(person.references))
    similarities = rule.compare.against(gallery.matrix, gallery.matrix[own]).T
    best = np.maximum.reduceat(similarities, gallery.starts, axis=1)
    best[:, place] = _NOBODY
    among_own = similarities[:, own]
    return tuple(
        _examined(person, number, np.delete(among_own[number], number), best[number], gallery, rule)
        for number in range(len(person.references))
    )


def _examined(
    person: Person,
    index: int,
    own: NDArray[np.float32],
    others: NDArray[np.float32],
    gallery: Gallery,
    rule: Rule,
) -> Examined:
    other = int(others.argmax())
    nearest = float(others[other])
    verified = float((own >= rule.detection_threshold).mean()) >= rule.verification_threshold
    distinct = float(own.max()) - nearest >= rule.margin
    nobody = nearest == _NOBODY
    return Examined(
        person.id,
        index + 1,
        worst_own=float(own.min()),
        median_own=float(np.median(own)),
        recognised=verified and distinct,
        nearest_id=None if nobody else gallery.people[other].id,
        nearest_similarity=None if nobody else nearest,
    )

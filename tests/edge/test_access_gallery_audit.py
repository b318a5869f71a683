"""Whether the references of the people enrolled would let them in, and whom they are too much like."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.access.gallery_audit import Examined, examine
from edge.values import Embedding, Person
from tests.edge.access_scene import RULE, WHEN, face_of, gallery, like, person, vector


def of(name: str, *references: Embedding) -> Person:
    return Person(name, name.title(), references, WHEN)


def audit(someone: Person, *others: Person) -> tuple[Examined, ...]:
    return examine(someone, gallery(someone, *others), RULE)


def test_a_person_alone_is_recognised_by_every_reference() -> None:
    examined = audit(person("ana", references=5))
    assert [one.number for one in examined] == [1, 2, 3, 4, 5]
    assert {replace(one, number=1) for one in examined} == {Examined("ana", 1, 1.0, 1.0, recognised=True)}


def test_a_reference_of_somebody_else_is_found_and_whose_it_is() -> None:
    ana = of("ana", *[face_of("ana")] * 5, face_of("ben"))
    *good, stray = audit(ana, person("ben"), person("cem"))
    assert all(one.recognised for one in good)
    assert stray == Examined("ana", 6, 0.0, 0.0, recognised=False, nearest_id="ben", nearest_similarity=1.0)


def test_a_reference_that_half_of_the_others_know_is_recognised_and_one_that_fewer_know_is_not() -> None:
    side = like(ana=0.5, stranger=0.8125)
    known = audit(of("ana", *[face_of("ana")] * 3, *[like(stranger=1.0)] * 2, side))
    assert known[-1].recognised
    lonely = audit(of("ana", *[face_of("ana")] * 5, like(ana=0.46875)))
    assert [one.recognised for one in lonely] == [True] * 5 + [False]


def test_whoever_comes_too_near_is_not_recognised_although_verified() -> None:
    ana = of("ana", *[like(ana=1.0)] * 4, like(ana=0.75, ben=0.65625))
    examined = audit(ana, of("ben", *[like(ben=0.9375, ana=0.34375)] * 5))
    assert [one.recognised for one in examined] == [True] * 4 + [False]
    assert examined[-1].nearest_similarity is not None
    assert examined[-1].nearest_similarity > RULE.detection_threshold


def test_references_that_cannot_be_compared_are_not_examined() -> None:
    elsewhere = of("ana", *[vector(face_of("ana").vector, "another")] * 5)
    assert audit(elsewhere, person("ben")) == ()
    assert examine(person("ana"), gallery(person("ben")), RULE) == ()


@pytest.mark.parametrize("seed", range(5))
def test_leaving_one_out_is_what_the_door_would_see(seed: int) -> None:
    """Against the gallery's own judgement, with that reference really taken out."""
    rng = np.random.default_rng(seed)

    def face(middle: np.ndarray) -> Embedding:
        values = middle + rng.normal(0, 0.6, 6)
        return vector(values / np.linalg.norm(values))

    people = [of(name, *(face(middle) for _ in range(8))) for name, middle in zip("abc", np.eye(6) * 1.5, strict=False)]
    for someone in people:
        for one in examine(someone, gallery(*people), RULE):
            rest = tuple(two for number, two in enumerate(someone.references, start=1) if number != one.number)
            without = [replace(other, references=rest) if other is someone else other for other in people]
            matches = gallery(*without).match(someone.references[one.number - 1], RULE)
            own = next(match for match in matches if match.person_id == someone.id)
            nearest = next(match for match in matches if match.person_id != someone.id)
            assert one.recognised == (own.verified and own.similarity - nearest.similarity >= RULE.margin)
            assert (one.nearest_id, one.nearest_similarity) == (
                nearest.person_id,
                pytest.approx(nearest.similarity, abs=1e-5),
            )

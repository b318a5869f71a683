"""Every refusal has its reason, every decision its figures. Eight frames a second."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.values import Embedding, Probe, Quality
from tests.edge.access_scene import (
    DIMENSION,
    NOBODY,
    Door,
    Sight,
    face_of,
    like,
    person,
    sight,
    tell,
    unclear,
    vector,
)

ANA, STRANGER = sight("ana"), sight("stranger")


def test_a_grant_tells_all_that_it_stands_on() -> None:
    door = Door(person("ana"), person("ben"))
    door.frames(unclear(), Sight(like(ana=0.25)))
    seen = Sight(like(ana=0.75, ben=0.25), age=0.25)
    (decision,) = door.watch(seen, 2)
    assert decision.match is not None
    assert decision.runner_up is not None
    assert (decision.visit_id, decision.verdict, decision.reason) == ("visit-1", "granted", "verified")
    assert (decision.started_at, decision.at, decision.frame_at) == (1000.0, 1000.875, 1000.625)
    assert decision.not_after == 1001.625, "a second after the picture, and not after the decision"
    assert (decision.match.name, decision.match.similarity, decision.match.votes) == ("Ana", 0.75, 10)
    assert (decision.runner_up.person_id, decision.runner_up.similarity) == ("ben", 0.25)
    assert (decision.frames, decision.frames_seen) == (5, 5)
    assert decision.quality is not None
    assert decision.quality.refusal is None


def test_a_photo_of_nobody_is_refused_as_unknown_three_seconds_after_its_first_good_frame() -> None:
    door = Door(person("ana"))
    door.watch(unclear(), 1.5)
    decisions = door.watch(STRANGER, 4)
    assert [tell(one) for one in decisions] == [("refused", "unknown")]
    assert decisions[0].at == 1004.5
    assert decisions[0].started_at == 1000.0


def test_a_refusal_gives_the_reason_of_most_frames() -> None:
    door = Door(person("ana"))
    door.frames(STRANGER, *[unclear("too_dark")] * 3, *[unclear("blurred")] * 2)
    (decision,) = door.watch(NOBODY, 2)
    assert decision.reason == "quality:too_dark"
    assert decision.quality is not None
    assert decision.quality.refusal == "too_dark"
    assert decision.match is not None, "the nearest person is told from a frame that could be compared"


def test_of_equally_frequent_reasons_the_latest_counts() -> None:
    for first, second in ((unclear("too_dark"), STRANGER), (STRANGER, unclear("too_dark"))):
        door = Door(person("ana"))
        door.frames(first, second, first, second)
        (decision,) = door.watch(NOBODY, 2)
        assert decision.reason == ("unknown" if second is STRANGER else "quality:too_dark")


def test_an_embedding_that_came_in_spite_of_the_gate_does_not_count() -> None:
    door = Door(person("ana"))
    door.watch(Sight(face_of("ana"), refusal="blurred"), 10)
    assert door.told == []


def test_two_people_who_look_alike_are_ambiguous() -> None:
    door = Door(person("ana"), person("ben"))
    (decision,) = door.watch(Sight(like(ana=0.6875, ben=0.65)), 4)
    assert decision.reason == "ambiguous"
    assert decision.match is not None
    assert decision.runner_up is not None
    assert (decision.match.person_id, decision.runner_up.person_id) == ("ana", "ben")


def test_a_margin_that_is_just_reached_is_enough() -> None:
    seen = Sight(like(ana=0.75, ben=0.625))
    wide_enough, too_wide = (
        Door(person("ana"), person("ben"), margin=0.125),
        Door(person("ana"), person("ben"), margin=0.126),
    )
    wide_enough.watch(seen, 4)
    too_wide.watch(seen, 4)
    assert (wide_enough.told, too_wide.told) == ([("granted", "ana")], [("refused", "ambiguous")])


def test_a_verified_person_with_somebody_nearer_is_ambiguous() -> None:
    few_close = person("ben", references=4)  # nearest, but with too few references to be verified
    door = Door(person("ana"), few_close)
    door.watch(Sight(like(ana=0.625, ben=0.75)), 4)
    assert door.told == [("refused", "ambiguous")]


def test_an_old_frame_or_one_from_the_future_opens_nothing() -> None:
    for age in (1.125, 60.0, -0.125, math.nan):
        door = Door(person("ana"))
        door.watch(sight("ana", age=age), 4)
        assert door.told == [("refused", "stale")]
    fresh = Door(person("ana"))
    fresh.watch(sight("ana", age=1.0), 4)
    assert fresh.told == [("granted", "ana")]


def test_with_several_faces_nobody_gets_in_where_the_house_says_so() -> None:
    refusing, nearest = Door(person("ana"), faces="refuse"), Door(person("ana"), faces="nearest")
    for door in (refusing, nearest):
        door.watch(sight("ana", faces=2), 4)
    assert (refusing.told, nearest.told) == ([("refused", "several_faces")], [("granted", "ana")])
    alone = Door(person("ana"), faces="refuse")
    alone.watch(ANA, 4)
    assert alone.told == [("granted", "ana")]


def test_with_nobody_enrolled_everybody_is_refused() -> None:
    door = Door()
    (decision,) = door.watch(ANA, 4)
    assert (decision.reason, decision.match, decision.frames, decision.frames_seen) == ("nobody_enrolled", None, 0, 5)


BAD = {
    "nan": vector([math.nan] * DIMENSION),
    "one nan": vector([1.0] + [0.0] * (DIMENSION - 2) + [math.nan]),
    "inf": vector([math.inf] + [0.0] * (DIMENSION - 1)),
    "zero": vector([0.0] * DIMENSION),
    "denormal": vector([1e-45] * DIMENSION),
    "too long": vector([2.0] + [0.0] * (DIMENSION - 1)),
    "huge": vector([3e38] * DIMENSION),
    "wrong size": vector([1.0]),
    "empty": vector([]),
    "matrix": vector([[1.0] + [0.0] * (DIMENSION - 1)]),
    "other space": vector(face_of("ana").vector, space="another"),
    "float64": Embedding(face_of("ana").vector.astype(np.float64), face_of("ana").space),
}


@pytest.mark.parametrize("embedding", BAD.values(), ids=BAD)
def test_an_embedding_that_is_none_is_refused_and_never_compared(embedding: Embedding) -> None:
    door = Door(person("ana"))
    door.watch(Sight(embedding), 4)
    assert door.told == [("refused", "bad_embedding")]
    assert Door().frames(Sight(embedding)) == []


def test_a_probe_that_contradicts_itself_starts_nothing() -> None:
    door = Door(person("ana"))
    whole = ANA.probe(door.now)
    for probe in (
        Probe(door.now, 1, 1, None, None, whole.quality, whole.embedding),
        Probe(door.now, 1, 1, whole.face, None, None, whole.embedding),
    ):
        door.step(probe)
        assert door.state.visit is None


def test_a_clock_that_gives_no_number_opens_nothing() -> None:
    door = Door(person("ana"), trigger="always")
    probe = ANA.probe(door.now)
    door.now = math.nan
    for _ in range(50):
        door.step(probe)
    assert ("granted", "ana") not in door.told


def test_the_last_look_explains_itself_also_after_the_decision() -> None:
    door = Door(person("ana"))
    door.watch(ANA, 2)
    door.frame(unclear("turned"))
    assert door.state.look is not None
    assert door.state.look.reason == "quality:turned"
    assert door.state.look.quality == Quality(100, 200.0, 120.0, 50.0, 0.0, 0.0, 0.0, "turned")
    door.frame(NOBODY)
    assert door.state.look is None

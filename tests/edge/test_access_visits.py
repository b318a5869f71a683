"""Visits as timelines. Eight frames a second unless a story says otherwise; times are exact in binary."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.access.visits import MAX_REMEMBERED
from edge.values import Box
from tests.edge.access_scene import (
    BESIDE,
    DIMENSION,
    HERE,
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

ANA, BEN, STRANGER = sight("ana"), sight("ben"), sight("stranger")
# Near enough to ana to be the same face in front of the camera, too far to be a detection.
POORLY_SEEN = Sight(like(ana=0.4375))


def test_a_resident_who_looks_for_three_frames_is_granted_once() -> None:
    door = Door(person("ana"), person("ben"), trigger="always")
    assert door.frames(ANA, ANA) == []
    (decision,) = door.frame(ANA)
    assert tell(decision) == ("granted", "ana")
    assert door.watch(ANA, 60) == []


def test_nothing_opens_before_the_dwell_is_over() -> None:
    door = Door(person("ana"), dwell=1.0)
    assert door.watch(ANA, 1.0) == []
    assert [tell(one) for one in door.frame(ANA)] == [("granted", "ana")]
    assert door.decisions[0].at - door.decisions[0].started_at == 1.0


def test_somebody_who_leaves_before_the_dwell_was_on_the_way() -> None:
    door = Door(person("ana"), dwell=1.0)
    door.watch(ANA, 0.75)
    door.watch(NOBODY, 2)
    assert door.told == [("refused", "dwell")]


def test_two_good_frames_are_not_enough() -> None:
    door = Door(person("ana"), trigger="always")
    door.frames(ANA, ANA, NOBODY)
    door.watch(NOBODY, 2)
    assert door.told == [("refused", "unstable")]
    assert (door.decisions[0].frames, door.decisions[0].frames_seen) == (2, 2)


def test_three_matches_spread_over_the_window_open_but_not_over_more_frames() -> None:
    spread = Door(person("ana"), trigger="always")
    assert [tell(one) for one in spread.frames(ANA, POORLY_SEEN, ANA, POORLY_SEEN, ANA)] == [("granted", "ana")]
    too_far = Door(person("ana"), trigger="always")
    assert too_far.frames(ANA, POORLY_SEEN, POORLY_SEEN, ANA, POORLY_SEEN, ANA, POORLY_SEEN, POORLY_SEEN) == []


def test_the_frame_that_opens_is_one_that_matches() -> None:
    door = Door(person("ana"), dwell=0.5)
    assert door.frames(ANA, ANA, ANA, POORLY_SEEN, POORLY_SEEN) == []
    assert [tell(one) for one in door.frame(ANA)] == [("granted", "ana")]


def test_a_stranger_standing_still_is_refused_once_and_may_try_again_after_five_seconds() -> None:
    door = Door(person("ana"))
    door.watch(STRANGER, 11.125)
    assert [(tell(one), one.at - 1000.0) for one in door.decisions] == [
        (("refused", "unknown"), 3.0),
        (("refused", "unknown"), 11.0),
    ]
    assert len({one.visit_id for one in door.decisions}) == 2


def test_a_resident_refused_in_bad_light_gets_in_when_the_cool_down_is_over() -> None:
    door = Door(person("ana"), trigger="always")
    door.watch(POORLY_SEEN, 3.125)
    assert door.told == [("refused", "unknown")]
    refused_at = door.decisions[0].at
    (decision,) = door.watch(ANA, 6)
    assert tell(decision) == ("granted", "ana")
    assert decision.started_at - refused_at == 5.0


def test_after_a_refusal_somebody_else_in_the_same_place_need_not_wait() -> None:
    door = Door(person("ana"))
    door.watch(STRANGER, 3.125)
    door.watch(ANA, 1)
    assert door.told == [("refused", "unknown"), ("granted", "ana")]


def test_after_a_refused_stranger_left_a_resident_in_the_same_place_need_not_wait() -> None:
    door = Door(person("ana"))
    door.watch(STRANGER, 3.125)
    door.watch(NOBODY, 1.5)
    door.frame(unclear())
    door.watch(ANA, 1)
    assert door.told == [("refused", "unknown"), ("granted", "ana")]


@pytest.mark.parametrize("box", [HERE, BESIDE], ids=["same place", "elsewhere"])
@pytest.mark.parametrize("first", [STRANGER, unclear()], ids=["clear", "blurred"])
def test_who_leaves_after_a_refusal_and_comes_back_waits_for_the_cool_down(first: Sight, box: Box) -> None:
    door = Door(person("ana"))
    door.watch(STRANGER, 3.125)
    door.watch(NOBODY, 1.5)
    door.frame(Sight(first.embedding, box, first.refusal))
    assert door.watch(sight("stranger", box), 3.125) == []
    (decision,) = door.watch(sight("stranger", box), 4)
    assert decision.started_at - door.decisions[0].at == 5.0


def test_a_face_that_cannot_be_compared_is_known_again_by_its_place() -> None:
    door = Door(person("ana"))
    for _ in range(2):
        door.watch(Sight(vector([math.nan] * DIMENSION)), 1)
        door.watch(NOBODY, 1.5)
    assert door.told == [("refused", "bad_embedding")]


def test_who_left_undecided_was_refused_then_and_waits_too() -> None:
    door = Door(person("ana"))
    door.frames(ANA, ANA)
    door.watch(NOBODY, 1.25)
    assert door.told == [("refused", "unstable")]
    assert door.watch(ANA, 4.5) == []
    assert [tell(one) for one in door.watch(ANA, 2)] == [("granted", "ana")]


def test_a_visit_ends_when_the_face_has_been_gone_for_a_second() -> None:
    short = Door(person("ana"), trigger="always")
    short.frames(ANA, ANA)
    short.watch(NOBODY, 0.75)
    assert [tell(one) for one in short.frame(ANA)] == [("granted", "ana")]
    long = Door(person("ana"), trigger="always")
    long.frames(ANA, ANA)
    long.watch(NOBODY, 0.875)
    assert [tell(one) for one in long.frame(ANA)] == [("refused", "unstable")]


def test_a_granted_resident_must_be_gone_before_the_door_opens_again() -> None:
    door = Door(person("ana"))
    door.watch(ANA, 2)
    door.watch(NOBODY, 0.75)
    door.watch(ANA, 30)
    assert door.told == [("granted", "ana")]
    door.watch(NOBODY, 1.25)
    door.watch(ANA, 2)
    assert door.told == [("granted", "ana")] * 2


def test_a_neighbour_flickering_in_gives_no_second_pulse() -> None:
    door = Door(person("ana"), person("ben"))
    door.watch(ANA, 2)
    for _ in range(10):
        door.watch(sight("stranger", BESIDE), 0.5)
        door.watch(ANA, 2)
    assert [one for one in door.told if one[0] == "granted"] == [("granted", "ana")]


def test_a_jump_while_nobody_could_tell_whose_face_it_was_gives_no_second_pulse() -> None:
    door = Door(person("ana"))
    door.watch(ANA, 2)
    door.watch(unclear(box=BESIDE), 3)
    door.watch(sight("ana", BESIDE), 5)
    assert door.told == [("granted", "ana")]


def test_two_people_swapping_places_never_share_votes() -> None:
    door = Door(person("ana"), person("ben"), trigger="always")
    door.frames(ANA, ANA, BEN, BEN, ANA, ANA, BEN, BEN)
    assert ("granted", "ana") not in door.told
    assert ("granted", "ben") not in door.told


def test_two_relatives_taking_turns_in_one_visit_never_share_votes() -> None:
    door = Door(person("ana"), person("ben"), trigger="always")
    ana, ben = Sight(like(ana=0.75, ben=0.25)), Sight(like(ana=0.25, ben=0.75))
    assert door.frames(ana, ben, ana, ben) == []
    assert [tell(one) for one in door.frame(ana)] == [("granted", "ana")]


def test_a_resident_does_not_lend_the_dwell_to_the_next_in_the_same_place() -> None:
    door = Door(person("ana"), person("ben"), dwell=1.0)
    door.watch(ANA, 0.75)
    assert [tell(one) for one in door.watch(BEN, 1)] == [("refused", "dwell")]
    assert [tell(one) for one in door.frame(BEN)] == [("granted", "ben")]


def test_a_stranger_does_not_lend_the_dwell_to_a_resident_who_steps_in() -> None:
    door = Door(person("ana"), dwell=0.6)
    door.watch(Sight(like(ana=0.25)), 1.5)
    assert [tell(one) for one in door.frame(ANA)] == [("refused", "unknown")], "somebody else's face ends the visit"
    assert door.watch(ANA, 0.5) == []
    assert [tell(one) for one in door.watch(ANA, 0.25)] == [("granted", "ana")]


def test_time_before_somebody_was_recognised_is_no_dwell() -> None:
    door = Door(person("ana"), dwell=0.6)
    door.watch(Sight(like(ana=0.45)), 1.5)  # one and the same visit: the face is alike enough
    assert door.watch(ANA, 0.5) == []
    assert [tell(one) for one in door.watch(ANA, 0.25)] == [("granted", "ana")]


def test_a_stranger_who_takes_a_residents_place_during_the_pulse_is_a_visit_of_their_own() -> None:
    door = Door(person("ana"))
    door.watch(ANA, 1)
    assert [tell(one) for one in door.watch(Sight(like(ana=0.25)), 4)] == [("refused", "unknown")]
    assert door.told == [("granted", "ana"), ("refused", "unknown")]


def test_when_a_face_is_swapped_both_visits_may_be_decided_at_once() -> None:
    door = Door(person("ana"), trigger="always", frames_needed=1, frames_window=1)
    door.frame(STRANGER)
    assert [tell(one) for one in door.frame(ANA)] == [("refused", "unknown"), ("granted", "ana")]


def test_a_face_that_jumps_is_still_the_same_visit_when_it_looks_the_same() -> None:
    door = Door(person("ana"), trigger="always")
    door.frames(ANA, sight("ana", BESIDE), ANA)
    assert door.told == [("granted", "ana")]


def test_a_face_elsewhere_that_nobody_can_recognise_is_a_new_visit() -> None:
    door = Door(person("ana"), trigger="always")
    assert [tell(one) for one in door.frames(ANA, ANA, unclear(box=BESIDE))] == [("refused", "unstable")]


def test_the_camera_is_told_where_the_visits_face_was() -> None:
    door = Door(person("ana"))
    assert door.state.box is None
    door.frames(ANA, sight("ana", BESIDE), NOBODY)
    assert door.state.box == BESIDE
    door.watch(NOBODY, 1)
    assert door.state.box is None


def test_a_visit_without_one_good_frame_makes_no_event() -> None:
    door = Door(person("ana"))
    door.watch(unclear("turned"), 20)
    door.watch(NOBODY, 2)
    assert door.told == []


def test_a_face_too_small_starts_no_visit_and_counts_as_gone() -> None:
    door = Door(person("ana"))
    door.watch(Sight(face_of("ana"), refusal="too_small"), 10)
    assert (door.told, door.state.visit, door.state.look) == ([], None, None)
    door.watch(STRANGER, 1)
    door.watch(unclear("too_small"), 1)
    assert door.told == [("refused", "unknown")]


def test_a_stalled_camera_ends_the_visit_by_time_alone() -> None:
    door = Door(person("ana"))
    door.watch(STRANGER, 0.5)
    door.now += 1.0
    assert [tell(one) for one in door.step(None)] == [("refused", "unknown")]
    assert door.state.visit is None


def test_a_refusal_is_due_although_the_face_is_hidden_for_a_moment() -> None:
    door = Door(person("ana"))
    door.watch(STRANGER, 2.5)
    door.watch(NOBODY, 0.5)
    assert [tell(one) for one in door.frame(NOBODY)] == [("refused", "unknown")]


def test_a_crowd_does_not_fill_the_memory() -> None:
    door = Door(cooldown=60.0)
    for axis in np.eye(100):
        door.frame(Sight(vector(axis)))
    assert len(door.told) == 99
    assert len(door.state.remembered) == MAX_REMEMBERED

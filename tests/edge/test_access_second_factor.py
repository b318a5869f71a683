"""Who needs more than a face, and the twenty seconds in which it may come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge.access.second_factor import needs_second_factor
from edge.values import Box, Person, Probe, Terms
from tests.edge.access_scene import (
    BESIDE,
    HERE,
    NOBODY,
    RULE,
    WHEN,
    Door,
    Sight,
    gallery,
    like,
    person,
    sight,
    tell,
    unclear,
)

TOO_CLOSE = RULE.detection_threshold - RULE.margin


def relative(similarity: float, **terms: object) -> Person:
    """Somebody with this similarity to ana, in one reference of five."""
    references = (*(like(ben=1.0),) * 4, like(ana=similarity))
    return Person("ben", "Ben", references, WHEN, Terms(**terms))


def test_two_who_look_alike_are_both_close_and_a_third_is_not() -> None:
    people = gallery(person("ana"), relative(0.48), person("cem"))
    assert set(people.close) == {"ana", "ben"}
    assert people.close["ana"] == ("ben", pytest.approx(0.48))
    assert people.close["ben"] == ("ana", pytest.approx(0.48))


def test_close_begins_where_the_margin_over_the_other_could_be_missing() -> None:
    assert gallery(person("ana"), relative(TOO_CLOSE + 0.001)).close
    assert not gallery(person("ana"), relative(TOO_CLOSE - 0.001)).close


def test_nobody_is_close_to_themselves_nor_in_an_empty_house() -> None:
    assert dict(gallery(person("ana")).close) == {}
    assert dict(gallery().close) == {}


@pytest.mark.parametrize(
    ("alike", "second_factor", "minor", "needed"),
    [
        (False, "automatic", False, False),
        (True, "automatic", False, True),
        (True, "never", False, False),
        (False, "always", False, True),
        (False, "automatic", True, True),
        (False, "never", True, True),
    ],
)
def test_who_needs_a_second_factor(alike: bool, second_factor: str, minor: bool, needed: bool) -> None:  # noqa: FBT001
    ben = relative(0.48 if alike else 0.1, second_factor=second_factor, minor=minor)
    assert needs_second_factor(ben, gallery(person("ana"), ben)) is needed


def test_the_operators_never_is_for_that_person_only() -> None:
    ana, ben = person("ana"), relative(0.48, second_factor="never")
    people = gallery(ana, ben)
    assert needs_second_factor(ana, people)
    assert not needs_second_factor(ben, people)
    assert not needs_second_factor(replace(ana, terms=Terms(second_factor="never")), people)


# --- at the door. Eight frames a second. ---------------------------------------------------------------------------

ANA, BEN, STRANGER = sight("ana"), sight("ben"), sight("stranger")
CHILD = person("ana", minor=True)


def waiting(*others: Person, **rule: Any) -> Door:
    """Ana, a child, has stood before the door for a second, and it waits for her PIN since 1000.625."""
    door = Door(CHILD, *others, **rule)
    door.watch(ANA, 1)
    assert door.told == []
    assert door.state.waiting is not None
    assert (door.state.waiting.person_id, door.state.waiting.missing) == ("ana", "second_factor")
    return door


def test_a_child_at_the_door_is_asked_for_a_pin_and_let_in_with_it() -> None:
    door = waiting()
    door.watch(ANA, 10)
    (decision,) = door.pin("ana").frame(ANA)
    assert tell(decision) == ("granted", "ana")
    assert decision.second_factor == "pin"
    assert decision.not_after == decision.at + door.rule.maximum_frame_age
    assert door.watch(ANA, 30) == []


def test_a_pin_entered_on_the_way_to_the_door_counts_for_twenty_seconds() -> None:
    early, late = Door(CHILD).pin("ana"), Door(CHILD).pin("ana")
    for door, seconds in ((early, 19), (late, 20)):
        door.watch(NOBODY, seconds)
        door.watch(ANA, 1)
    assert (early.told, late.told) == ([("granted", "ana")], [])


def test_a_child_without_a_pin_is_refused_after_twenty_seconds_and_not_after_three() -> None:
    door = waiting()
    door.watch(ANA, 19.5)
    assert door.told == []
    (decision,) = door.watch(ANA, 0.25)
    assert (decision.reason, decision.second_factor) == ("second_factor", "missing")
    assert decision.at == 1000.625 + 20
    assert decision.frames == 5, "the face itself was complete"


def test_the_pin_that_comes_too_late_opens_nothing() -> None:
    door = waiting()
    door.watch(ANA, 20)
    assert door.told == [("refused", "second_factor")]
    door.pin("ana").watch(ANA, 4.5)
    assert len(door.told) == 1, "the cool-down"
    door.watch(ANA, 2)
    assert door.told[1:] == [("granted", "ana")], "a new visit, with the PIN of less than twenty seconds ago"


def test_somebody_elses_pin_is_none() -> None:
    door = waiting(person("ben"))
    door.pin("ben").watch(ANA, 20)
    assert door.told == [("refused", "second_factor")]


def test_a_pin_alone_opens_nothing() -> None:
    door = Door(CHILD).pin("ana")
    door.watch(STRANGER, 4)
    door.watch(NOBODY, 4)
    assert door.told == [("refused", "unknown")]


def test_a_pin_lets_in_once() -> None:
    door = waiting().pin("ana")
    door.watch(ANA, 1)
    door.watch(NOBODY, 2)
    door.watch(ANA, 5)
    assert door.told == [("granted", "ana")]
    assert door.state.waiting is not None


def test_one_persons_entry_spends_nobody_elses_pin() -> None:
    ben = replace(person("ben"), terms=Terms(minor=True))
    door = Door(CHILD, ben).pin("ana").pin("ben")
    door.watch(ANA, 1)
    door.watch(BEN, 1)
    assert door.told == [("granted", "ana"), ("granted", "ben")]


def test_a_child_steps_aside_to_enter_the_pin() -> None:
    door = waiting()
    door.watch(NOBODY, 6)
    (decision,) = door.pin("ana").frame(NOBODY)
    assert tell(decision) == ("granted", "ana")
    door.watch(NOBODY, 3)
    door.watch(ANA, 4)
    assert (door.told, door.state.waiting) == ([("granted", "ana")], None), "she only comes by, to go in"
    door.watch(NOBODY, 1.25)
    door.watch(ANA, 1)
    assert door.state.waiting is not None, "and later she is asked again"


def test_a_camera_that_shows_nothing_lets_nobody_in() -> None:
    door = waiting()
    door.watch(NOBODY, 6)
    door.pin("ana")
    for _ in range(10):
        assert door.step(None) == [], "nobody knows who stands there"
        door.now += 0.125
    assert door.step(Probe(door.now - 1.125, 0, 0)) == [], "an old picture"
    assert [tell(one) for one in door.frame(NOBODY)] == [("granted", "ana")]


def test_somebody_inside_confirms_who_is_in_sight() -> None:
    door = waiting()
    (decision,) = door.confirm().frame(ANA)
    assert (decision.verdict, decision.second_factor) == ("granted", "confirmed")


def test_somebody_inside_confirms_before_the_face_is_complete() -> None:
    door = Door(CHILD).confirm()
    door.watch(ANA, 1)
    assert door.told == [("granted", "ana")]


def test_somebody_inside_cannot_confirm_who_has_gone_out_of_sight() -> None:
    door = waiting()
    door.watch(NOBODY, 6)
    assert door.confirm().watch(NOBODY, 2) == []
    assert [tell(one) for one in door.frame(ANA)] == [("granted", "ana")], "there again"
    gone = waiting()
    gone.watch(NOBODY, 6)
    gone.confirm().watch(NOBODY, 14)
    assert gone.told == [("refused", "stale")]


@pytest.mark.parametrize("box", [HERE, BESIDE], ids=["same place", "elsewhere"])
def test_whoever_takes_the_childs_place_ends_the_wait(box: Box) -> None:
    door = waiting(person("ben"))
    (decision,) = door.frame(sight("stranger", box))
    assert (decision.reason, decision.second_factor) == ("swapped", "missing")
    door.pin("ana").watch(sight("stranger", box), 10)
    assert ("granted", "ana") not in door.told


def test_whoever_comes_when_the_child_has_gone_ends_the_wait() -> None:
    door = waiting()
    door.watch(NOBODY, 3)
    door.pin("ana").frame(STRANGER)
    assert door.told == [("refused", "swapped")]


def test_a_face_that_cannot_be_recognised_after_the_child_had_gone_is_not_let_in() -> None:
    door = waiting()
    door.watch(NOBODY, 3)
    door.watch(unclear(), 1)
    door.pin("ana").watch(unclear(), 4)
    door.watch(NOBODY, 4)
    assert door.told == [], "it could be anybody, and may still be about"
    assert [tell(one) for one in door.frame(ANA)] == [("granted", "ana")]


def test_a_child_that_looks_down_at_the_keys_is_still_the_child() -> None:
    door = waiting()
    door.watch(unclear("turned"), 8)
    assert [tell(one) for one in door.pin("ana").frame(unclear("turned"))] == [("granted", "ana")]


def test_while_the_newest_good_look_is_at_nobody_known_the_door_waits() -> None:
    door = waiting()
    door.watch(Sight(like(ana=0.4375)), 2)
    assert door.pin("ana").watch(Sight(like(ana=0.4375)), 2) == []
    assert [tell(one) for one in door.frame(ANA)] == [("granted", "ana")]


def test_two_sisters_who_change_places_share_no_pin() -> None:
    """So much alike that the swap itself is not seen: each is recognised, and asked for her own PIN."""
    ana, ben = Sight(like(ana=0.75, ben=0.625)), Sight(like(ana=0.625, ben=0.75))
    door = waiting(person("ben"))
    door.watch(ana, 1)
    assert door.pin("ana").frame(ben, every=0) == [], "the newest look is at the other one"
    door.frames(ben, ben)
    assert door.told == [("refused", "swapped")]
    door.watch(ben, 4)
    assert ("granted", "ana") not in door.told


def test_two_who_look_alike_need_a_pin_each_and_nobody_else_does() -> None:
    ben = Person("ben", "Ben", (*(like(ben=1.0),) * 4, like(ana=0.48)), WHEN)
    door = Door(person("ana"), ben, person("cem"))
    door.watch(sight("cem"), 1)
    door.watch(NOBODY, 2)
    door.watch(ANA, 1)
    assert door.told == [("granted", "cem")]
    door.pin("ana").watch(ANA, 1)
    assert door.told == [("granted", "cem"), ("granted", "ana")]


def test_a_door_may_ask_everybody() -> None:
    door = Door(person("ana", second_factor="never"), second_factor="always")
    door.watch(ANA, 2)
    assert door.told == []
    assert door.pin("ana").frame(ANA)


def test_a_child_that_is_forgotten_or_whose_hours_end_meanwhile_is_not_let_in() -> None:
    forgotten = waiting()
    forgotten.gallery = gallery(person("ben"))
    forgotten.pin("ana").frame(NOBODY)
    assert forgotten.told == [("refused", "unknown")]
    expired = waiting()
    expired.gallery = gallery(person("ana", minor=True, valid_until=WHEN))
    expired.pin("ana").frame(ANA)
    assert expired.told == [("refused", "expired")]
    assert expired.decisions[0].limits
    locked = waiting()
    locked.besides = replace(locked.besides, locked_until=locked.now + 30)
    locked.pin("ana").frame(ANA)
    assert locked.told == [("refused", "lockout")]

"""`trigger: button`: a face opens only for somebody who wants to come in, and says so."""

from __future__ import annotations

from tests.edge.access_scene import NOBODY, Door, person, sight

ANA, BEN = sight("ana"), sight("ben")


def test_with_a_button_nobody_is_let_in_who_only_looks() -> None:
    door = Door(person("ana"), trigger="button")
    door.watch(ANA, 6)
    assert door.told == [("refused", "not_asked")]


def test_the_button_is_pressed_before_or_after_the_face() -> None:
    after, before = Door(person("ana"), trigger="button"), Door(person("ana"), trigger="button").press()
    after.watch(ANA, 4)
    after.press().frame(ANA)
    before.watch(NOBODY, 4)
    before.watch(ANA, 0.5)
    assert after.told == before.told == [("granted", "ana")]


def test_a_button_pressed_too_early_is_forgotten() -> None:
    door = Door(person("ana"), trigger="button").press()
    door.watch(NOBODY, 5.125)
    door.watch(ANA, 1)
    assert door.told == []


def test_nobody_can_press_for_a_resident_who_has_passed_by() -> None:
    door = Door(person("ana"), trigger="button")
    door.watch(ANA, 1)
    door.watch(NOBODY, 2)
    door.press().watch(NOBODY, 2)
    assert door.told == []
    door.watch(NOBODY, 2)
    assert door.told == [("refused", "stale")]


def test_one_press_lets_in_one() -> None:
    door = Door(person("ana"), person("ben"), trigger="button").press()
    door.watch(ANA, 1)
    door.watch(BEN, 2)
    assert door.told == [("granted", "ana")]


def test_a_child_needs_the_button_and_the_pin() -> None:
    door = Door(person("ana", minor=True), trigger="button").press()
    assert door.watch(ANA, 1) == []
    door.pin("ana").watch(ANA, 0.25)
    assert door.told == [("granted", "ana")]


def test_with_a_button_even_who_entered_a_pin_must_be_in_sight() -> None:
    door = Door(person("ana", minor=True), trigger="button")
    door.watch(ANA, 1)
    door.watch(NOBODY, 2)
    assert door.press().pin("ana").watch(NOBODY, 2) == []
    door.press().watch(ANA, 0.25)
    assert door.told == [("granted", "ana")]

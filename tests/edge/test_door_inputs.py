"""Wires as timelines on gpiozero's mock pins: circuits close and open, and words come out."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.door.debounce import LEAST_LOOKS, Debounce
from edge.door.inputs import open_inputs
from edge.errors import InputError, StrikeError
from edge.settings import InputSettings, Pull
from edge.values import SignalKind
from tests.edge.pins import CLOCK, LONG
from tests.edge.wires import LOOK, Bench, wire

BUTTONS: dict[str, SignalKind] = {
    "exit_button": "exit_button",
    "doorbell": "doorbell",
    "confirm_button": "confirm",
    "intent_button": "intent",
}
every_button = pytest.mark.parametrize("button", BUTTONS)
every_pull = pytest.mark.parametrize("pull", get_args(Pull))


def test_the_contact_says_what_it_is_at_the_start_and_with_every_change(tmp_path: Path) -> None:
    bench = Bench(tmp_path, contact_pin=22)
    assert bench.look(1) == ["contact_closed"]
    bench.set("contact", "open")
    assert bench.look(1) == ["contact_open"]
    bench.set("contact", "closed")
    assert bench.look(1) == ["contact_closed"]
    assert bench.look(60, every=1) == []


@every_button
@every_pull
def test_a_press_is_told_once_however_long_it_lasts(tmp_path: Path, button: str, pull: Pull) -> None:
    bench = Bench(tmp_path, **{f"{button}_pin": 27, f"{button}_pull": pull})
    assert bench.look(1) == []
    pressed_at = bench.clock.now()
    bench.set(button, "closed")
    assert bench.look(5) == [BUTTONS[button]]
    assert bench.told[-1].at == pressed_at
    bench.set(button, "open")
    assert bench.look(1) == []
    bench.set(button, "closed")
    assert bench.look(1) == [BUTTONS[button]]


@every_pull
def test_wires_that_are_cut_open_nothing_and_say_so(tmp_path: Path, pull: Pull) -> None:
    pins = {f"{name}_pin": pin for pin, name in enumerate(["contact", "tamper", *BUTTONS], start=20)}
    bench = Bench(tmp_path, **pins, **{key.replace("_pin", "_pull"): pull for key in pins})
    assert bench.look(1) == ["contact_closed"]
    for pin in pins.values():
        wire(tmp_path, pin, "open", pull)
    assert bench.look(10) == ["contact_open", "tamper"]


def test_a_door_whose_wires_were_cut_before_the_start_is_open_and_tampered_with(tmp_path: Path) -> None:
    bench = Bench(tmp_path, contact_pin=22, tamper_pin=23, exit_button_pin=27)
    bench.set("contact", "open")
    bench.set("tamper", "open")
    assert bench.look(1) == ["contact_open", "tamper"]


@every_button
def test_a_button_that_hangs_at_the_start_was_not_pressed(tmp_path: Path, button: str) -> None:
    bench = Bench(tmp_path, **{f"{button}_pin": 27})
    bench.set(button, "closed")
    assert bench.look(60, every=0.1) == []
    bench.set(button, "open")
    assert bench.look(1) == []
    bench.set(button, "closed")
    assert bench.look(1) == [BUTTONS[button]], "once let go, it is a button like any other"


def test_a_contact_that_bounces_opens_once_and_when_it_came_to_rest(tmp_path: Path) -> None:
    bench = Bench(tmp_path, contact_pin=22)
    bench.look(1)
    for _ in range(20):
        bench.set("contact", "open")
        bench.look(LOOK)
        bench.set("contact", "closed")
        bench.look(LOOK)
    at_rest = bench.clock.now()
    bench.set("contact", "open")
    assert bench.look(1) == ["contact_open"]
    assert bench.told[-1].at == at_rest


def test_a_crackle_on_the_wire_is_no_press(tmp_path: Path) -> None:
    bench = Bench(tmp_path, exit_button_pin=27, debounce_seconds=0.05)
    bench.look(1)
    for _ in range(100):
        bench.set("exit_button", "closed")
        bench.look(0.04)
        bench.set("exit_button", "open")
        bench.look(0.02)
    assert bench.told == []


def test_whoever_looks_seldom_does_not_take_two_glimpses_for_a_press(tmp_path: Path) -> None:
    bench = Bench(tmp_path, exit_button_pin=27)
    bench.look(1)
    bench.set("exit_button", "closed")
    assert bench.look(1.0, every=0.5) == []
    bench.set("exit_button", "open")
    assert bench.look(5, every=0.5) == []


def test_a_short_press_waits_until_somebody_asks(tmp_path: Path) -> None:
    bench = Bench(tmp_path, doorbell_pin=24, exit_button_pin=27)
    bench.look(1)
    for name in ("doorbell", "exit_button"):
        bench.set(name, "closed")
        for _ in range(8):
            bench.inputs.look()
            bench.clock.sleep(LOOK)
        bench.set(name, "open")
        for _ in range(8):
            bench.inputs.look()
            bench.clock.sleep(LOOK)
    assert [signal.kind for signal in bench.inputs.poll()] == ["doorbell", "exit_button"]
    assert bench.inputs.poll() == ()


def test_a_wire_that_cannot_be_read_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, contact_pin=22, exit_button_pin=27)
    bench.look(1)
    (tmp_path / "pin-22.input").unlink()
    (tmp_path / "pin-22.input").mkdir()  # what the mock cannot read
    bench.set("exit_button", "closed")
    assert bench.look(1) == ["contact_unknown", "exit_button"]
    assert bench.inputs.trouble.startswith("inputs.contact_pin: GPIO 22 cannot be read: ")
    (tmp_path / "pin-22.input").rmdir()
    bench.set("contact", "closed")
    assert bench.look(1) == ["contact_closed"], "what it is, although it is what it was"
    assert bench.inputs.trouble == ""


def test_a_pin_that_is_used_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"inputs\.tamper_pin: GPIO 22 cannot be claimed"):
        open_inputs(InputSettings(contact_pin=22, tamper_pin=22), "mock", CLOCK, tmp_path)
    Bench(tmp_path, contact_pin=22)  # and nothing is left claimed


@pytest.mark.skipif(importlib.util.find_spec("lgpio") is not None, reason="lgpio is here: this would claim a real pin")
def test_without_lgpio_no_wire_is_pretended(tmp_path: Path) -> None:
    wire(tmp_path, 27, "closed")
    with pytest.raises(StrikeError, match="lgpio"):
        open_inputs(InputSettings(exit_button_pin=27), "gpio", CLOCK, tmp_path)
    with open_inputs(InputSettings(), "gpio", CLOCK, tmp_path) as nothing_wired:
        assert nothing_wired.poll() == ()


def test_the_wires_are_watched_while_nobody_asks(tmp_path: Path) -> None:
    wire(tmp_path, 22, "closed")
    said: list[str] = []

    def until(count: int) -> None:
        deadline = CLOCK.now() + LONG
        while len(said) < count:
            assert CLOCK.now() < deadline, said
            said.extend(signal.kind for signal in inputs.poll())
            CLOCK.sleep(0.02)

    with open_inputs(InputSettings(contact_pin=22), "mock", CLOCK, tmp_path) as inputs:
        until(1)
        wire(tmp_path, 22, "open")
        until(2)
    assert said == ["contact_closed", "contact_open"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.001, 0.2)), max_size=60))
def test_only_what_every_look_has_found_for_long_enough_counts(looks: list[tuple[bool, float]]) -> None:
    debounce, now, history, changes = Debounce(0.05), 10.0, [], []
    for level, pause in looks:
        now += pause
        history.append((level, now))
        since = debounce.look(level, now)
        if since is not None:
            changes.append(debounce.steady)
            held = [one for one in history if one[1] >= since]
            assert [one for one, _ in held] == [level] * len(held)
            assert len(held) >= LEAST_LOOKS
            assert now - since >= 0.05
    assert all(before != after for before, after in pairwise(changes)), "a change is a change"

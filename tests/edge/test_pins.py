"""What may be wired to which pin, and what is said about the rest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from edge.pins import HIGH_AT_BOOT, pin_problems, pin_remarks, wired
from edge.settings import DoorSettings, IndicatorSettings, InputSettings, Settings


def problems(door: DoorSettings | None = None, lamp: int | None = None, **inputs: Any) -> list[str]:
    indicator = IndicatorSettings(lamp_pin=lamp)
    return list(
        pin_problems(Settings(door=door or DoorSettings(), inputs=InputSettings(**inputs), indicator=indicator))
    )


def test_a_door_as_it_is_drawn_has_no_problem() -> None:
    drawn = {"contact_pin": 22, "exit_button_pin": 27, "doorbell_pin": 24, "tamper_pin": 23}
    assert problems(lamp=5, **drawn, confirm_button_pin=16, intent_button_pin=26) == []
    assert problems() == []


def test_every_wire_is_known_by_its_key() -> None:
    settings = Settings(inputs=InputSettings(contact_pin=22), indicator=IndicatorSettings(buzzer_pin=6))
    assert wired(settings) == {"door.pin": 17, "inputs.contact_pin": 22, "indicator.buzzer_pin": 6}


@pytest.mark.parametrize("pin", range(28))
@pytest.mark.parametrize("active_high", [True, False])
def test_a_strike_never_opens_while_the_pi_boots(pin: int, *, active_high: bool) -> None:
    # From the data sheets: 0-8 are pulled up until somebody claims them, 9-27 down; 14 and 15 talk to a console.
    safe = pin in (range(9, 28) if active_high else range(2, 9)) and pin not in {14, 15}
    door = DoorSettings(pin=pin, active_high=active_high)
    assert (problems(door) == []) == safe
    protected = DoorSettings(pin=pin, active_high=active_high, accept_boot_level=True)
    assert (problems(protected) == []) == (pin not in {0, 1})


def test_the_strikes_pin_is_refused_with_the_reason_and_the_way_out() -> None:
    (high,) = problems(DoorSettings(pin=4))
    assert high.startswith(
        "door.pin: GPIO 4 is high while the Pi boots, which with door.active_high: true opens the door"
    )
    assert "take one of GPIO 9-27; " in high
    assert "door.accept_boot_level: true" in high
    (low,) = problems(DoorSettings(pin=17, active_high=False))
    assert "is low while the Pi boots, which with door.active_high: false opens the door: take one of GPIO 2-8" in low
    (console,) = problems(DoorSettings(pin=14))
    assert "serial console" in console


def test_two_wires_on_one_pin_are_both_named() -> None:
    assert problems(contact_pin=17) == ["inputs.contact_pin: GPIO 17 is door.pin already"]
    assert problems(tamper_pin=5, lamp=5) == ["indicator.lamp_pin: GPIO 5 is inputs.tamper_pin already"]


def test_pins_that_belong_to_others_are_refused() -> None:
    assert problems(doorbell_pin=1) == [
        "inputs.doorbell_pin: GPIO 1 belongs to add-on boards, which the Pi asks for their names when it boots"
    ]
    assert problems(doorbell_pin=3, doorbell_pull="up") == []
    assert problems(doorbell_pin=3, doorbell_pull="external_down") == [
        "inputs.doorbell_pin: GPIO 3 has a pull-up resistor of its own, which inputs.doorbell_pull contradicts"
    ]


def test_the_console_is_only_remarked_on() -> None:
    settings = Settings(inputs=InputSettings(contact_pin=15))
    assert list(pin_problems(settings)) == []
    (remark,) = pin_remarks(settings)
    assert remark.startswith("inputs.contact_pin: GPIO 15 is the serial console's")


def test_the_page_shows_each_pin_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "hardware.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (high|low) \| (.+) \|$", page, re.MULTILINE)
    header = MockFactory(revision="c03111").board_info.headers["J8"]
    numbers = {name: pin.number for pin in header.pins.values() for name in pin.names}
    shown = {int(gpio): (int(place), level) for gpio, place, level, _ in rows}
    assert shown == {gpio: (numbers[f"GPIO{gpio}"], "high" if gpio in HIGH_AT_BOOT else "low") for gpio in range(28)}

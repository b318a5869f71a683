"""What is wired to which pin, and what is wrong with that. Pins are BCM numbers of the 40-pin header.

A pin is pulled up or down from power-on until a program claims it: seconds in which nobody watches the relay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from edge.settings import IndicatorSettings, InputSettings, Settings

HIGH_AT_BOOT: Final = range(9)
_ADD_ON_BOARDS: Final = (0, 1)
_FIXED_PULL_UP: Final = (2, 3)
_CONSOLE: Final = (14, 15)


def wired(settings: Settings) -> dict[str, int]:
    """Key of config.yaml -> the pin it names, the strike's first; what is not wired is left out."""
    places = (("inputs", InputSettings), ("indicator", IndicatorSettings))
    names = [(room, field.name) for room, kind in places for field in msgspec.structs.fields(kind)]
    pins = {f"{room}.{name}": getattr(getattr(settings, room), name) for room, name in names if name.endswith("_pin")}
    return {"door.pin": settings.door.pin} | {key: pin for key, pin in pins.items() if pin is not None}


def pin_problems(settings: Settings) -> Iterator[str]:
    """What must not be wired so, each beginning with its key."""
    owners: dict[int, str] = {}
    for key, pin in wired(settings).items():
        if pin in owners:
            yield f"{key}: GPIO {pin} is {owners[pin]} already"
        owners.setdefault(pin, key)
        if pin in _ADD_ON_BOARDS:
            yield f"{key}: GPIO {pin} belongs to add-on boards, which the Pi asks for their names when it boots"
        pull = f"{key.removesuffix('_pin')}_pull"
        if pin in _FIXED_PULL_UP and getattr(settings.inputs, pull.removeprefix("inputs."), "").endswith("down"):
            yield f"{key}: GPIO {pin} has a pull-up resistor of its own, which {pull} contradicts"
    yield from _strike_problems(settings)


def pin_remarks(settings: Settings) -> Iterator[str]:
    """What works only if something else is true."""
    for key, pin in wired(settings).items():
        if pin in _CONSOLE:
            yield f"{key}: GPIO {pin} is the serial console's, unless that is switched off (raspi-config, Interface)"


def _strike_problems(settings: Settings) -> Iterator[str]:
    door = settings.door
    if door.accept_boot_level:
        return
    unless = "; where hardware of yours keeps the strike off all the same, door.accept_boot_level: true allows it"
    if door.pin in _CONSOLE:
        yield f"door.pin: GPIO {door.pin} carries the serial console while the Pi boots, and each letter opens{unless}"
    elif door.active_high == (door.pin in HIGH_AT_BOOT):
        level, others = ("high", "9-27") if door.active_high else ("low", "2-8")
        yield (
            f"door.pin: GPIO {door.pin} is {level} while the Pi boots, which with door.active_high: "
            f"{str(door.active_high).lower()} opens the door: take one of GPIO {others}{unless}"
        )

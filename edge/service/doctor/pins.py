"""The strike's pin, and what the kernel does with it when a process dies."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge.pins import HIGH_AT_BOOT
from edge.service.doctor.finding import Finding, fail, ok, warn
from edge.settings import DoorSettings

_KEPT: Final = ("pinctrl_rp1", "pinctrl_bcm2835")


def pins(door: DoorSettings, *, sys: Path = Path("/sys"), dev: Path = Path("/dev")) -> Iterator[Finding]:
    """Whether the pin can be claimed, rests locked at boot, and is let go by the kernel."""
    if door.driver == "mock":
        yield warn(
            "strike", "door.driver is mock: no pin moves, no door opens", "set door.driver: gpio on a Raspberry Pi"
        )
        return
    if importlib.util.find_spec("lgpio") is None:
        yield fail("strike", "lgpio is missing", "sudo apt install python3-lgpio, or pip install 'lgpio>=0.2.2'")
    chips = sorted(dev.glob("gpiochip*"))
    if not chips:
        yield fail("strike", f"there is no {dev}/gpiochip*", "this is no Raspberry Pi, or its kernel has no GPIO")
    elif not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        yield fail("strike", f"{chips[0]} may not be used", "add this user to the group gpio, and log in again")
    else:
        yield ok("strike", f"GPIO {door.pin}, energised {'high' if door.active_high else 'low'}")
    yield from _at_rest(door)
    yield from _kept_levels(sys)


def _at_rest(door: DoorSettings) -> Iterator[Finding]:
    pulled_up = door.pin in HIGH_AT_BOOT
    if pulled_up == door.active_high:
        level, pins = ("up", "9-27") if pulled_up else ("down", "2-8")
        yield warn(
            "strike at boot",
            f"GPIO {door.pin} is pulled {level} until Linux has started: the relay may click open",
            f"use one of GPIO {pins}, or a resistor that pulls it to the locked level",
        )


def _kept_levels(sys: Path) -> Iterator[Finding]:
    for module in _KEPT:
        path = sys / "module" / module / "parameters/persist_gpio_outputs"
        try:
            kept = path.read_text(encoding="ascii").strip() in {"Y", "1"}
        except OSError:
            continue
        if kept:
            yield warn(
                "kernel and pins",
                "an output keeps its level when its process dies",
                "add dtparam=strict_gpiod to config.txt (systemd/install offers it), and wire a one-shot relay",
            )
        else:
            yield ok("kernel and pins", "a pin is let go when its process dies")

"""The strike's pin, at the start of the machine, at work, and when a process dies."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge.deploy.boot import BEGIN
from edge.pins import HIGH_AT_BOOT
from edge.service.doctor.finding import Finding, fail, ok, warn
from edge.settings import DoorSettings

_KEPT: Final = ("pinctrl_rp1", "pinctrl_bcm2835")
_MODEL: Final = "firmware/devicetree/base/model"
_BOOT_FILES: Final = ("firmware/config.txt", "config.txt")
_AT_BOOT: Final = re.compile(r"(?m)^[ \t]*gpio=([0-9]+)=op,(d[hl])\b")
_STRICT: Final = re.compile(r"(?m)^[ \t]*dtparam=strict_gpiod\b")


def pins(
    door: DoorSettings, *, sys: Path = Path("/sys"), dev: Path = Path("/dev"), boot: Path = Path("/boot")
) -> Iterator[Finding]:
    """Whether the pin can be claimed, is locked while the machine starts, and is let go by the kernel."""
    if door.driver == "mock":
        yield warn(
            "strike", "door.driver is mock: no pin moves, no door opens", "set door.driver: gpio on a Raspberry Pi"
        )
        return
    if importlib.util.find_spec("lgpio") is None:
        fix = "sudo ./systemd/install brings it; elsewhere pip install 'limen[pi]', or apt install python3-lgpio"
        yield fail("strike", "lgpio is missing", fix)
    chips = sorted(dev.glob("gpiochip*"))
    if not chips:
        yield fail("strike", f"there is no {dev}/gpiochip*", "this is no Raspberry Pi, or its kernel has no GPIO")
    elif not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        yield fail("strike", f"{chips[0]} may not be used", "add this user to the group gpio, and log in again")
    else:
        yield ok("strike", f"GPIO {door.pin}, energised {'high' if door.active_high else 'low'}")
    yield from _at_rest(door)
    config = _config_txt(boot)
    yield from _before_linux(door, config)
    yield from _kept_levels(sys, told=_STRICT.search(config) is not None)


def _at_rest(door: DoorSettings) -> Iterator[Finding]:
    pulled_up = door.pin in HIGH_AT_BOOT
    if pulled_up == door.active_high:
        level, pins = ("up", "9-27") if pulled_up else ("down", "2-8")
        yield warn(
            "strike at boot",
            f"GPIO {door.pin} is pulled {level} while the Pi starts: the relay may click open",
            f"use one of GPIO {pins}, or a resistor that pulls it to the locked level",
        )


def _config_txt(boot: Path) -> str:
    """Of a Raspberry Pi; empty elsewhere."""
    for name in _BOOT_FILES:
        try:
            return (boot / name).read_bytes().decode("latin-1")
        except OSError:
            continue
    return ""


def _before_linux(door: DoorSettings, config: str) -> Iterator[Finding]:
    """What the firmware is told to do with the pin: it does so for as long as Linux takes to start."""
    level = dict(_AT_BOOT.findall(config)).get(str(door.pin))
    fix = "sudo ./systemd/install puts the line of the configured pin in its place, then reboot"
    if level is not None and (level == "dl") != door.active_high:
        yield fail("strike at boot", f"config.txt drives GPIO {door.pin} to the level that opens", fix)
    elif level is None and BEGIN in config:
        yield warn("strike at boot", f"the line in config.txt is for another pin than GPIO {door.pin}", fix)


def _kept_levels(sys: Path, *, told: bool) -> Iterator[Finding]:
    """`told`: config.txt has strict_gpiod."""
    what, relay = "kernel and pins", "wire a one-shot relay"
    said = [text for module in _KEPT if (text := _text(sys / "module" / module / "parameters/persist_gpio_outputs"))]
    if not said:
        if "Raspberry Pi" in _text(sys / _MODEL):
            text = "this kernel does not say whether an output keeps its level when its process dies"
            yield warn(what, text, f"take it that it does: {relay}")
    elif said[0] in {"Y", "1"}:
        strict = "reboot: dtparam=strict_gpiod is in config.txt, and not in force"
        strict = strict if told else "add dtparam=strict_gpiod to config.txt (systemd/install offers it)"
        yield warn(what, "an output keeps its level when its process dies", f"{strict}; and {relay}")
    else:
        yield ok(what, "a pin becomes an input when its process dies; the resistor then holds the strike locked")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""

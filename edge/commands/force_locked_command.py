"""`limen force-locked`: drive the strike's pin to its locked level, after everything else has died."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Final

from edge.clock import SystemClock
from edge.commands.configuration import chosen_file
from edge.config import read_strike
from edge.door.force_locked import force_locked
from edge.errors import ConfigError
from edge.settings import DoorSettings, Settings

_WRONG_USAGE: Final = 2


def execute(options: Namespace) -> int:
    """Lock. What says that it could not be done has raised: see docs/commands.md for the exit codes."""
    if options.pin is not None and options.active_high is None:
        print("limen: --pin goes together with --active-high or --active-low: the wrong one opens", file=sys.stderr)
        return _WRONG_USAGE
    settings = _strike(options)
    door = settings.door
    force_locked(door, settings.state, SystemClock())
    print(f"GPIO {door.pin} was driven {'low' if door.active_high else 'high'}: locked. Where the kernel lets go of")
    print("a pin whose program has ended (strict_gpiod), the resistor keeps it so from now on.")
    return 0


def _strike(options: Namespace) -> Settings:
    """The configuration's strike. The command line's counts where there is no configuration that names one."""
    try:
        settings = read_strike(chosen_file(options))
    except ConfigError as error:
        if options.pin is None:
            raise
        print(f"limen: --pin counts, because {'; '.join(error.problems)}", file=sys.stderr)
        return Settings(door=DoorSettings(pin=options.pin, active_high=options.active_high))
    if options.pin not in {None, settings.door.pin}:
        print(f"limen: door.pin is {settings.door.pin}: --pin {options.pin} is left alone", file=sys.stderr)
    return settings

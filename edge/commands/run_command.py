"""`limen run`: the door itself."""

from __future__ import annotations

import signal
import threading
from argparse import Namespace

from edge.app import run_door
from edge.clock import SystemClock
from edge.commands.configuration import chosen_settings


def execute(options: Namespace) -> int:
    """Work the door until SIGINT or SIGTERM; the strike is off when this returns."""
    settings = chosen_settings(options)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    run_door(settings, SystemClock(), stop, preview=options.preview)
    return 0

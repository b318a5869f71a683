"""Drive the pin to its locked level, whoever left it in what state: for ExecStopPost, after everything else died."""

from __future__ import annotations

from pathlib import Path

from edge.clock import Clock
from edge.door.line import claim_locked
from edge.settings import DoorSettings


def force_locked(settings: DoorSettings, state_dir: Path, clock: Clock) -> None:
    """Claim the strike's pin at the locked level and leave it driven.

    Raises StrikeError with the cure, StrikeBusyError where a living strike holds the pin: that one locks by itself.
    """
    claim_locked(settings.driver, settings.pin, active_high=settings.active_high, state_dir=state_dir, clock=clock)

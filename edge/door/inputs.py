"""What is wired to the door besides the strike: contact, buttons, tamper loop."""

from __future__ import annotations

from typing import Protocol

from edge.values import DoorSignal


class Inputs(Protocol):
    """Used by one thread."""

    def poll(self) -> tuple[DoorSignal, ...]:
        """What was pressed, opened or closed since the last call, oldest first. Never waits."""

"""A bench with a door's wires on it: circuits are closed and opened, time passes in looks of twenty milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from edge.clock import SystemClock
from edge.door.inputs import open_inputs
from edge.settings import InputSettings
from edge.values import DoorSignal

Circuit = Literal["open", "closed"]
LOOK = 0.02


class SteppedClock(SystemClock):
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 100.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def wire(state: Path, pin: int, circuit: Circuit, pull: str = "up") -> None:
    """Close or open the circuit on a mock pin; one that is open is where its pull takes it."""
    level = pull.endswith("up") == (circuit == "open")
    draft = state / f"pin-{pin}.draft"
    draft.write_text(str(int(level)))
    draft.rename(state / f"pin-{pin}.input")


class Bench:
    """Wires and a clock. `told` is all that `poll` has said."""

    def __init__(self, state: Path, **settings: Any) -> None:
        self.state = state
        self.settings = InputSettings(**settings)
        self.clock = SteppedClock()
        for name in ("contact", "tamper"):
            self.set(name, "closed")
        for name in ("exit_button", "doorbell", "confirm_button", "intent_button"):
            self.set(name, "open")
        self.told: list[DoorSignal] = []
        self.inputs = open_inputs(self.settings, "mock", self.clock, state)

    def set(self, name: str, circuit: Circuit) -> None:
        pin = getattr(self.settings, f"{name}_pin")
        if pin is not None:
            wire(self.state, pin, circuit, getattr(self.settings, f"{name}_pull"))

    def look(self, seconds: float, every: float = LOOK) -> list[str]:
        """Let time pass; what was said meanwhile."""
        for _ in range(round(seconds / every)):
            self.inputs.look()
            self.clock.sleep(every)
        news = self.inputs.poll()
        self.told += news
        return [signal.kind for signal in news]

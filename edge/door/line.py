"""The strike's line: the one place where its pin is claimed, and always at the locked level."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gpiozero import OutputDevice

from edge.clock import Clock
from edge.door.chip import Chip, Driver, strike_chip
from edge.errors import StrikeBusyError, StrikeError

_PATIENCE_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = 0.02


class Line:
    """A claimed pin. Both methods raise StrikeError when the pin does not follow."""

    def __init__(self, device: OutputDevice, chip: Chip) -> None:
        self._device = device
        self._chip = chip

    def unlock(self) -> None:
        self._drive(unlocked=True)

    def lock(self) -> None:
        self._drive(unlocked=False)

    def _drive(self, *, unlocked: bool) -> None:
        try:
            self._device.value = unlocked
            followed = bool(self._device.value) == unlocked
        except self._chip.errors as error:
            raise StrikeError(f"{self._device.pin} cannot be driven: {error}") from error
        if not followed:
            raise StrikeError(f"{self._device.pin} was driven but did not follow: is it shorted or used twice?")


def claim_locked(driver: Driver, pin: int, *, active_high: bool, state_dir: Path, clock: Clock) -> Line:
    """Claim `pin` at the locked level, of a chip opened for it: see `claim_of`."""
    return claim_of(strike_chip(driver, state_dir), pin, active_high=active_high, clock=clock)


def claim_of(chip: Chip, pin: int, *, active_high: bool, clock: Clock) -> Line:
    """Claim `pin` at the locked level.

    Raises StrikeError with the cure, StrikeBusyError where another process goes on holding it: a strike whose daemon
    died lets go by itself, within moments. Never falls back to another driver.
    """
    deadline = clock.now() + _PATIENCE_SECONDS
    while True:
        try:
            device = OutputDevice(pin, active_high=active_high, initial_value=False, pin_factory=chip.factory)
            break
        except chip.errors as error:
            what = f"door.pin: GPIO {pin} cannot be claimed ({error})"
            if not chip.is_taken(error):
                raise StrikeError(f"{what}: does something else use it?") from error
            if clock.now() >= deadline:
                raise StrikeBusyError(f"{what}: another process holds it") from error
        clock.sleep(_PAUSE_SECONDS)
    line = Line(device, chip)
    line.lock()
    return line

"""The strike's line: the one place where a pin is claimed, and always at the locked level."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from gpiozero import GPIOZeroError, OutputDevice
from gpiozero.pins import Factory

from edge.errors import StrikeError

Driver = Literal["gpio", "mock"]
PinErrors = tuple[type[Exception], ...]

_CURE: Final = (
    "On a Raspberry Pi: pip install 'limen[pi]' or apt install python3-lgpio, and be in the group gpio."
    " To try Limen without a lock: door.driver: mock"
)


class Line:
    """A claimed pin. Both methods raise StrikeError when the pin does not follow."""

    def __init__(self, device: OutputDevice, errors: PinErrors) -> None:
        self._device = device
        self._errors = errors

    def unlock(self) -> None:
        self._drive(unlocked=True)

    def lock(self) -> None:
        self._drive(unlocked=False)

    def _drive(self, *, unlocked: bool) -> None:
        try:
            self._device.value = unlocked
            followed = bool(self._device.value) == unlocked
        except self._errors as error:
            raise StrikeError(f"{self._device.pin} cannot be driven: {error}") from error
        if not followed:
            raise StrikeError(f"{self._device.pin} was driven but did not follow: is it shorted or used twice?")


def claim_locked(driver: Driver, pin: int, *, active_high: bool, state_dir: Path) -> Line:
    """Claim `pin` at the locked level. Raises StrikeError with the cure; never falls back to another driver."""
    factory, errors = _factory(driver, state_dir)
    try:
        device = OutputDevice(pin, active_high=active_high, initial_value=False, pin_factory=factory)
    except errors as error:
        raise StrikeError(f"door.pin: GPIO {pin} cannot be claimed ({error}): does something else use it?") from error
    line = Line(device, errors)
    line.lock()
    return line


def _factory(driver: Driver, state_dir: Path) -> tuple[Factory, PinErrors]:
    if driver == "mock":
        from edge.door.mock_pin import KeptPinFactory

        return KeptPinFactory(state_dir), (GPIOZeroError, OSError)
    try:
        from edge.door.gpio_pin import HeldPinFactory, PinError
    except ImportError as error:
        raise StrikeError(f"door.driver: gpio needs lgpio ({error}). {_CURE}") from error
    errors = (GPIOZeroError, OSError, PinError)
    try:
        return HeldPinFactory(), errors
    except errors as error:
        raise StrikeError(f"door.driver: no GPIO chip can be opened ({error}). {_CURE}") from error

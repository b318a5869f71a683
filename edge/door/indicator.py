"""A lamp and a buzzer, so that whoever stands at the door knows what it thinks. Either may be missing, or both."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from gpiozero import DigitalOutputDevice

from edge.clock import Clock
from edge.door.chip import Chip, Driver, lamp_chip
from edge.errors import InputError
from edge.settings import IndicatorSettings

_log = logging.getLogger(__name__)

# How the door is, until it is another way: at rest, the strike cannot be trusted, an enrolment asks to look into the
# camera, or to stand otherwise, a second factor is awaited. And what is said once: the decision, the bell, the last
# picture of an enrolment.
IndicatorWord = Literal["idle", "jammed", "look", "adjust", "confirm", "granted", "refused", "ring", "done"]


@dataclass(frozen=True, slots=True)
class _Pattern:
    """`lamp` and `buzzer`: seconds on, seconds off, how often (None: without end). `seconds`: for what is said once."""

    lamp: tuple[float, float, int | None] | None
    buzzer: tuple[float, float, int] | None = None
    seconds: float | None = None


_PATTERNS: Final[dict[IndicatorWord, _Pattern]] = {
    "idle": _Pattern(None),
    "jammed": _Pattern((0.1, 0.1, None), (0.1, 0.1, 5)),
    "look": _Pattern((0.5, 0.5, None)),
    "adjust": _Pattern((0.2, 0.2, None)),
    "confirm": _Pattern((0.8, 0.2, None), (0.1, 0.1, 2)),
    "granted": _Pattern((2.0, 0.0, 1), (0.4, 0.0, 1), 2.0),
    "refused": _Pattern((0.15, 0.15, 3), (0.15, 0.15, 3), 1.0),
    "ring": _Pattern((0.3, 0.2, 2), (0.3, 0.2, 2), 1.0),
    "done": _Pattern((1.5, 0.0, 1), (0.1, 0.1, 2), 1.5),
}


def open_indicator(settings: IndicatorSettings, driver: Driver, clock: Clock, state_dir: Path) -> Indicator:
    """The lamp and buzzer there are, off. Raises InputError naming the key, StrikeError where there is no chip."""
    if settings.lamp_pin is None and settings.buzzer_pin is None:
        return Indicator(None, None, (), clock)
    chip = lamp_chip(driver, state_dir)
    lamp = _claimed("lamp_pin", settings.lamp_pin, active_high=settings.lamp_active_high, chip=chip)
    with ExitStack() as undo:
        if lamp is not None:
            undo.callback(lamp.close)
        buzzer = _claimed("buzzer_pin", settings.buzzer_pin, active_high=settings.buzzer_active_high, chip=chip)
        undo.pop_all()
    return Indicator(lamp, buzzer, chip.errors, clock)


class Indicator:
    """Used by one thread; gpiozero's own threads do the blinking. `errors` are all that the devices raise."""

    def __init__(
        self,
        lamp: DigitalOutputDevice | None,
        buzzer: DigitalOutputDevice | None,
        errors: tuple[type[Exception], ...],
        clock: Clock,
    ) -> None:
        self._lamp = lamp
        self._buzzer = buzzer
        self._errors = errors
        self._clock = clock
        self._lasting: IndicatorWord = "idle"
        self._until: float | None = None

    def show(self, word: IndicatorWord) -> None:
        """Begin to show `word`. What is said once comes before what lasts, and goes back to it. Never waits."""
        pattern = _PATTERNS[word]
        if pattern.seconds is not None:
            self._until = self._clock.now() + pattern.seconds
        elif word == self._lasting:
            return
        else:
            self._lasting = word
            if self._until is not None:
                return
        self._play(pattern)

    def poll(self) -> None:
        """Go back to what lasts when what is said once has been said."""
        if self._until is not None and self._clock.now() >= self._until:
            self._until = None
            self._play(_PATTERNS[self._lasting])

    def _play(self, pattern: _Pattern) -> None:
        """A lamp that fails is no reason for a door to fail."""
        for device, blinks in ((self._lamp, pattern.lamp), (self._buzzer, pattern.buzzer)):
            try:
                if device is not None and blinks is not None:
                    on, off, times = blinks
                    device.blink(on, off, times)
                elif device is not None:
                    device.off()
            except self._errors as error:
                _log.warning("%s cannot be driven: %s", device, error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._play(_PATTERNS["idle"])
        for device in (self._lamp, self._buzzer):
            if device is not None:
                device.close()


def _claimed(name: str, pin: int | None, *, active_high: bool, chip: Chip) -> DigitalOutputDevice | None:
    if pin is None:
        return None
    try:
        return DigitalOutputDevice(pin, active_high=active_high, initial_value=False, pin_factory=chip.factory)
    except chip.errors as error:
        what = f"indicator.{name}: GPIO {pin} cannot be claimed ({error})"
        raise InputError(f"{what}: does something else use it?") from error

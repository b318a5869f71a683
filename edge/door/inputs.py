"""What is wired to the door besides the strike: the contact, buttons, a tamper loop.

Every wire is a circuit: closed, or open like a wire that is cut. So whatever is cut reads as what keeps the door safe:
an open door, an open case, a button that is not pressed. A thread looks at all of them fifty times a second, so
that no press is missed while the main thread looks at a picture. It asks for no edges: what arrives late, is lost or
comes from a motor nearby is then no matter, and a level that nobody finds any more was never there.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gpiozero import InputDevice

from edge.clock import Clock
from edge.door.chip import Chip, Driver, input_chip
from edge.door.debounce import Debounce
from edge.errors import InputError
from edge.settings import InputSettings, Pull
from edge.values import DoorSignal, SignalKind

_LOOK_SECONDS: Final = 0.02
_MOST_SIGNALS: Final = 256  # between two polls: the newest stay

# Name in config.yaml -> what it says when its circuit closes, and when it opens.
_WORDS: Final[dict[str, tuple[SignalKind | None, SignalKind | None]]] = {
    "contact": ("contact_closed", "contact_open"),
    "tamper": (None, "tamper"),
    "exit_button": ("exit_button", None),
    "doorbell": ("doorbell", None),
    "confirm_button": ("confirm", None),
    "intent_button": ("intent", None),
}


def open_inputs(settings: InputSettings, driver: Driver, clock: Clock, state_dir: Path) -> Inputs:
    """The wires there are, claimed. Raises InputError naming the key, StrikeError where there is no chip."""
    pins = {name: getattr(settings, f"{name}_pin") for name in _WORDS}
    wired = {name: pin for name, pin in pins.items() if pin is not None}
    if not wired:
        return Inputs((), clock)
    chip = input_chip(driver, state_dir)
    with ExitStack() as undo:
        wires = []
        for name, pin in wired.items():
            wires.append(Wire(name, pin, getattr(settings, f"{name}_pull"), settings.debounce_seconds, chip))
            undo.callback(wires[-1].close)
        undo.pop_all()
    return Inputs(wires, clock)


class Wire:
    """One claimed circuit; `name` is its name in config.yaml, `debounce` seconds."""

    def __init__(self, name: str, pin: int, pull: Pull, debounce: float, chip: Chip) -> None:
        self._key = f"inputs.{name}_pin: GPIO {pin}"
        self._closed_word, self._open_word = _WORDS[name]
        self._errors = chip.errors
        self._seconds = debounce
        self._debounce = Debounce(debounce)
        self.trouble = ""  # why it cannot be read, while it cannot
        # A closed circuit is what gpiozero calls active: it takes the pin to where the pull does not.
        high = pull.endswith("down")
        circuit = {"pull_up": None, "active_state": high} if pull.startswith("external") else {"pull_up": not high}
        try:
            self._device = InputDevice(pin, **circuit, pin_factory=chip.factory)
        except self._errors as error:
            raise InputError(f"{self._key} cannot be claimed ({error}): does something else use it?") from error

    def look(self, now: float) -> DoorSignal | None:
        """What it says that is new."""
        before = self._debounce.steady
        try:
            closed = bool(self._device.is_active)
        except self._errors as error:
            self.trouble = f"{self._key} cannot be read: {error}"
            self._debounce = Debounce(self._seconds)  # read again, it tells anew what it is
            known = before is not None and self._closed_word == "contact_closed"
            return DoorSignal("contact_unknown", now) if known else None
        self.trouble = ""
        since = self._debounce.look(closed, now)
        if since is None:
            return None
        word = self._closed_word if closed else self._open_word
        if before is None and self._open_word is None:
            word = None  # a button that is down from the start was not pressed: it hangs, or is shorted
        return None if word is None else DoorSignal(word, since)

    def close(self) -> None:
        """Let go of the pin."""
        self._device.close()


class Inputs:
    """All wires of a door. Enter it to have them watched; the rest is used by one thread."""

    def __init__(self, wires: Iterable[Wire], clock: Clock) -> None:
        self._wires = tuple(wires)
        self._clock = clock
        self._signals: deque[DoorSignal] = deque(maxlen=_MOST_SIGNALS)
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="inputs", daemon=True)

    def poll(self) -> tuple[DoorSignal, ...]:
        """What was pressed, opened or closed since the last call, in its order. Never waits.

        Raises InputError when nobody watches the wires any more: a door whose exit button is dead must not go on so.
        """
        if self._watcher.ident is not None and not self._watcher.is_alive():
            raise InputError("the wires are not watched any more: the log says what ended the watch")
        return tuple(self._signals.popleft() for _ in range(len(self._signals)))

    @property
    def trouble(self) -> str:
        """What cannot be read, and why; empty when all can be. The others go on working."""
        return "; ".join(wire.trouble for wire in self._wires if wire.trouble)

    def look(self) -> None:
        """Look at every wire once."""
        for wire in self._wires:
            signal = wire.look(self._clock.now())
            if signal is not None:
                self._signals.append(signal)

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            self.look()

    def __enter__(self) -> Self:
        if self._wires:
            self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._wires:
            self._watcher.join()
        for wire in self._wires:
            wire.close()

"""gpiozero's mock pins, as hard to please as real ones, for a door that is tried without hardware.

An output keeps its level when its process dies, as on Raspberry Pi kernels: the physical level lies in `pin-<n>.level`
("0" or "1"), and every change is a line "monotonic_seconds level" at the end of `pin-<n>.trace`. Each is one write of
a few bytes: a kill at any moment leaves what the pin did last. As in the kernel, one process at a time may hold it.

An input is driven by whoever writes "0" or "1" into `pin-<n>.input`; until then it is where its pull takes it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin

from edge.clock import SystemClock

_LEVELS = {b"0": False, b"1": True}


class KeptPin(MockPin):
    def __init__(self, factory: FilePinFactory, info: Any) -> None:
        super().__init__(factory, info)
        name = factory.path(info)
        self._level = os.open(f"{name}.level", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._level, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._level)
            raise
        self._trace = os.open(f"{name}.trace", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        # None is a level that nobody has driven yet, so that the first write is a change.
        self._state = _LEVELS.get(os.pread(self._level, 1, 0))

    def _change_state(self, value: bool) -> bool:  # noqa: FBT001 - gpiozero's signature
        if not super()._change_state(value):
            return False
        os.pwrite(self._level, b"%d" % value, 0)
        os.write(self._trace, b"%.6f %d\n" % (SystemClock().now(), value))
        return True

    def close(self) -> None:
        """Stay as driven, like a line whose holder went away."""
        os.close(self._level)
        os.close(self._trace)


class DrivenPin(MockPin):
    def __init__(self, factory: FilePinFactory, info: Any) -> None:
        super().__init__(factory, info)
        self._file = factory.path(info).with_suffix(".input")

    def _get_state(self) -> bool:
        if self._file.exists():
            self._change_state(_LEVELS.get(self._file.read_bytes()[:1], self._state))
        return bool(self._state)


class FilePinFactory(MockFactory):
    """Makes pins whose files lie in `directory`."""

    def __init__(self, directory: Path, pin_class: type[MockPin]) -> None:
        super().__init__(revision="a02082", pin_class=pin_class)
        self._directory = directory

    def path(self, info: Any) -> Path:
        return self._directory / f"pin-{info.name.removeprefix('GPIO')}"


def is_taken(error: Exception) -> bool:
    """Whether another process holds the pin."""
    return isinstance(error, BlockingIOError)

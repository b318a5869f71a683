"""gpiozero's mock pin, with a level that outlives the process.

On Raspberry Pi kernels an output keeps its level when the process that drove it dies. The mock does the same: its
physical level lies in `pin-<n>.level` ("0" or "1"), and every change is a line "monotonic_seconds level" at the end
of `pin-<n>.trace`. Each is one write of a few bytes: a kill at any moment leaves what the pin did last.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin

from edge.clock import SystemClock


class KeptPin(MockPin):
    def __init__(self, factory: KeptPinFactory, info: Any) -> None:
        super().__init__(factory, info)
        name = factory.directory / f"pin-{info.name.removeprefix('GPIO')}"
        self._level = os.open(f"{name}.level", os.O_RDWR | os.O_CREAT, 0o600)
        self._trace = os.open(f"{name}.trace", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        # None is a level that nobody has driven yet, so that the first write is a change.
        self._state = {b"0": False, b"1": True}.get(os.pread(self._level, 1, 0))

    def _change_state(self, value: bool) -> bool:  # noqa: FBT001 - gpiozero's signature
        if not super()._change_state(value):
            return False
        os.pwrite(self._level, b"%d" % value, 0)
        os.write(self._trace, b"%.6f %d\n" % (SystemClock().now(), value))
        return True

    def close(self) -> None:
        """Stay as driven, like a line whose holder went away."""


class KeptPinFactory(MockFactory):
    """Makes `KeptPin`s whose files lie in `directory`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(revision="a02082", pin_class=KeptPin)
        self.directory = directory

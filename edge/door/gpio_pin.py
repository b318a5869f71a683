"""The real pins: gpiozero over lgpio; the strike's is claimed at its level and never let go.

Importing this file needs lgpio, which starts a thread; only `edge.door.chip` does it, when `door.driver` is `gpio`.
"""

from __future__ import annotations

from typing import Any

from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin, lgpio
from gpiozero.pins.local import LocalPiPin

PinError: type[Exception] = lgpio.error
InputFactory = LGPIOFactory


class HeldPin(LGPIOPin):
    def __init__(self, factory: HeldPinFactory, info: Any) -> None:
        # Not LGPIOPin's own: it claims the line as an input first, which lets go of a relay that is held locked.
        LocalPiPin.__init__(self, factory, info)
        self._pwm = self._bounce = self._callback = None
        self._edges = lgpio.BOTH_EDGES

    def output_with_state(self, state: bool) -> None:  # noqa: FBT001 - gpiozero's signature
        # gpiozero claims the line low and then writes the level: an active-low relay would click open at each start.
        lgpio.gpio_claim_output(self.factory._handle, self._number, int(state))  # noqa: SLF001 - as LGPIOPin itself does

    def close(self) -> None:
        """Stay driven at the locked level: released by lgpio the line would float, and may float to open."""


class HeldPinFactory(LGPIOFactory):
    def __init__(self) -> None:
        super().__init__()
        self.pin_class = HeldPin


def is_taken(error: Exception) -> bool:
    """Whether the kernel refused a line because another process holds it."""
    return isinstance(error, PinError) and "busy" in str(error).lower()

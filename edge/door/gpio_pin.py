"""The real pin: gpiozero over lgpio, claimed at its level and never let go.

Importing this file needs lgpio; only `edge.door.line` does it, when `door.driver` is `gpio`.
"""

from __future__ import annotations

from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin, lgpio

PinError: type[Exception] = lgpio.error


class HeldPin(LGPIOPin):
    def output_with_state(self, state: bool) -> None:  # noqa: FBT001 - gpiozero's signature
        # gpiozero claims the line low and then writes the level: an active-low relay would click open at each start.
        lgpio.gpio_claim_output(self.factory._handle, self._number, int(state))  # noqa: SLF001 - as LGPIOPin itself does

    def close(self) -> None:
        """Stay driven at the locked level: released by lgpio the line would float, and may float to open."""


class HeldPinFactory(LGPIOFactory):
    def __init__(self) -> None:
        super().__init__()
        self.pin_class = HeldPin

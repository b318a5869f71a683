"""The door's PIN: set, asked for, and locked after wrong ones like a keypad's."""

from __future__ import annotations

import secrets

from edge.access.lockout import lockout_seconds
from edge.access.pin import digest_of, is_right, refuse_obvious
from edge.clock import Clock
from edge.errors import MessageError
from edge.store.pin import Pin


class Keypad:
    """What it keeps survives a restart, after which a lock-out that was running begins again from its start."""

    def __init__(self, kept: Pin, clock: Clock) -> None:
        self._kept = kept
        self._clock = clock
        pin = kept.kept()
        self._locked_until = clock.now() + (0.0 if pin is None else lockout_seconds(pin.wrong))

    def change(self, pin: str | None) -> None:
        """Another PIN, or none. Raises MessageError for a PIN that is too easy, StoreError."""
        if pin is None:
            self._kept.forget()
        else:
            refuse_obvious(pin)
            salt = secrets.token_bytes(16)
            self._kept.keep(salt, digest_of(pin, salt))

    def end_lockout(self) -> None:
        """Look at the next PIN: it is a new one that has to be guessed."""
        self._locked_until = self._clock.now()

    @property
    def is_set(self) -> bool:
        """Whether the door has a PIN."""
        return self._kept.kept() is not None

    def knows(self, code: str) -> bool:
        """Whether `code` is the PIN, without counting it."""
        pin = self._kept.kept()
        return pin is not None and is_right(code, pin.salt, pin.digest)

    def locked_seconds(self) -> float:
        """How long nobody is asked any more; 0 or less: the next PIN counts."""
        return self._locked_until - self._clock.now()

    def enter(self, code: str | None) -> None:
        """Return if `code` is the PIN. Raises MessageError: `wrong_pin` counted it, every other did not look at it."""
        pin = self._kept.kept()
        if pin is None:
            raise MessageError("no_pin", "the door has no PIN: a signed pin.set gives it one")
        if code is None:
            raise MessageError("pin_needed", "UNLOCK needs the door's PIN")
        left = self.locked_seconds()
        if left > 0:
            raise MessageError("locked_out", f"too many wrong PINs: {left:.0f} s to wait", retryable=True)
        wrong = self._kept.count_attempt()
        if is_right(code, pin.salt, pin.digest):
            self._kept.forgive()
            return
        seconds = lockout_seconds(wrong)
        self._locked_until = self._clock.now() + seconds
        told = f": no PIN is looked at for the next {seconds:.0f} s" if seconds else ""
        raise MessageError("wrong_pin", f"wrong PIN, number {wrong} in a row{told}")

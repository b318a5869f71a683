"""Opening without a face: by a signed command, or by the PIN of Home Assistant's lock.

The same gate as for a face: the journal first, then one pulse, which is refused when the wish is too old by then.
"""

from __future__ import annotations

from typing import Any, Final

from edge.errors import MessageError, StrikeError
from edge.mqtt.arguments import PinArguments
from edge.mqtt.commands import Command
from edge.mqtt.lock_set import LockRequest
from edge.service.keypad import Keypad
from edge.service.rooms import Rooms
from edge.service.telling import remote_event, system_event

NOT_AFTER_SECONDS: Final = 2.0


class Remote:
    """Belongs to the main thread. Every method raises MessageError or StoreError when it did not do it."""

    def __init__(self, rooms: Rooms) -> None:
        self._seconds = rooms.settings.door.unlock_seconds
        self._clock = rooms.clock
        self._store = rooms.store
        self._strike = rooms.strike
        self._keypad = Keypad(rooms.store.pin, rooms.clock)

    def unlock(self, command: Command) -> dict[str, Any]:
        assert command.key is not None
        self._open("remote", command.at, key_id=command.key.id)
        return {"seconds": self._seconds}

    def set_pin(self, command: Command) -> dict[str, Any]:
        assert isinstance(command.arguments, PinArguments)
        self._keypad.change(command.arguments.pin)
        is_set = command.arguments.pin is not None
        self._store.journal(system_event("pin_set" if is_set else "pin_removed"))
        return {"set": is_set}

    def lock_set(self, request: LockRequest) -> dict[str, Any]:
        """LOCK ends a running pulse; UNLOCK needs the PIN."""
        if request.action == "LOCK":
            try:
                self._strike.lock()
            except StrikeError as error:
                raise MessageError("strike_fault", str(error), retryable=True) from error
            return {"seconds": 0}
        try:
            self._keypad.enter(request.code)
        except MessageError as error:
            if error.code == "wrong_pin":
                self._store.journal(remote_event("refused", error.code, self._since(request.at)))
                if self._keypad.locked_seconds() > 0:
                    self._store.journal(system_event("pin_locked_out", str(error)))
            raise
        self._open("pin", request.at)
        return {"seconds": self._seconds}

    def _open(self, reason: str, arrived_at: float, key_id: str | None = None) -> None:
        if self._clock.now() > arrived_at + NOT_AFTER_SECONDS:
            raise MessageError("expired", "the door was too busy to open in time: ask again", retryable=True)
        self._store.journal(remote_event("granted", reason, self._since(arrived_at), key_id))
        try:
            self._strike.pulse(self._seconds, not_after=arrived_at + NOT_AFTER_SECONDS)
        except StrikeError as error:
            self._store.journal(system_event("strike_failed", f"it was to open ({reason}) but did not: {error}"))
            raise MessageError("strike_fault", str(error), retryable=True) from error

    def _since(self, at: float) -> float:
        return 1000 * (self._clock.now() - at)

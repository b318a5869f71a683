"""Opening without a face: by a signed command, or by the PIN of Home Assistant's lock. PINs of people besides a face.

The same gate as for a face: the journal first, then one pulse, which is refused when the wish is too old by then.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from edge.access.lockout import Lockout
from edge.errors import MessageError, StoreError, StrikeError
from edge.mqtt.arguments import PinArguments
from edge.mqtt.commands import Command
from edge.mqtt.lock_set import LockRequest
from edge.service.keypad import Keypad
from edge.service.person_pins import PersonPins, refuse_taken
from edge.service.rooms import Rooms
from edge.service.telling import remote_event, system_event
from edge.values import Decision, Person

_log = logging.getLogger(__name__)

NOT_AFTER_SECONDS: Final = 2.0


class Remote:
    """Belongs to the main thread. Every method raises MessageError or StoreError when it did not do it."""

    def __init__(self, rooms: Rooms) -> None:
        self._seconds = rooms.settings.door.unlock_seconds
        self._clock = rooms.clock
        self._store = rooms.store
        self._strike = rooms.strike
        self._pipeline = rooms.pipeline
        self._keypad = Keypad(rooms.store.pin, rooms.clock)
        self._person_pins = PersonPins(rooms.store, rooms.clock)

    def unlock(self, command: Command) -> dict[str, Any]:
        assert command.key is not None
        self._open("remote", command.at, key_id=command.key.id)
        return {"seconds": self._seconds}

    def set_pin(self, command: Command) -> dict[str, Any]:
        """The door's PIN, or that of a person, which counts only together with their face."""
        arguments = command.arguments
        assert isinstance(arguments, PinArguments)
        person = self._person(arguments.person_id) if arguments.person_id is not None else None
        self._store.together(lambda: self._change_pin(person, arguments.pin))
        if person is None:
            self._keypad.end_lockout()
        return {"set": arguments.pin is not None}

    def lock_set(self, request: LockRequest) -> dict[str, Any]:
        """LOCK ends a running pulse; UNLOCK needs the door's PIN. A person's PIN is noted for their face."""
        if request.action == "LOCK":
            try:
                self._strike.lock()
            except StrikeError as error:
                raise MessageError("strike_fault", str(error), retryable=True) from error
            return {"seconds": 0, "second_factor": False}
        try:
            owner = self._enter(request.code)
        except MessageError as error:
            if error.code == "wrong_pin":
                self._store.journal(remote_event("refused", error.code, self._since(request.at)))
                if self._locked_seconds() > 0:
                    self._store.journal(system_event("pin_locked_out", str(error)))
            raise
        if owner is not None:
            self._note(owner)
            return {"seconds": 0, "second_factor": True}
        self._open("pin", request.at)
        return {"seconds": self._seconds, "second_factor": False}

    def let_in(self, decision: Decision) -> None:
        """Somebody's face and their PIN belonged together: whoever enters PINs here is not guessing."""
        if decision.second_factor == "pin":
            try:
                self._person_pins.forgive()
            except StoreError as error:
                _log.error("wrong PINs of before still count: %s", error)

    def _change_pin(self, person: Person | None, pin: str | None) -> None:
        """A PIN, and the event that tells of it: both are stored or neither."""
        if person is None:
            refuse_taken(pin and self._person_pins.owner(pin))
            self._keypad.change(pin)
        else:
            refuse_taken(pin and self._keypad.knows(pin))
            self._person_pins.change(person.id, pin)
        self._store.journal(system_event("pin_removed" if pin is None else "pin_set", person=person))

    def _enter(self, code: str | None) -> str | None:
        """Whose PIN `code` is, None for the door's. Raises MessageError when it is nobody's, or not looked at."""
        if not self._person_pins:
            self._keypad.enter(code)
            return None
        if code is None:
            raise MessageError("pin_needed", "UNLOCK needs a PIN")
        left = self._locked_seconds()
        if left > 0:
            raise MessageError("locked_out", f"too many wrong PINs: {left:.0f} s to wait", retryable=True)
        owner = self._person_pins.enter(code)
        if owner is not None:
            return owner
        if not self._keypad.is_set:
            left = self._locked_seconds()
            told = f": no PIN is looked at for the next {left:.0f} s" if left > 0 else ""
            raise MessageError("wrong_pin", f"wrong PIN{told}")
        self._keypad.enter(code)
        self._person_pins.forgive()
        return None

    def _note(self, person_id: str) -> None:
        person = self._person(person_id)
        self._store.journal(system_event("second_factor_given", "their PIN was entered", person=person))
        self._pipeline.given = self._pipeline.given.with_pin(person_id, self._clock.now())

    def _person(self, person_id: str) -> Person:
        person = next((one for one in self._store.people() if one.id == person_id), None)
        if person is None:
            raise MessageError("no_such_person", f"nobody has the id {person_id}")
        return person

    def _locked_seconds(self) -> float:
        return max(self._keypad.locked_seconds(), self._person_pins.locked_seconds())

    def _open(self, reason: str, arrived_at: float, key_id: str | None = None) -> None:
        if self._clock.now() > arrived_at + NOT_AFTER_SECONDS:
            raise MessageError("expired", "the door was too busy to open in time: ask again", retryable=True)
        self._store.journal(remote_event("granted", reason, self._since(arrived_at), key_id))
        try:
            self._strike.pulse(self._seconds, not_after=arrived_at + NOT_AFTER_SECONDS)
        except StrikeError as error:
            self._store.journal(system_event("strike_failed", f"it was to open ({reason}) but did not: {error}"))
            raise MessageError("strike_fault", str(error), retryable=True) from error
        self._pipeline.lockout = Lockout()  # who may open from afar ends what was tried with faces

    def _since(self, at: float) -> float:
        return 1000 * (self._clock.now() - at)

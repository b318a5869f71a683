"""Tells what the pipeline has come to: a lock-out, which it keeps over a restart, or a visit that waits for a PIN."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from edge.access import lockout
from edge.clock import Clock
from edge.errors import StoreError
from edge.mqtt.commands import Command
from edge.pipeline import Pipeline
from edge.service.answers import Action
from edge.service.telling import system_event
from edge.store.store import Store
from edge.values import DoorSignal, Event

_log = logging.getLogger(__name__)

_NAME: Final = "lockout"
_AGAIN: Final = "faces are let in again"


class Watchman:
    """Belongs to the main thread."""

    def __init__(self, pipeline: Pipeline, store: Store, clock: Clock) -> None:
        self._pipeline = pipeline
        self._store = store
        self._clock = clock
        self._known = lockout.Lockout()
        self._awaited: str | None = None
        self.actions: dict[str, Action] = {"lockout.reset": self._reset}
        pipeline.lockout = lockout.from_kept(self._kept(), clock.now())

    def hear(self, signals: Sequence[DoorSignal]) -> None:
        """Note what was pressed for somebody's face.

        Whoever leaves vouches only for who waits at that moment, and for nobody who comes in the next seconds.
        """
        leaving = {signal.at for signal in signals if signal.kind == "exit_button"}
        for signal in signals:
            if signal.kind == "intent":
                self._pipeline.given = replace(self._pipeline.given, pressed=signal.at)
            elif signal.kind == "confirm" and (signal.at not in leaving or self._pipeline.awaits is not None):
                self._pipeline.given = replace(self._pipeline.given, confirmed=signal.at)

    def step(self) -> tuple[Event, ...]:
        """What there is to tell since the last call; what has changed is kept before."""
        return (*self._lockout(), *self._waiting())

    def _waiting(self) -> tuple[Event, ...]:
        before, self._awaited = self._awaited, self._pipeline.awaits
        if self._awaited in {None, before}:
            return ()
        person = self._pipeline.gallery.person(self._awaited)
        return (system_event("second_factor_awaited", "their PIN, or somebody inside", person=person),)

    def _lockout(self) -> tuple[Event, ...]:
        before, now = self._known, self._pipeline.lockout
        if now == before:
            return ()
        self._known = now
        try:
            self._store.keep(_NAME, lockout.to_keep(now, self._clock.now()))
        except StoreError as error:  # it counts all the same, as long as the door runs
            _log.error("the lock-out cannot be kept: %s", error)
        if now.seconds and now.until != before.until:
            return (system_event("locked_out", _sentence(now)),)
        return (system_event("lockout_ended", _AGAIN),) if before.seconds and not now.seconds else ()

    def _reset(self, _command: Command) -> dict[str, Any]:
        """An administrator's word: nothing was tried."""
        was = self._pipeline.lockout
        self._store.journal(system_event("lockout_reset"))
        self._pipeline.lockout = lockout.Lockout()
        return {"was_locked_out": bool(was.seconds), "attempts": was.in_a_row}

    def _kept(self) -> bytes | None:
        try:
            return self._store.kept(_NAME)
        except StoreError as error:
            _log.error("the lock-out cannot be read: %s", error)
            return b""  # it could have been any


def _sentence(state: lockout.Lockout) -> str:
    if state.is_for_the_day:
        return f"{lockout.ATTEMPTS_A_DAY} attempts in a day: no face is let in for a day, or until lockout.reset"
    return f"{state.in_a_row} attempts in a row: no face is let in for {state.seconds:.0f} s"

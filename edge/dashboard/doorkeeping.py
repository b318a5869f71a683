"""One door as the watcher sees it: what its topics said, when it was last heard, what is missing of its journal."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from edge.dashboard.gaps import Sequence
from edge.dashboard.hearing import SKEW_SECONDS, State, Told
from edge.dashboard.values import DoorView, Presence
from edge.mqtt.messages import Info, Status

# A door tells its status every ten seconds.
SILENT_SECONDS: Final = 35.0
_FIELDS: Final = {"lock/state": "lock", "door/state": "contact"}
_PRESENCES: Final = {"availability": "presence", "camera/availability": "camera"}


class Door:
    """Belongs to the watcher's thread. `view` is fresh after `refresh`."""

    def __init__(self, door: str, sequence: Sequence, now: float) -> None:
        self.sequence = sequence
        self.view = self._shown = DoorView(door)
        self._heard_at = now
        self._wrong_id = False
        self._retained: set[str] = set()

    def hear_state(self, state: State, now: float, wall: datetime, *, retain: bool) -> None:
        """Take in a state. After a connect the first of each is the one the broker kept: it may be old."""
        old = retain and state.field not in self._retained
        self._retained.add(state.field)
        self.view = replace(self.view, **_changes(state))
        if not old:
            self._seen(now, wall)
            if isinstance(state.value, Status):
                self.view = replace(self.view, clock_skew_seconds=_skew(state))
        elif isinstance(state.value, Status) and self.view.last_seen is None and state.ahead is not None:
            self.view = replace(self.view, last_seen=min(wall, datetime.fromisoformat(state.value.ts)))
        if isinstance(state.value, Info):
            self._wrong_id = state.value.door != state.door
        if isinstance(state.value, Status) and (head := _head(state.value)) is not None:
            self.sequence.expect(head, now)

    def hear_event(self, told: Told, now: float) -> None:
        """Take in an event that was not known."""
        self.sequence.arrive(told.event.seq, now, live=told.live)
        self._wrong_id = self._wrong_id or "wrong_door" in told.marks
        if told.live:
            self._seen(now, told.received_at)

    def begin_again(self) -> None:
        """There is a new connection, on which the broker tells what it kept, and forgot what was asked."""
        self._retained.clear()
        self.sequence.ask_again()

    def lose_sight(self) -> None:
        """The way to the broker is interrupted: nobody knows how the door is."""
        self.view = replace(self.view, presence="unknown", camera="unknown")

    def refresh(self, now: float) -> bool:
        """Bring `view` up to date with the clock; whether it is another than the last time."""
        found = {
            "clock_skewed": abs(self.view.clock_skew_seconds or 0.0) > SKEW_SECONDS,
            "wrong_id": self._wrong_id,
            "silent": self.view.presence == "online" and now - self._heard_at > SILENT_SECONDS,
        }
        own = self.view.status.problems if self.view.status else ()
        problems = (*own, *(word for word, there in found.items() if there))
        gaps = self.sequence.missing + self.sequence.lost
        self.view = replace(self.view, problems=problems, gaps=gaps)
        before, self._shown = self._shown, self.view
        return self.view != before

    def _seen(self, now: float, wall: datetime) -> None:
        self._heard_at = now
        self.view = replace(self.view, last_seen=wall)


def _changes(state: State) -> dict[str, Any]:
    """Fields of a DoorView."""
    value = state.value
    if state.field in _PRESENCES:
        presence: Presence = "unknown" if value is None else "online" if value == "online" else "offline"
        return {_PRESENCES[state.field]: presence}
    if state.field in _FIELDS:
        return {_FIELDS[state.field]: value}
    if state.field == "info":
        return {"info": value}
    if not isinstance(value, Status):
        return {"status": None, "fps": None, "latency_p50": None, "latency_p95": None, "temperature_celsius": None}
    frame = value.latency_ms.get("frame")
    return {
        "status": value,
        "fps": value.fps,
        "latency_p50": None if frame is None else frame.p50,
        "latency_p95": None if frame is None else frame.p95,
        "temperature_celsius": value.temperature_celsius,
    }


def _skew(state: State) -> float | None:
    return None if state.ahead is None else round(state.ahead, 1)


def _head(status: Status) -> int | None:
    """The number of the newest event, from the head of the door's audit chain."""
    seq, _, link = (status.audit_head or "").partition(":")
    return int(seq) if link and seq.isascii() and seq.isdigit() and len(seq) <= 15 else None

"""Journal rows -> messages, until the broker has acknowledged each: no event is lost, live plus backfill, by id.

A row leaves for its live topic while it is fresh, so that an automation never acts on an old grant, and for
`event/backfill` afterwards. What a lost connection left unacknowledged is sent again: readers tell doubles by `id`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from edge.clock import Clock
from edge.mqtt.messages import JournalRow, Privacy, encode, event_message
from edge.mqtt.topics import Topics

FRESH_SECONDS: Final = 10.0
RESEND_SECONDS: Final = 30.0
WINDOW: Final = 16


class Journal(Protocol):
    """What the store gives: rows that were not sent yet, oldest first."""

    def unsent(self, limit: int) -> Sequence[JournalRow]: ...
    def mark_sent(self, row_id: str, /) -> object: ...


class Carrier(Protocol):
    """What the link gives."""

    @property
    def connected(self) -> bool: ...
    @property
    def generation(self) -> int: ...
    def publish(self, topic: str, payload: bytes) -> int | None: ...
    def acknowledged(self) -> tuple[int, ...]: ...


def letter(row: JournalRow, topics: Topics, privacy: Privacy, *, late: bool) -> tuple[str, bytes]:
    """The topic and the payload of a row. Pure."""
    topic = topics.backfill if late else topics.event(row.kind)
    return topic, encode(event_message(row, privacy, late=late))


def is_late(row: JournalRow, wall: datetime, boot: str) -> bool:
    """Whether a row is too old for its live topic. A row of another boot, or a clock that went back, counts as old."""
    try:
        age = (wall - datetime.fromisoformat(row.ts)).total_seconds()
    except (ValueError, TypeError):
        return True
    return row.boot_id != boot or not -1.0 <= age <= FRESH_SECONDS


class Outbox:
    """Call `step` often, from the thread that owns the journal. It never waits."""

    def __init__(self, topics: Topics, privacy: Privacy, clock: Clock, boot: str) -> None:
        self._topics, self._privacy, self._clock, self._boot = topics, privacy, clock, boot
        self._flying: dict[int, str] = {}
        self._generation = 0
        self._moved_at = clock.now()

    def step(self, carrier: Carrier, journal: Journal) -> None:
        """Mark what arrived and send what can be sent: in order, at most `WINDOW` rows before an acknowledgement."""
        now = self._clock.now()
        for ticket in carrier.acknowledged():
            if (row_id := self._flying.pop(ticket, None)) is not None:
                journal.mark_sent(row_id)
                self._moved_at = now
        # A new connection knows nothing of the old one's messages; one that refuses them is asked again now and then.
        if carrier.generation != self._generation or now - self._moved_at > RESEND_SECONDS:
            self._flying.clear()
            self._generation = carrier.generation
        if not self._flying:
            self._moved_at = now
        if carrier.connected:
            self._send(carrier, journal)

    def _send(self, carrier: Carrier, journal: Journal) -> None:
        flying = set(self._flying.values())
        for row in journal.unsent(WINDOW):
            if row.id not in flying:
                late = is_late(row, self._clock.wall(), self._boot)
                ticket = carrier.publish(*letter(row, self._topics, self._privacy, late=late))
                if ticket is None:
                    return
                self._flying[ticket] = row.id

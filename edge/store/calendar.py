"""By which date things may be deleted for being old: one that no single jump of the clock can bring about.

Somebody may have set the clock, and wrongly: a battery that failed, a time server that errs by years. What is deleted
by such a date is gone for good. So the date of each look is kept, and one much later than the last has to stand for
most of a day, also over a restart, before it counts; so has the first one ever.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from edge.clock import Clock
from edge.errors import StoreError
from edge.store.journal import Journal
from edge.store.memory import Memory
from edge.values import Event

STEP: Final = timedelta(days=2)  # the door looks once a day
STANDS: Final = timedelta(hours=20)  # less than a day, so that the next look finds it over
_SAME: Final = timedelta(hours=1)  # not worth a write
_NAME: Final = "calendar"
_NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)


class Looks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`believed`: the last date that was. `claimed`: one much later, when the clock was first seen to say it."""

    believed: datetime = _NEVER
    claimed: datetime | None = None

    def then(self, wall: datetime) -> Looks:
        """After another look at the clock. Back is always believed: it makes nothing older."""
        if wall - self.believed <= STEP:
            return Looks(wall)
        stood = timedelta(-1) if self.claimed is None else wall - self.claimed
        if STANDS <= stood <= STEP:
            return Looks(wall)
        return self if timedelta() <= stood < STANDS else Looks(self.believed, wall)


class Calendar:
    def __init__(self, memory: Memory, journal: Journal, clock: Clock) -> None:
        self._memory = memory
        self._journal = journal
        self._clock = clock

    def today(self) -> datetime | None:
        """The clock on the wall, None while things must not be deleted by it. Raises StoreError when it cannot write.

        For a caller within a transaction (`Database.together`).
        """
        if not self._clock.trusted():
            return None
        wall, before = self._clock.wall(), self._kept()
        after = before.then(wall)
        if after.claimed != before.claimed or abs(after.believed - before.believed) >= _SAME:
            self._memory.keep(_NAME, msgspec.json.encode(after))
        if after.claimed is None:
            return wall
        if after.claimed != before.claimed and before.believed != _NEVER:
            days = (wall - before.believed).days
            detail = f"the clock says {wall:%Y-%m-%d %H:%M} UTC, {days} days after it was believed last"
            self._journal.add(Event("system", {"event": "deletion_waits", "detail": detail}))
        return None

    def _kept(self) -> Looks:
        try:
            text = self._memory.kept(_NAME)
            return Looks() if text is None else msgspec.json.decode(text, type=Looks)
        except (StoreError, msgspec.DecodeError):  # altered: as if nobody had ever looked
            return Looks()

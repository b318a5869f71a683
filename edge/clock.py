"""Time, injected everywhere. The only module that calls `time`.

Every timer uses `now()` (monotonic): a Raspberry Pi has no battery-backed clock, so the wall clock may be wrong at
start and jump later. `wall()` is for people and for time stamps; `trusted()` says whether it can be believed.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

# A wall clock before this software existed has not been set yet.
_EPOCH_OF_TRUST = datetime(2026, 11, 1, tzinfo=UTC)


class Clock(Protocol):
    """What the rest of Limen may know about time."""

    def now(self) -> float:
        """Monotonic seconds since an arbitrary start; never jumps."""

    def cpu(self) -> float:
        """Seconds of processor time this process has used."""

    def wall(self) -> datetime:
        """The wall clock in UTC, timezone-aware."""

    def trusted(self) -> bool:
        """Whether `wall()` can be believed."""

    def sleep(self, seconds: float) -> None:
        """Wait. Negative values return at once."""


class SystemClock:
    """The real thing."""

    def now(self) -> float:
        return time.monotonic()

    def cpu(self) -> float:
        return time.process_time()

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def trusted(self) -> bool:
        return self.wall() >= _EPOCH_OF_TRUST

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))  # noqa: TID251 - the one caller


def boot_id() -> str:
    """The kernel's id of this boot; a fresh one where the kernel gives none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return str(uuid.uuid4())


def rfc3339(moment: datetime) -> str:
    """`2026-11-22T07:50:38.123Z`: RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

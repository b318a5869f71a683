"""Time, injected everywhere. The only module that calls `time`.

Every timer uses `now()` (monotonic): a Raspberry Pi has no battery-backed clock, so the wall clock may be wrong at
start and jump later. `wall()` is for people and for time stamps; `trusted()` says whether it can be believed.

It is believed where somebody has set it since the start: a time server, by the word of systemd-timesyncd, or a
hardware clock that says the same. Without either, a Pi goes on from the time of its last shutdown, which looks like
right and is not. Where timesyncd is not in charge, nobody says, and every time since this software exists is believed.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# A wall clock before this software existed has not been set yet.
_EPOCH_OF_TRUST = datetime(2026, 11, 1, tzinfo=UTC)
_TIMESYNC = Path("/run/systemd/timesync")
_HARDWARE = Path("/sys/class/rtc")
_SAME_SECONDS = 60.0


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
    """The real thing. `timesync`: where systemd-timesyncd tells of itself; `hardware`: the kernel's hardware clocks."""

    def __init__(self, timesync: Path = _TIMESYNC, hardware: Path = _HARDWARE) -> None:
        self._timesync = timesync
        self._hardware = hardware
        self._was_set: bool | None = None

    def now(self) -> float:
        return time.monotonic()

    def cpu(self) -> float:
        return time.process_time()

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def trusted(self) -> bool:
        if self._was_set is None:  # reading a hardware clock may take milliseconds: at the start, and never again
            self._was_set = not self._timesync.is_dir() or self._hardware_agrees()
        self._was_set = self._was_set or (self._timesync / "synchronized").exists()
        return self._was_set and self.wall() >= _EPOCH_OF_TRUST

    def _hardware_agrees(self) -> bool:
        now = self.wall().timestamp()
        return any(abs(now - at) < _SAME_SECONDS for at in _hardware_clocks(self._hardware))

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))  # noqa: TID251 - the one caller


def lead(clock: Clock) -> float:
    """Seconds by which the wall clock is ahead of the monotonic one; changes only when the wall clock is set."""
    return clock.wall().timestamp() - clock.now()


def _hardware_clocks(folder: Path) -> Iterator[float]:
    """What each says, in seconds since 1970, UTC."""
    for file in folder.glob("rtc*/since_epoch"):
        with suppress(OSError, ValueError):  # one without a battery cannot be read, or says anything
            yield float(file.read_text(encoding="ascii"))


def zone(name: str) -> ZoneInfo | None:
    """The time zone of this IANA name, None where there is no such zone here."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        return None


def local_zone(setting: Path = Path("/etc/localtime")) -> str:
    """The IANA name of the time zone that this machine is set to; empty where it does not say."""
    told = os.environ.get("TZ", "").removeprefix(":")
    name = told or (setting.resolve().as_posix().partition("/zoneinfo/")[2] if setting.exists() else "UTC")
    return name if zone(name) else ""


def boot_id() -> str:
    """The kernel's id of this boot; a fresh one where the kernel gives none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return str(uuid.uuid4())


def rfc3339(moment: datetime) -> str:
    """`2026-11-22T07:50:38.123Z`: RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

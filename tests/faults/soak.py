"""A door at which nobody is, watched for a minute; and days of visits, in minutes, in a store that may not grow."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import psutil
from msgspec import Struct

from edge.clock import SystemClock
from edge.service.wear import EVENT, VISITS_A_DAY, megabytes_a_day
from edge.settings import StoreSettings
from edge.store.audit import check_store
from edge.store.store import open_store
from edge.values import Event
from tests.edge.doors import RunningDoor
from tests.edge.pins import CLOCK
from tests.edge.test_idle import CONFIG, ON_DISK, an_empty_doorstep

RETENTION: Final = 7  # days


class Soak(Struct, frozen=True):
    """`idle_bytes`: by process, what an idle door gave to the disk. `megabytes`: of the store's file, a value a day."""

    idle_seconds: float
    idle_bytes: dict[str, int]
    idle_log_bytes: int
    days: int
    visits: int
    kept_events: int
    megabytes: tuple[float, ...]
    megabytes_a_day: float

    def problems(self) -> list[str]:
        found = [f"the idle {name} wrote {count} bytes" for name, count in self.idle_bytes.items() if count]
        if self.idle_log_bytes:
            found.append(f"the idle door wrote {self.idle_log_bytes} bytes into its log")
        if self.kept_events > (RETENTION + 2) * (VISITS_A_DAY + 1):
            found.append(f"{self.kept_events} events are kept, more than {RETENTION} days have")
        if max(self.megabytes) > 1.5 * max(self.megabytes[: RETENTION + 2]):
            found.append("the store goes on growing when events are as old as they get")
        return found


class Passing(SystemClock):
    """The wall clock goes on when it is told to."""

    at = datetime.fromisoformat("2026-12-01T00:00:00+00:00")

    def wall(self) -> datetime:
        return self.at


def watch(seconds: float) -> tuple[dict[str, int], int]:
    """Bytes that each process of an idle door gave to the disk, and those that went into its log."""
    with tempfile.TemporaryDirectory(dir=ON_DISK) as folder:
        home = Path(folder)
        home.chmod(0o755)  # the broker runs as another user
        an_empty_doorstep(home / "nobody.avi")
        with RunningDoor(home, CONFIG) as door:
            door.start().ask("selftest")
            assert door.process is not None
            main = psutil.Process(door.process.pid)
            people = {"main process": main, **{_name(child): child for child in main.children(recursive=True)}}
            CLOCK.sleep(5.0)
            log, before = _size(home), {name: one.io_counters().write_bytes for name, one in people.items()}
            CLOCK.sleep(seconds)
            after = {name: one.io_counters().write_bytes for name, one in people.items()}
            return {name: after[name] - before[name] for name in people}, _size(home) - log


def live(days: int) -> tuple[int, tuple[float, ...]]:
    """So many days of visits, with a restart each day: how many events are kept then, and the store's size each day."""
    clock, sizes = Passing(), []
    with tempfile.TemporaryDirectory(dir=ON_DISK) as folder:
        home = Path(folder)
        for _ in range(days):
            with open_store(StoreSettings(retention_days=RETENTION), home, clock) as store:
                for _ in range(VISITS_A_DAY):
                    clock.at += timedelta(days=1) / VISITS_A_DAY
                    store.mark_sent(store.journal(Event("access", EVENT)).id)
                store.prune()
            sizes.append(round(sum(file.stat().st_size for file in home.glob("store.db*")) / 1e6, 3))
        found, _ = check_store(home)
        assert found.problem is None, found.problem
        with open_store(StoreSettings(retention_days=RETENTION), home, clock) as store:
            kept = len(store.events(0, days * (VISITS_A_DAY + 1)))
    return kept, tuple(sizes)


def soak(seconds: float, days: int) -> Soak:
    idle, log = watch(seconds)
    kept, sizes = live(days)
    megabytes = round(megabytes_a_day(ON_DISK, SystemClock()), 1)
    return Soak(seconds, idle, log, days, days * VISITS_A_DAY, kept, sizes, megabytes)


def _name(process: psutil.Process) -> str:
    if not _is_strike(process):
        return process.name()
    return "second hand" if _is_strike(process.parent()) else "strike"  # forked from it, so called the same


def _is_strike(process: psutil.Process | None) -> bool:
    return process is not None and "edge.door.strike_process" in process.cmdline()


def _size(home: Path) -> int:
    return (home / "door.log").stat().st_size

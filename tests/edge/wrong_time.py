"""Doors whose wall clock a test sets: `python -m tests.edge.wrong_time --config FILE` is `limen run` on such a clock.

Everything else is real: the monotonic clock, the strike's process, and the system's own clock by which OpenSSL judges
certificates. What cannot be set there is set in the certificates.
"""

from __future__ import annotations

import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from edge.app import run_door
from edge.clock import SystemClock
from edge.config import read_config
from edge.mqtt.certificates import CertificateAuthority
from tests.edge.doors import RunningDoor

BOOT = datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC)
_FILE = "wall-clock"
_BACKDATED = timedelta(days=2)  # by `sign`


class SetClock(SystemClock):
    """Ahead of the real wall clock by as many seconds as stand in `file`."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def wall(self) -> datetime:
        return super().wall() + timedelta(seconds=float(self._file.read_text(encoding="ascii")))


class MistimedDoor(RunningDoor):
    """A running door, and the hand that sets its clock."""

    program = ("-m", "tests.edge.wrong_time")

    def set_clock(self, to: datetime | timedelta) -> Self:
        """To that time, or ahead of the right time by so much."""
        ahead = to if isinstance(to, timedelta) else to - SystemClock().wall()
        fresh = self.home / "wall-clock.new"
        fresh.write_text(f"{ahead.total_seconds():.3f}", encoding="ascii")
        fresh.replace(self.home / _FILE)
        return self


class Certificates:
    """An authority that is good now, and what it gives a broker on `localhost`."""

    def __init__(self, folder: Path) -> None:
        self._authority = CertificateAuthority.new("test authority", SystemClock().wall())
        self._folder = folder
        self.authority = folder / "ca.pem"
        self.authority.write_bytes(self._authority.pair.certificate)

    def give(self, *, from_now: timedelta, days: int = 30) -> tuple[str, ...]:
        """A certificate that is valid from then on for so many days; mosquitto's lines for it."""
        signed = self._authority.sign(
            "localhost", "server", SystemClock().wall() + from_now + _BACKDATED, ["localhost"], days=days - 2
        )
        folder = self._folder
        (folder / "server.pem").write_bytes(signed.certificate)
        (folder / "server.key").write_bytes(signed.key)
        files = (f"cafile {self.authority}", f"certfile {folder}/server.pem", f"keyfile {folder}/server.key")
        return ("allow_anonymous true", *files)


def main(config: str) -> None:
    path, stop = Path(config), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    run_door(read_config(path), SetClock(path.parent / _FILE), stop, preview=False)


if __name__ == "__main__":
    main(sys.argv[2])

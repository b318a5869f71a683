"""What systemd is told: ready, alive, stopping; nothing where nobody listens. See sd_notify(3)."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import MutableMapping
from typing import Final

from edge.clock import Clock

_FEEDS_A_PERIOD: Final = 4


class Notifier:
    """Takes its address out of `environment`, so that no process started from here can speak for the door."""

    def __init__(self, environment: MutableMapping[str, str], clock: Clock) -> None:
        address = environment.pop("NOTIFY_SOCKET", "")
        period = environment.pop("WATCHDOG_USEC", "")
        environment.pop("WATCHDOG_PID", None)
        # A name that begins with @ is one in the abstract namespace, which begins with a zero byte.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._every = int(period) / 1e6 / _FEEDS_A_PERIOD if period.isdecimal() else None
        self._clock = clock
        self._fed_at: float | None = None
        self._status = ""

    @classmethod
    def of_process(cls, clock: Clock) -> Notifier:
        """For this process, by what systemd left in its environment."""
        return cls(os.environ, clock)

    def ready(self, status: str) -> None:
        self._status = status
        self._say(f"READY=1\nSTATUS={status}")

    def status(self, text: str) -> None:
        """What `systemctl status` shows, in a line; said when it changes."""
        if text != self._status:
            self._status = text
            self._say(f"STATUS={text}")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    def alive(self) -> None:
        """Feed the watchdog, a few times in its period at most."""
        now = self._clock.now()
        if self._every is None or (self._fed_at is not None and now - self._fed_at < self._every):
            return
        self._fed_at = now
        self._say("WATCHDOG=1")

    def _say(self, message: str) -> None:
        if not self._address:
            return
        # Whoever does not hear the door restarts it; it must not fall over for that itself.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.settimeout(1.0)
            to.sendto(message.encode(), self._address)

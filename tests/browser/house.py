"""Everything a browser test needs behind the page: a broker that can be stopped, a real door, a real dashboard."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.conftest import PICTURES
from tests.edge.brokers import Mosquitto, free_port
from tests.edge.doors import CLOCK, PATIENCE, RunningDoor

_CONFIG = """
door: {{driver: mock, unlock_seconds: 1}}
camera: {{source: "demo:{pictures}"}}
enrolment: {{require_variety: false, references: 5, window_seconds: 20}}
mqtt: {{broker: 127.0.0.1, port: {broker}, allow: [read, enroll, people, unlock]}}
dashboard: {{port: {port}, key: dashboard.key, unlock: true}}
"""


class House:
    """The broker and the dashboard run from the beginning; the door is there to be started."""

    def __init__(self, home: Path) -> None:
        self.broker = Mosquitto(home)
        self.address = f"http://127.0.0.1:{(port := free_port())}"
        config = _CONFIG.format(pictures=PICTURES, broker=self.broker.port, port=port)
        self.door = RunningDoor(home, config)
        self.door.key("enroll", "people", "unlock", name="dashboard")
        self._home = home
        self._dashboard: subprocess.Popen[bytes] | None = None
        self.name = self.password = ""

    def start_dashboard(self) -> None:
        with (self._home / "dashboard.log").open("ab") as log:
            self._dashboard = subprocess.Popen(
                [sys.executable, "-u", "-m", "edge", "dashboard", "--config", str(self._home / "config.yaml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop_dashboard(self) -> None:
        assert self._dashboard is not None
        self._dashboard.send_signal(signal.SIGTERM)
        self._dashboard.wait(PATIENCE)

    def log(self) -> str:
        return (self._home / "dashboard.log").read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        self.broker.start()
        self.start_dashboard()
        found = self._first_login()
        self.name, self.password = found["name"], found["password"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_dashboard()
        self.door.__exit__()
        self.broker.stop()

    def _first_login(self) -> re.Match[str]:
        """What is printed once, at the very first start."""
        deadline = CLOCK.now() + PATIENCE
        while (found := re.search(_FIRST_LOGIN, self.log())) is None:
            assert self._dashboard is not None
            assert self._dashboard.poll() is None, self.log()
            assert CLOCK.now() < deadline, self.log()
            CLOCK.sleep(0.05)
        return found


_FIRST_LOGIN = r"Log in as (?P<name>\S+) with this password.*: (?P<password>\S+)"

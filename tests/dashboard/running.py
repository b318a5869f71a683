"""`limen dashboard` as its users start it, and a browser that is logged in."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from edge.clock import SystemClock
from tests.dashboard.test_streams import listening

PATIENCE = 60.0
CLOCK = SystemClock()


class RunningBoard:
    """Starts and stops one `limen dashboard` with the configuration file `config`."""

    def __init__(self, config: Path, log: str = "board.log") -> None:
        self.config = config
        self.password = ""
        self.url = ""
        self._log = config.with_name(log)

    def start(self) -> Self:
        self._log.write_bytes(b"")
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "edge", "dashboard", "--config", str(self.config), "--port", "0"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = CLOCK.now() + PATIENCE
        while "dashboard is at" not in self.log():
            assert self.process.poll() is None, self.log()
            assert CLOCK.now() < deadline, self.log()
            CLOCK.sleep(0.05)
        self.url = re.findall(r"is at (\S+)/\n", self.log())[0]
        said = re.search(r"shown once: (\S+)\n", self.log())
        self.password = said[1] if said else self.password
        return self

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        headers = {"origin": self.url, "sec-fetch-site": "same-origin"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE) as client:
            answer = client.post("/login", data={"name": "admin", "password": self.password})
            assert answer.headers.get("location") == "/", answer.headers
            yield client

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)


class Page:
    """An open page: what its stream said since the last `forget`, waited for."""

    def __init__(self, events: Iterator[tuple[str, dict[str, Any]]]) -> None:
        self._events = events
        self._heard: list[tuple[str, dict[str, Any]]] = []

    def forget(self) -> None:
        self._heard.clear()

    def wait(self, name: str, **wanted: Any) -> dict[str, Any]:
        """The first update of this name that has these fields."""
        deadline = CLOCK.now() + PATIENCE
        for found, data in self._all():
            if found == name and all(data.get(key) == value for key, value in wanted.items()):
                return data
            assert CLOCK.now() < deadline, f"no {name} with {wanted}"
        raise AssertionError(f"the stream ended before {name} with {wanted}")

    def _all(self) -> Iterator[tuple[str, dict[str, Any]]]:
        yield from tuple(self._heard)
        for event in self._events:
            self._heard.append(event)
            yield event


@contextmanager
def page(browser: httpx.Client) -> Iterator[Page]:
    with listening(browser) as events:
        yield Page(events)

"""A whole door of its own for trying and measuring: a folder, a private broker, a mock strike, a camera or the demo."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from edge.clock import Clock, rfc3339
from edge.config import read_config
from edge.errors import LimenError
from edge.mqtt.keys import make_key
from edge.settings import Settings

_CONFIG: Final = """\
# Written for this trial. Nobody outside this machine can reach it, and the strike is a mock: only a trace in a file.
door: {{driver: mock, unlock_seconds: 3}}
camera: {{source: "{source}"}}
access: {{liveness: "off"}}
enrolment: {{require_variety: {variety}}}
mqtt: {{broker: embedded, port: 0, allow: [read, enroll, people]}}
preview: {{port: {port}}}
dashboard: {{port: {board}, directory: state/dashboard, key: {key}}}
"""
_BOARD_PORT: Final = 8767
KEY: Final = "dashboard.key"


class Trial:
    """Starts `limen run` as a child and ends it. `settings` are the child's; `home` is deleted at the end.

    `variety` is `enrolment.require_variety`. Raises LimenError when the door does not come up.
    """

    def __init__(self, source: str, clock: Clock, *, variety: bool, preview: bool, dashboard: bool = False) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="limen-trial-"))
        self.log = self.home / "door.log"
        self._clock = clock
        self.key = self.home / KEY if dashboard else None
        path = self.home / "config.yaml"
        values = {"source": source, "variety": str(variety).lower(), "port": _free_port(), "key": KEY}
        path.write_text(_CONFIG.format(board=_free_port(_BOARD_PORT), **values), encoding="utf-8")
        path.chmod(0o600)
        self.config = path
        self.settings: Settings = read_config(path)
        if self.key is not None:
            make_key(self.settings.state, self.key, "dashboard", ("enroll", "people"), rfc3339(clock.wall()))
        self._command = [sys.executable, "-m", "edge", "run", "--config", str(path)] + ["--preview"] * preview
        self.started_at = 0.0
        self._door: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._door is None:
            raise LimenError("the trial has not been started")
        return self._door.pid

    def alive(self) -> bool:
        return self._door is not None and self._door.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Start the door; after `stop` it is the same door again, with what it had stored."""
        self.started_at = self._clock.now()
        with self.log.open("wb") as log:
            self._door = child(self._command, log, log)

    def wait_for(self, path: Path, seconds: float) -> None:
        """Wait until the door has written `path`. Raises LimenError with the end of its log when it never does."""
        deadline = self._clock.now() + seconds
        while not path.exists():
            if not self.alive() or self._clock.now() > deadline:
                raise LimenError(f"the door did not come up:\n{self.last_words()}")
            self._clock.sleep(0.02)

    def last_words(self) -> str:
        """The end of the door's log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])

    def strike_is_off(self) -> bool:
        """What the mock pin says, which outlives the door's processes as a real pin does."""
        door = self.settings.door
        level = (self.settings.state / f"pin-{door.pin}.level").read_text(encoding="ascii").strip()
        return level == ("0" if door.active_high else "1")

    def stop(self) -> int:
        """End the door in order and return its exit code; SIGKILL after ten seconds."""
        if self._door is None:
            return 0
        if self._door.poll() is None:
            self._door.send_signal(signal.SIGTERM)
        try:
            return self._door.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._door.kill()
            return self._door.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


def child(command: Sequence[str], out: IO[bytes], errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own: Ctrl-C reaches this one alone, which ends the others in order.

    setpriv makes the kernel end it should this process be killed.
    """
    bound = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    return subprocess.Popen(
        [*bound, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=errors, start_new_session=True
    )


def _free_port(wanted: int = 0) -> int:
    """`wanted` if nobody listens there, else any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

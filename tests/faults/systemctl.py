"""What `limen upgrade` asks of systemctl, done to a real door: `python -m tests.faults.systemctl ROOT VERB …`.

`start` waits until the door says READY=1, as systemd does for Type=notify; `stop` asks it to end and then runs
ExecStopPost. What became of it lies in ROOT: `door.pid`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from edge.deploy.layout import Layout
from tests.edge.pins import CLOCK, LONG


def start(root: Path) -> int:
    layout = Layout(root)
    notify = root / "notify"
    notify.unlink(missing_ok=True)
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as ear:
        ear.bind(str(notify))
        ear.settimeout(0.1)
        door = subprocess.Popen(
            [layout.program(layout.current), "run", "--config", layout.config],
            stdin=subprocess.DEVNULL,
            env=_alone() | {"NOTIFY_SOCKET": str(notify)},
            start_new_session=True,
        )
        (root / "door.pid").write_text(str(door.pid), encoding="ascii")
        give_up = CLOCK.now() + LONG
        while door.poll() is None and CLOCK.now() < give_up:
            with contextlib.suppress(TimeoutError):
                if ear.recv(4096).startswith(b"READY=1"):
                    return 0
    stop(root)
    return 1


def stop(root: Path) -> int:
    door = running(root)
    if door is not None:
        door.send_signal(signal.SIGTERM)
        psutil.wait_procs([door], LONG)
    layout = Layout(root)
    program = layout.program(layout.current)
    return subprocess.run([program, "force-locked", "--config", layout.config], env=_alone(), check=False).returncode


def _alone() -> dict[str, str]:
    """A version finds its own modules, and not those of the stand-in."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def running(root: Path) -> psutil.Process | None:
    try:
        door = psutil.Process(int((root / "door.pid").read_text(encoding="ascii")))
    except (OSError, psutil.NoSuchProcess):
        return None
    return door if door.status() != psutil.STATUS_ZOMBIE else None


def main(root: Path, verb: str) -> int:
    if verb == "start":
        return start(root)
    if verb == "stop":
        return stop(root)
    if verb == "is-active":
        return 0 if running(root) else 3
    print(0)  # NRestarts: it is never started again here, so a dead one is not active
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))

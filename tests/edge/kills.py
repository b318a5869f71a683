"""Do something to a store and be killed at every step of it: `python -m tests.edge.kills ACTION STORE INTO`.

The steps are lines of `edge/store`, counted by the interpreter itself. For each, STORE is copied to INTO/<step> and
ACTION is done to the copy by a child, which kills itself there with SIGKILL.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, Final

from edge.store.backup import Member
from edge.store.rotation import rotate_key
from edge.values import Event
from tests.edge.stores import SMALL, open_small, person

POINTS: Final = 40
_STORE: Final = "/edge/store/"


def _change(directory: Path) -> None:
    with open_small(directory) as store:
        store.change_person(replace(person("p1", "New", seed=91), consent=True))


def _delete(directory: Path) -> None:
    with open_small(directory) as store:
        store.delete_person("p1")


def _restore(directory: Path) -> None:
    members = [Member(person(f"p{number}", "New", seed=number)) for number in (1, 2, 7)]
    with open_small(directory) as store:
        store.restore(members, lambda one: Event("system", {"event": "person_restored", "person_id": one.id}))


def _open(directory: Path) -> None:
    open_small(directory).close()


def _rotate(directory: Path) -> None:
    rotate_key(directory, SMALL)


ACTIONS: Final[dict[str, Callable[[Path], None]]] = {
    "rotate": _rotate,
    "change": _change,
    "delete": _delete,
    "restore": _restore,
    "open": _open,
}


def lines_of(work: Callable[[], object], inside: str, kill_at: int = -1) -> int:
    """How many lines of the files whose path holds `inside` run in `work`; at line `kill_at` this process is killed."""
    steps = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal steps
        if inside not in frame.f_code.co_filename:
            return None
        if event == "line":
            steps += 1
            if steps == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
    return steps


def main(name: str, store: Path, into: Path) -> None:
    whole = into / "whole"
    shutil.copytree(store, whole)
    steps = lines_of(lambda: ACTIONS[name](whole), _STORE)
    for step in sorted({round(1 + number * (steps - 1) / (POINTS - 1)) for number in range(POINTS)}):
        copy = into / str(step)
        shutil.copytree(store, copy)
        child = os.fork()
        if child == 0:
            lines_of(lambda: ACTIONS[name](copy), _STORE, kill_at=step)  # noqa: B023 - in a child of its own, at once
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"step {step} of {steps} was never reached"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))

"""`limen`, with a camera's read that comes back while Python takes itself down: `python -m tests.edge.slow_end run`."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Final

from edge.clock import SystemClock

CLIP: Final = "clip.ffconcat"
_PIPE: Final = "pipe.avi"


def hanging_clip(home: Path) -> None:
    """A recording in `home` that shows `scene.avi`, and then is a pipe to which nobody writes: its reader hangs."""
    os.mkfifo(home / _PIPE)
    (home / CLIP).write_text(f"ffconcat version 1.0\nfile scene.avi\nfile {_PIPE}\n", encoding="utf-8")


class _Last:
    """Deleted when a thread that wants to run Python again is thrown out already; lets go whoever hangs in the pipe."""

    def __init__(self, pipe: Path) -> None:
        self._let_go = partial(os.open, pipe, os.O_WRONLY)  # what a module names is gone by then
        self._close, self._sleep = os.close, SystemClock().sleep

    def __del__(self) -> None:
        self._close(self._let_go())
        self._sleep(1.0)


if __name__ == "__main__":
    from edge.__main__ import program

    sys.last_to_go = _Last(Path(sys.argv[-1]).parent / _PIPE)  # type: ignore[attr-defined]
    program()

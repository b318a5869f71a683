"""What every camera source is, and the two things several of them need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Protocol

from numpy.typing import NDArray

from edge.clock import Clock


class Source(Protocol):
    """One life of a camera: opened once, read until it fails or ends, closed. All three run in one thread.

    Making one touches nothing; a `camera.source` that cannot be meant is a ConfigError then.
    """

    def open(self) -> None:
        """Raise CameraError, with a cure where there is one, when there is no camera."""

    def read(self) -> NDArray[Any] | None:
        """The next picture, BGR; None at the end of a recording. CameraError when the camera is gone.

        `Camera` checks the picture, so that a broken one may be handed on as it is.
        """

    def close(self) -> None:
        """Let go of the device. Never raises, also when `open` failed or was not called."""


class Pace:
    """Holds a source that could be read as fast as one likes to `fps` a second, without hurrying after a delay."""

    def __init__(self, clock: Clock, fps: float) -> None:
        self._clock = clock
        self._period = 1.0 / fps
        self._due = clock.now()

    def wait(self) -> float:
        """Wait for the next picture's turn; give the time it is then."""
        self._clock.sleep(self._due - self._clock.now())
        now = self._clock.now()
        self._due = max(self._due, now - self._period) + self._period
        return now


_LOCAL: Final = ("usb", "csi", "file", "dir", "demo")
# An address between at most one login and a path. With another @ about, nobody can say where a password ends.
_ADDRESS: Final = re.compile(r"/*(?:[^/?#@]*@)?([\w.:\[\]-]+)(?:[/?#][^@]*)?")


def public_name(source: str) -> str:
    """`source` as it may be printed: of a URL only scheme and address; login, path and query may hold passwords."""
    scheme, _, rest = source.partition(":")
    if scheme in _LOCAL:
        return source
    address = _ADDRESS.fullmatch(rest)
    return f"{scheme}://{address[1] if address else '…'}"


def located(value: str, home: Path) -> Path:
    """A path of the configuration: `~` is the user's home, relative ones start at `home`."""
    return Path(home, Path(value).expanduser())

"""Recordings: `file:clip.mp4` (anything FFmpeg reads, GIFs too) and `dir:pictures`, at their own pace.

Both end once (`ended`); `file:clip.mp4?loop=1` starts again instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.capture import UNREADABLE, Capture
from edge.camera.source import Pace, located
from edge.clock import Clock
from edge.errors import CameraError

_LOOP: Final = "?loop=1"
_PICTURES: Final = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})


class FileSource:
    """One video file. `fps` is used where the file says nothing believable about its own rate."""

    def __init__(self, value: str, home: Path, clock: Clock, fps: float) -> None:
        self._loop = value.endswith(_LOOP)
        self._path = located(value.removesuffix(_LOOP), home)
        self._clock = clock
        self._fps = fps
        self._capture: Capture | None = None

    def open(self) -> None:
        self._capture = self._opened()
        fps = self._capture.fps
        self._pace = Pace(self._clock, fps if 1 <= fps <= 120 else self._fps)

    def read(self) -> NDArray[Any] | None:
        if self._capture is None:
            return None
        self._pace.wait()
        picture = self._capture.read()
        if picture is None and self._loop:
            # Seeking back is unreliable in GIFs and streams of still pictures.
            self._capture.close()
            self._capture = self._opened()
            picture = self._capture.read()
        return picture

    def close(self) -> None:
        if self._capture:
            self._capture.close()

    def _opened(self) -> Capture:
        if not self._path.is_file():
            raise CameraError(f"{self._path}: no such file")
        try:
            return Capture(str(self._path), cv2.CAP_FFMPEG)
        except CameraError:
            raise CameraError(f"{self._path}: not a video, or of a kind that cannot be read") from None


class FolderSource:
    """The pictures of a folder in the order of their names."""

    def __init__(self, folder: Path, clock: Clock, fps: float) -> None:
        self._folder = folder
        self._clock = clock
        self._fps = fps
        self._left: Iterator[Path] = iter(())

    def open(self) -> None:
        try:
            names = sorted(path for path in self._folder.iterdir() if path.suffix.lower() in _PICTURES)
        except OSError as error:
            raise CameraError(f"{self._folder}: {error.strerror}") from error
        if not names:
            raise CameraError(f"{self._folder}: holds no pictures ({' '.join(sorted(_PICTURES))})")
        self._left = iter(names)
        self._pace = Pace(self._clock, self._fps)

    def read(self) -> NDArray[Any] | None:
        path = next(self._left, None)
        if path is None:
            return None
        self._pace.wait()
        return read_picture(path)

    def close(self) -> None:
        self._left = iter(())


def read_picture(path: Path) -> NDArray[Any]:
    """A picture file, uint8 [h, w, 3] BGR, or `UNREADABLE`."""
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except (OSError, ValueError, cv2.error):  # ValueError: a name that no file can have
        return UNREADABLE
    return UNREADABLE if picture is None else picture

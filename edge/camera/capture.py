"""The one place that opens and reads `cv2.VideoCapture`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import CameraError

# What a capture gives for a picture that arrived but could not be decoded: `Camera` counts it and goes on.
UNREADABLE: Final[NDArray[Any]] = np.empty((0, 0, 3), np.uint8)


class Capture:
    """An open `cv2.VideoCapture`; not to be shared between threads."""

    def __init__(
        self, target: str | int, backend: int, *, asked: Sequence[int] = (), wished: Mapping[int, float] | None = None
    ) -> None:
        """`asked` (property, value, …) must hold or the source is not opened; `wished` is set as far as it goes.

        Raises CameraError when the library finds nothing it can read.
        """
        # Both libraries print addresses with their passwords; what went wrong is told by our own messages.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            self._capture = cv2.VideoCapture(target, backend, list(asked))
        except cv2.error as error:
            raise CameraError(f"OpenCV: {error.err}") from error
        if not self._capture.isOpened():
            self.close()
            raise CameraError("nothing there that can be read as pictures")
        for name, value in (wished or {}).items():
            self._capture.set(name, value)

    @property
    def fps(self) -> float:
        """Pictures a second as the source says; may be 0, NaN or nonsense."""
        return float(self._capture.get(cv2.CAP_PROP_FPS))

    @property
    def taken_at(self) -> float:
        """When a V4L2 camera's driver took the last picture, in monotonic seconds."""
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000

    def read(self) -> NDArray[Any] | None:
        """The next picture, `UNREADABLE` for a broken one, None when there are no more."""
        try:
            if not self._capture.grab():
                return None
            decoded, picture = self._capture.retrieve()
        except cv2.error as error:
            raise CameraError(f"OpenCV: {error.err}") from error
        return picture if decoded else UNREADABLE

    def close(self) -> None:
        self._capture.release()

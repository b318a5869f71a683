"""Network cameras: `rtsp://…` (over TCP) and `http(s)://…` (MJPEG)."""

from __future__ import annotations

import os
from typing import Any, Final
from urllib.parse import urlsplit

import cv2
from numpy.typing import NDArray

from edge.camera.capture import Capture
from edge.camera.source import public_name
from edge.errors import CameraError, ConfigError
from edge.settings import CameraSettings

# `Camera` calls the stall; the library's own time-out comes later, and only frees the reader that hangs in it.
_LATER_SECONDS: Final = 2.0


class StreamSource:
    def __init__(self, url: str, settings: CameraSettings) -> None:
        self._url = url
        self._name = public_name(url)
        self._settings = settings
        self._capture: Capture | None = None
        if not _names_a_host(url):
            raise ConfigError(f"camera.source: {self._name} names no camera's address")

    def open(self) -> None:
        if self._url.startswith("rtsp"):
            # Pictures over UDP arrive torn whenever a packet is lost.
            os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
        patience = self._settings.open_timeout_seconds
        asked = (
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(1000 * patience)),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(1000 * (self._settings.stall_seconds + _LATER_SECONDS))),
        )
        try:
            self._capture = Capture(self._url, cv2.CAP_FFMPEG, asked=asked)
        except CameraError:
            raise CameraError(
                f"{self._name}: no pictures within {patience:g} s (address, login, camera off?)"
            ) from None

    def read(self) -> NDArray[Any]:
        picture = self._capture.read() if self._capture else None
        if picture is None:
            raise CameraError(f"{self._name}: the camera ended the stream")
        return picture

    def close(self) -> None:
        if self._capture:
            self._capture.close()


def _names_a_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False

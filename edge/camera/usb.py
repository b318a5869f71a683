"""USB and other V4L2 cameras: `usb:0`, `usb:/dev/video2`, `usb:/dev/v4l/by-id/…`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
from numpy.typing import NDArray

from edge.camera.capture import Capture
from edge.errors import CameraError, ConfigError
from edge.settings import CameraSettings


class UsbSource:
    def __init__(self, device: str, settings: CameraSettings) -> None:
        if device.isascii() and device.isdigit():
            device = f"/dev/video{int(device)}"
        if not device.startswith("/dev/"):
            raise ConfigError(f"camera.source: usb:{device} is neither a number nor a path below /dev")
        self._device = device
        self._settings = settings
        self._capture: Capture | None = None

    def open(self) -> None:
        if not Path(self._device).exists():
            raise CameraError(f"{self._device}: no such camera; `ls /dev/v4l/by-id/` shows those that are plugged in")
        if not os.access(self._device, os.R_OK | os.W_OK):
            raise CameraError(f"{self._device}: not allowed; `sudo usermod -aG video $USER`, then log in again")
        # The order counts: many cameras offer their large sizes only in MJPG.
        wished = {
            cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"MJPG")),
            cv2.CAP_PROP_FRAME_WIDTH: self._settings.width,
            cv2.CAP_PROP_FRAME_HEIGHT: self._settings.height,
            cv2.CAP_PROP_FPS: self._settings.fps,
            cv2.CAP_PROP_BUFFERSIZE: 1,
        }
        try:
            self._capture = Capture(self._device, cv2.CAP_V4L2, wished=wished)
        except CameraError:
            raise CameraError(f"{self._device}: not a camera, or in use by another program") from None

    def read(self) -> NDArray[Any]:
        picture = self._capture.read() if self._capture else None
        if picture is None:
            raise CameraError(f"{self._device}: unplugged, or it stopped sending pictures")
        return picture

    def close(self) -> None:
        if self._capture:
            self._capture.close()

"""USB and other V4L2 cameras: `usb:0`, `usb:/dev/video2`, `usb:/dev/v4l/by-id/…`."""

from __future__ import annotations

import errno
import fcntl
import math
import os
import struct
from pathlib import Path
from typing import Any, Final

import cv2
from numpy.typing import NDArray

from edge.camera.capture import UNREADABLE, Capture
from edge.clock import Clock
from edge.errors import CameraError, ConfigError
from edge.settings import CameraSettings

# A picture may wait in the driver while nobody reads, as when this process was held up: it shows who stood there then.
_LONGEST_WAIT: Final = 1.0
_QUERY_CAPABILITIES: Final = 0x80685600
_CAPABILITIES: Final = struct.Struct("=16s32s32s3I12x")  # driver, card, bus, version, of all its devices, of this one
_SENDS_PICTURES: Final = 0x1 | 0x1000


class UsbSource:
    def __init__(self, device: str, settings: CameraSettings, clock: Clock) -> None:
        if device.isascii() and device.isdigit():
            device = f"/dev/video{int(device)}"
        if not device.startswith("/dev/"):
            raise ConfigError(f"camera.source: usb:{device} is neither a number nor a path below /dev")
        self._device = device
        self._settings = settings
        self._clock = clock
        self._capture: Capture | None = None

    def open(self) -> None:
        if not Path(self._device).exists():
            raise CameraError(f"{self._device}: no such camera; `ls /dev/v4l/by-id/` shows what camera.source may name")
        if not os.access(self._device, os.R_OK | os.W_OK):
            raise CameraError(f"{self._device}: not allowed; `sudo usermod -aG video $USER`, then log in again")
        # A read that hangs keeps the camera busy for whoever opens it next, by default for ten seconds. The library
        # asks once in a process.
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(math.ceil(self._settings.stall_seconds)))
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
            raise CameraError(f"{self._device}: {_what_is_wrong(self._device)}") from None

    def read(self) -> NDArray[Any]:
        picture = self._capture.read() if self._capture else None
        if self._capture is None or picture is None:
            raise CameraError(f"{self._device}: unplugged, or it stopped sending pictures")
        waits = 0 < self._capture.taken_at < self._clock.now() - _LONGEST_WAIT
        return UNREADABLE if waits else picture

    def close(self) -> None:
        if self._capture:
            self._capture.close()


def _what_is_wrong(device: str) -> str:
    """Why no pictures can be had from something that is there and may be opened."""
    try:
        with Path(device).open("rb", buffering=0) as node:
            *_, own = _CAPABILITIES.unpack(fcntl.ioctl(node, _QUERY_CAPABILITIES, bytes(_CAPABILITIES.size)))
    except OSError as error:
        if error.errno == errno.ENOTTY:
            return "not a camera; `ls /dev/v4l/by-id/` shows what camera.source may name"
        return f"it does not answer ({error.strerror}); unplug it and plug it in again"
    if not own & _SENDS_PICTURES:
        return (
            "not the device that sends pictures; camera.source is the one whose name in /dev/v4l/by-id ends in -index0"
        )
    return f"in use by another program, which `fuser -v {device}` names"

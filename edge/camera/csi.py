"""A Raspberry Pi's ribbon-cable camera, `csi:0`, through picamera2 (OpenCV cannot read these), else `rpicam-vid`."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from numpy.typing import NDArray

from edge.camera import rpicam
from edge.errors import CameraError, ConfigError
from edge.settings import CameraSettings

_CURE: Final = (
    "csi: needs picamera2: `sudo apt install python3-picamera2`, and a virtual environment made with "
    "`--system-site-packages` (it does not come from pip); or rpicam-vid: `sudo apt install rpicam-apps-lite`"
)
# What picamera2 and libcamera raise for an absent, busy or failing camera.
_TROUBLE: Final = (RuntimeError, OSError, IndexError, KeyError, ValueError, TimeoutError)


class CsiSource:
    def __init__(self, number: str, settings: CameraSettings) -> None:
        if not (number.isascii() and number.isdigit()):
            raise ConfigError(f"camera.source: csi:{number} must be csi: and the camera's number")
        self._number = int(number)
        self._settings = settings
        self._camera: Any = None
        self._pipe: rpicam.RpicamVid | None = None

    def open(self) -> None:
        try:
            from picamera2 import Picamera2
        except ImportError as error:
            if not rpicam.is_installed():
                raise CameraError(_CURE) from error
            self._pipe = rpicam.RpicamVid(self._number, self._settings)
            self._pipe.open()
            return
        except ValueError as error:  # a compiled module of apt's beside a numpy of pip's
            raise CameraError(f"csi: picamera2 does not fit the numpy of this environment: {error}") from error
        settings = self._settings
        try:
            self._camera = Picamera2(self._number)
            # libcamera names formats from the last byte to the first: its RGB888 is B, G, R in memory, as OpenCV wants.
            main = {"size": (settings.width, settings.height), "format": "RGB888"}
            rate = {"FrameRate": settings.fps}
            self._camera.configure(self._camera.create_video_configuration(main=main, controls=rate))
            self._camera.start()
        except _TROUBLE as error:
            raise CameraError(
                f"csi:{self._number}: {error}; `rpicam-hello --list-cameras` shows what there is"
            ) from error

    def read(self) -> NDArray[Any]:
        if self._pipe is not None:
            return self._pipe.read()
        try:
            picture: NDArray[Any] = self._camera.capture_array("main")
        except _TROUBLE as error:
            raise CameraError(f"csi:{self._number}: {error}") from error
        return picture

    def close(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._camera is not None:
            with contextlib.suppress(*_TROUBLE):
                self._camera.close()

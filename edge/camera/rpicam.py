"""A Raspberry Pi's ribbon-cable camera through `rpicam-vid`, where picamera2 is not to be had: pictures over a pipe."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import IO, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import CameraError
from edge.settings import CameraSettings

PROGRAM: Final = "rpicam-vid"
_BEGINS, _ENDS = b"\xff\xd8", b"\xff\xd9"
_LONGEST_PICTURE: Final = 8 << 20
_CHUNK: Final = 1 << 16
_FAREWELL_SECONDS: Final = 2.0


class RpicamVid:
    """A child process that writes one JPEG after the other; exposure and white balance are left to libcamera."""

    def __init__(self, number: int, settings: CameraSettings) -> None:
        size = ("--width", str(settings.width), "--height", str(settings.height), "--framerate", f"{settings.fps:g}")
        # -t 0: until it is told to stop; without a preview window; every picture at once.
        self._command = (
            PROGRAM,
            "-t",
            "0",
            "-n",
            "--camera",
            str(number),
            "--codec",
            "mjpeg",
            *size,
            "--flush",
            "-o",
            "-",
        )
        self._name = f"csi:{number}"
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def open(self) -> None:
        try:
            # Without a buffer of ours: a picture is worth something only while it is new.
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
            )
        except OSError as error:
            raise CameraError(f"{self._name}: {PROGRAM} cannot be run: {error.strerror}") from error

    def read(self) -> NDArray[Any]:
        """The next picture, BGR. Raises CameraError when the program has ended or writes something else."""
        picture = cv2.imdecode(np.frombuffer(self._next_jpeg(), np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise CameraError(f"{self._name}: {PROGRAM} wrote no picture")
        return picture

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def _next_jpeg(self) -> bytes:
        while True:
            # Within a JPEG's data every FF is followed by 00 or a restart marker, so that this is its end.
            end = self._unread.find(_ENDS)
            if end >= 0:
                jpeg, self._unread = self._unread[: end + 2], self._unread[end + 2 :]
                return jpeg[max(0, jpeg.find(_BEGINS)) :]
            if len(self._unread) > _LONGEST_PICTURE:
                raise CameraError(f"{self._name}: {PROGRAM} writes no JPEG")
            self._unread += self._chunk()

    def _chunk(self) -> bytes:
        pipe: IO[bytes] | None = None if self._process is None else self._process.stdout
        chunk = b"" if pipe is None else os.read(pipe.fileno(), _CHUNK)
        if not chunk:
            raise CameraError(f"{self._name}: {PROGRAM} ended; `rpicam-hello --list-cameras` shows what there is")
        return chunk


def is_installed() -> bool:
    return shutil.which(PROGRAM) is not None

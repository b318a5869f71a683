"""One camera, whatever it is: newest picture wins, and trouble is a state, never an exception."""

from __future__ import annotations

import logging
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.csi import CsiSource
from edge.camera.demo import DemoSource
from edge.camera.files import FileSource, FolderSource
from edge.camera.reader import Reader
from edge.camera.source import Source, located, public_name
from edge.camera.stream import StreamSource
from edge.camera.usb import UsbSource
from edge.camera.watch import CameraNotice, CameraState, Watch
from edge.clock import Clock
from edge.errors import ConfigError
from edge.settings import CameraSettings
from edge.values import Frame, frozen_array

_log = logging.getLogger(__name__)

MOST_PIXELS: Final = 3840 * 2160
# Readers that hang inside a library cannot be ended; beyond so many, no new one is started.
MOST_ABANDONED: Final = 3
_FAREWELL_SECONDS: Final = 2.0
_LONGEST_WAIT: Final = 0.5
TURNS: Final = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def open_camera(settings: CameraSettings, clock: Clock, home: Path) -> Camera:
    """The camera of `settings.source`, relative paths from `home`; entering it starts the capture.

    ConfigError when the source cannot be meant; a camera that is absent is only a state.
    """
    make_source(settings, clock, home)
    return Camera(settings, clock, lambda: make_source(settings, clock, home))


def make_source(settings: CameraSettings, clock: Clock, home: Path) -> Source:
    """The source that `settings.source` means, not opened yet. ConfigError when it cannot be meant."""
    kind, _, rest = settings.source.partition(":")
    match kind:
        case "usb":
            return UsbSource(rest, settings, clock)
        case "csi":
            return CsiSource(rest, settings)
        case "rtsp" | "http" | "https":
            return StreamSource(settings.source, settings)
        case "file":
            return FileSource(rest, home, clock, settings.fps)
        case "dir":
            return FolderSource(located(rest, home), clock, settings.fps)
        case "demo":
            return DemoSource(rest, home, clock, settings)
    raise ConfigError(f"camera.source: unknown kind of source {kind!r}")


class Camera:
    """The newest picture of a source, made by `connect` anew for each life of the camera.

    `frames` counts sound pictures; `dropped` those that nobody got: broken, overtaken by a newer one, or withheld
    because the picture stood still.
    """

    def __init__(self, settings: CameraSettings, clock: Clock, connect: Callable[[], Source]) -> None:
        self.frames = 0
        self.dropped = 0
        self._name = public_name(settings.source)
        self._rotate = TURNS.get(settings.rotate)
        self._clock = clock
        self._connect = connect
        self._changed = threading.Condition()
        self._watch = Watch(settings, clock.now(), recording=settings.source.startswith(("file:", "dir:")))
        self._newest: Frame | None = None
        self._reader: Reader | None = None
        self._abandoned: list[Reader] = []

    def __enter__(self) -> Self:
        with self._changed:
            self._keep_going()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._dismiss()
            readers, self._abandoned = self._abandoned, []
            self._watch.ended("closed", self._clock.now())
        until = self._clock.now() + _FAREWELL_SECONDS  # for all together: systemd does not wait for ever
        for reader in readers:
            reader.join(max(0.0, until - self._clock.now()))
            if reader.is_alive():
                _log.warning("camera %s: a reader hangs in its library and is left behind", self._name)

    @property
    def state(self) -> CameraState:
        with self._changed:
            self._keep_going()
            return self._watch.state

    def notices(self) -> tuple[CameraNotice, ...]:
        """The state changes since the last call, oldest first."""
        with self._changed:
            self._keep_going()
            return self._watch.notices()

    def take(self, timeout: float) -> Frame | None:
        """The newest picture not taken yet, waiting up to `timeout` seconds for one; None when none came."""
        until = self._clock.now() + timeout
        with self._changed:
            while True:
                self._keep_going()
                frame, self._newest = self._newest, None
                now = self._clock.now()
                if frame is not None or now >= until:
                    return frame
                due = self._watch.due()
                wait = _LONGEST_WAIT if due is None else min(max(due - now, 0.01), _LONGEST_WAIT)
                self._changed.wait(min(wait, until - now))

    # -- below: with the lock held ---------------------------------------------------------------------------------

    def _keep_going(self) -> None:
        """Notice a stall, let go of a source that is to be opened again, open it when its time has come."""
        now = self._clock.now()
        self._watch.check(now)
        if self._watch.open_at is None:
            return
        self._dismiss()
        self._abandoned = [reader for reader in self._abandoned if reader.is_alive()]
        if now >= self._watch.open_at and len(self._abandoned) < MOST_ABANDONED:
            self._watch.opening(now)
            self._reader = Reader(self._connect(), self._on_picture, self._on_end)
            self._reader.start()

    def _dismiss(self) -> None:
        """Let the present reader go, and what it brought."""
        self.dropped += self._newest is not None
        self._newest = None
        if self._reader is not None:
            self._reader.stop()
            self._abandoned.append(self._reader)
            self._reader = None

    # -- below: on the reader's thread -----------------------------------------------------------------------------

    def _on_picture(self, reader: Reader, picture: NDArray[Any]) -> None:
        at = self._clock.now()
        flaw = flaw_in(picture)
        if flaw:
            with self._changed:
                self.dropped += 1
                if reader is self._reader:
                    self._watch.flaw(flaw)
            return
        turned = picture if self._rotate is None else np.asarray(cv2.rotate(picture, self._rotate), np.uint8)
        image = np.ascontiguousarray(turned)
        fingerprint = zlib.crc32(image.data)
        with self._changed:
            if reader is not self._reader:
                return
            self.frames += 1
            wanted = self._watch.picture(fingerprint, at)
            self.dropped += (not wanted) or (self._newest is not None)
            if wanted:
                self._newest = Frame(frozen_array(image), at, self.frames)
            elif self._watch.state != "live":
                self._newest = None
            self._changed.notify_all()

    def _on_end(self, reader: Reader, why: str | None) -> None:
        """The source was closed: `why` it failed, or None at the end of a recording."""
        with self._changed:
            if reader is self._reader:
                now = self._clock.now()
                if why is None:
                    self._watch.ended("the recording is over", now)
                else:
                    self._watch.lost(why, now)
            self._changed.notify_all()


def flaw_in(picture: NDArray[Any]) -> str:
    """What makes `picture` unusable, or an empty word."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        return f"{picture.dtype}{list(picture.shape)} and not uint8[h, w, 3]"
    height, width = picture.shape[:2]
    if height == 0 or width == 0:
        return "broken, empty or too old"
    if height * width > MOST_PIXELS:
        return f"{width}x{height}, larger than 3840x2160"
    return ""

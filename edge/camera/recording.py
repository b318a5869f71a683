"""A recording, picture by picture and as fast as one likes: what the camera would have handed out, and when."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge.camera.camera import TURNS, flaw_in, make_source
from edge.clock import Clock
from edge.errors import CameraError
from edge.settings import CameraSettings
from edge.values import Frame, frozen_array


def recorded(path: Path, settings: CameraSettings, clock: Clock) -> Iterator[Frame]:
    """The frames of a video file, or of a folder of pictures.

    `clock` is asked to sleep from one to the next, at the pace the file says. As with a camera, a broken picture or one
    that repeats the last is none. Raises CameraError when it cannot be read.
    """
    if not path.exists():
        raise CameraError(f"{path}: no such file or folder")
    kind = "dir" if path.is_dir() else "file"
    source = make_source(msgspec.structs.replace(settings, source=f"{kind}:{path.absolute()}"), clock, Path())
    turn, before = TURNS.get(settings.rotate), None
    source.open()
    try:
        for number in itertools.count():
            picture = source.read()
            if picture is None:
                return
            if flaw_in(picture):
                continue
            turned = picture if turn is None else np.asarray(cv2.rotate(picture, turn), np.uint8)
            image = np.ascontiguousarray(turned)
            fingerprint = zlib.crc32(image.data)
            if fingerprint != before:
                before = fingerprint
                yield Frame(frozen_array(image), clock.now(), number)
    finally:
        source.close()

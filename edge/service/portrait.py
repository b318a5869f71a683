"""The picture of a visit, for `mqtt.image`: the face and what is close around it, as a JPEG small enough to send.

Only where it was asked for, only in memory, and only for as long as a visit may still be decided.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Box, Decision, Frame, Probe

MOST_BYTES: Final = 64 * 1024
_LONGEST_SIDE: Final = 320
_AROUND: Final = 0.5  # of the face's longer side, on every side
_JPEG_QUALITIES: Final = (85, 60, 30)
_MOST_KEPT: Final = 128
_KEPT_SECONDS: Final = 40.0  # longer than any visit can take to be refused


class Portraits:
    """Remembers the last frames' faces until a decision names one of them."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, bytes]] = deque(maxlen=_MOST_KEPT)

    def saw(self, frame: Frame, probe: Probe) -> None:
        while self._recent and frame.at - self._recent[0][0] > _KEPT_SECONDS:
            self._recent.popleft()
        jpeg = None if probe.face is None else portrait(frame.image, probe.face.box)
        if jpeg is not None:
            self._recent.append((frame.at, jpeg))

    def of(self, decision: Decision) -> bytes | None:
        """The face of the deciding frame, once; what came before it is forgotten."""
        wanted = next((jpeg for at, jpeg in self._recent if at == decision.frame_at), None)
        while self._recent and self._recent[0][0] <= decision.frame_at:
            self._recent.popleft()
        return wanted


def portrait(image: NDArray[np.uint8], box: Box) -> bytes | None:
    """The part of a BGR `image` around `box` as a JPEG of at most `MOST_BYTES`; None where there is nothing to see."""
    if not all(map(math.isfinite, (box.x, box.y, box.width, box.height))):
        return None
    edge = _AROUND * max(box.width, box.height)
    top, left = max(0, int(box.y - edge)), max(0, int(box.x - edge))
    part = image[top : max(0, int(box.y + box.height + edge)), left : max(0, int(box.x + box.width + edge))]
    if part.size == 0:
        return None
    scale = min(1.0, _LONGEST_SIDE / max(part.shape[:2]))
    size = (max(1, round(scale * part.shape[1])), max(1, round(scale * part.shape[0])))
    try:
        small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        drafts = (cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for quality in _JPEG_QUALITIES)
        return next((jpeg.tobytes() for jpeg in drafts if jpeg.size <= MOST_BYTES), None)
    except cv2.error:
        return None  # a visit without a picture is still a visit

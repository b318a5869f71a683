"""Step -> a picture people can read: box, nearest person, similarity and votes against both thresholds, the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.comparing import readable
from edge.values import Box, Decision, Match, Probe

Colour = tuple[int, int, int]  # blue, green, red

_GREEN: Final[Colour] = (80, 200, 80)
_RED: Final[Colour] = (70, 70, 230)
_AMBER: Final[Colour] = (40, 180, 240)
_WHITE: Final[Colour] = (245, 245, 245)
_DARK: Final[Colour] = (38, 34, 30)
_PANEL_HEIGHT: Final = 96
_FONT: Final = cv2.FONT_HERSHEY_DUPLEX


@dataclass(frozen=True, slots=True)
class Caption:
    """What the picture should tell besides the face: both thresholds, and the newest decision or prompt."""

    detection_threshold: float
    verification_threshold: float
    decision: Decision | None = None
    prompt: str | None = None


def draw(image: NDArray[np.uint8], probe: Probe, best: Match | None, caption: Caption) -> NDArray[np.uint8]:
    """A new picture, uint8 [height + 96, width, 3] BGR: the frame with the face marked, and a panel below it."""
    height, width = image.shape[:2]
    canvas = np.empty((height + _PANEL_HEIGHT, width, 3), np.uint8)
    canvas[:height] = image
    canvas[height:] = _DARK
    colour, headline = _headline(probe, caption)
    if probe.face is not None:
        _mark(canvas[:height], probe.face.box, colour)
    _write(canvas, headline, (12, height + 26), colour, 0.62)
    if best is not None:
        share = best.votes / best.references if best.references else 0.0
        similarity = f"similarity {readable(best.similarity)}"
        _bar(canvas, (12, height + 42), similarity, best.similarity, caption.detection_threshold)
        votes = f"votes {best.votes} of {best.references}"
        _bar(canvas, (12, height + 70), votes, share, caption.verification_threshold)
        # OpenCV's font knows ASCII only.
        name = best.name.encode("ascii", "replace").decode()
        _write(canvas, name if best.verified else f"nearest: {name}", (width - 200, height + 58), _WHITE, 0.45)
    return canvas


def _headline(probe: Probe, caption: Caption) -> tuple[Colour, str]:
    if caption.prompt is not None:
        return _AMBER, caption.prompt.replace("_", " ")
    if caption.decision is not None:
        granted = caption.decision.verdict == "granted"
        return (_GREEN if granted else _RED), f"{caption.decision.verdict}: {caption.decision.reason.replace('_', ' ')}"
    if probe.face is None:
        return _WHITE, "nobody here"
    if probe.quality is not None and probe.quality.refusal is not None:
        return _AMBER, probe.quality.refusal.replace("_", " ")
    return _WHITE, "looking"


def _mark(image: NDArray[np.uint8], box: Box, colour: Colour) -> None:
    corner = (round(box.x), round(box.y))
    opposite = (round(box.x + box.width), round(box.y + box.height))
    cv2.rectangle(image, corner, opposite, colour, 2, cv2.LINE_AA)


def _bar(image: NDArray[np.uint8], at: tuple[int, int], label: str, value: float, threshold: float) -> None:
    """A bar of `value` in [0, 1] with a tick at `threshold`."""
    x, y = at
    left, width, height = x + 150, max(60, image.shape[1] - x - 370), 14
    reached = value >= threshold
    filled = round(width * min(1.0, max(0.0, value)))
    tick = left + round(width * threshold)
    _write(image, label, (x, y + 12), _WHITE, 0.45)
    cv2.rectangle(image, (left, y), (left + width, y + height), (70, 64, 58), -1)
    cv2.rectangle(image, (left, y), (left + filled, y + height), _GREEN if reached else _RED, -1)
    cv2.line(image, (tick, y - 3), (tick, y + height + 3), _WHITE, 2)


def _write(image: NDArray[np.uint8], text: str, at: tuple[int, int], colour: Colour, size: float) -> None:
    cv2.putText(image, text, at, _FONT, size, colour, 1, cv2.LINE_AA)

"""Whether a face is good enough to be compared. The same gate stands before enrolment and before every decision."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.settings import QualitySettings
from edge.values import Face, Quality, QualityWord
from edge.vision.align import Points
from edge.vision.occlusion import visible

_FRONTAL_NOSE: Final = 0.5


def measure(pixels: NDArray[np.uint8], face: Face, settings: QualitySettings) -> Quality:
    """Measure an aligned crop (RGB uint8) and its examined `face`, and say why it is refused, if it is."""
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    mean, deviation = cv2.meanStdDev(luma)
    _, edges = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_16S))
    yaw, pitch, roll = (math.nan,) * 3 if face.landmarks is None else pose(face.landmarks)
    mouth, eyes = visible(np.asarray(luma, np.uint8))
    quality = Quality(
        size=face.box.size,
        sharpness=float(edges[0, 0]) ** 2,
        brightness=float(mean[0, 0]),
        contrast=float(deviation[0, 0]),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        mouth=mouth,
        eyes=eyes,
    )
    return replace(quality, refusal=next(_refusals(quality, face.presence or 0.0, settings), None))


def pose(landmarks: Points) -> tuple[float, float, float]:
    """How the head is turned, from five points [5, 2]: yaw and pitch as ratios (0 = frontal), roll in degrees.

    The nose tip stands out of the face, so it moves against eyes and mouth when the head turns: yaw is its distance
    from the middle of the eyes along the eye line, pitch its distance from where it belongs between eyes and mouth, at
    right angles to the eye line; both in eye distances. Positive: towards the picture's right, downwards, clockwise.
    """
    left_eye, right_eye, nose, *mouth = (complex(x, y) for x, y in landmarks.tolist())
    eye_line = right_eye - left_eye
    if not abs(eye_line) > 0:
        return math.nan, math.nan, math.nan
    middle = (left_eye + right_eye) / 2
    to_nose, to_mouth = (nose - middle) / eye_line, (sum(mouth) / len(mouth) - middle) / eye_line
    roll = math.degrees(math.atan2(eye_line.imag, eye_line.real))
    return to_nose.real, to_nose.imag - _FRONTAL_NOSE * to_mouth.imag, roll


def _refusals(quality: Quality, presence: float, settings: QualitySettings) -> Iterator[QualityWord]:
    """Every reason against this face, the most fundamental first. Written so that NaN is a reason."""
    if not presence >= settings.minimum_presence:
        yield "not_a_face"
    if not quality.size >= settings.minimum_face_pixels:
        yield "too_small"
    if not quality.brightness >= settings.minimum_brightness:
        yield "too_dark"
    if not quality.brightness <= settings.maximum_brightness:
        yield "too_bright"
    if not quality.contrast >= settings.minimum_contrast:
        yield "low_contrast"
    turned = (
        (quality.yaw, settings.maximum_yaw),
        (quality.pitch, settings.maximum_pitch),
        (quality.roll, settings.maximum_roll),
    )
    if not all(abs(angle) <= limit for angle, limit in turned):
        yield "turned"
    if not quality.sharpness >= settings.minimum_sharpness:
        yield "blurred"
    if not quality.mouth >= settings.minimum_mouth:
        yield "covered_mouth"
    if not quality.eyes >= settings.minimum_eyes:
        yield "covered_eyes"

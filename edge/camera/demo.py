"""`demo:FOLDER`: two people come to the door, drawn fresh from one photograph each.

A resident first, long enough to be enrolled; then, for ever, the resident, nobody, a stranger, nobody. They walk in
from the side, come close, sway, nod, stand in changing light, and leave: what a camera would see, noise included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.doorstep import draw_doorstep
from edge.camera.figure import RESIDENT, STRANGER, Figure
from edge.camera.source import Pace, located
from edge.clock import Clock
from edge.settings import CameraSettings

Actor = Literal["resident", "stranger"]

# Who is there, for how many seconds: once, and then over and over.
_OPENING: Final[tuple[tuple[Actor | None, float], ...]] = (("resident", 22.0), (None, 3.0))
_ROUND: Final[tuple[tuple[Actor | None, float], ...]] = (("resident", 7.0), (None, 3.0), ("stranger", 7.0), (None, 3.0))

# Sizes in pixels of a 640 x 480 picture, scaled with the camera's.
_FAR: Final = 44.0
_NEAR: Final = 132.0
_STEP: Final = 20.0
_CLOSEST: Final = _NEAR + _STEP
_COMING: Final = 1.7
_GOING: Final = 1.3
_NOISE: Final = 3.0
_SHIFTS: Final = 64


@dataclass(frozen=True, slots=True)
class Pose:
    """Where an actor stands: the middle of the face and its width in pixels of a 640 x 480 picture, lean in degrees."""

    actor: Actor
    x: float
    y: float
    face: float
    roll: float


def pose_at(seconds: float) -> Pose | None:
    """Who stands where, `seconds` after the first picture; None while nobody does."""
    actor, since, length, turn = _scene(seconds)
    if actor is None:
        return None
    near = min(since / _COMING, (length - since) / _GOING, 1.0)
    near = near * near * (3 - 2 * near)
    side = 1 if (turn // 2 % 2 == 0) == (since < length / 2) else -1
    face = _FAR + (_NEAR + _STEP * math.sin(since * 1.15 - 1.6) - _FAR) * near
    sway = 26 * math.sin(since * 1.9) + 12 * math.sin(since * 0.83 + 1)
    return Pose(
        actor,
        x=320 + near * sway + side * (1 - near) * 430,
        # Far people stand lower, so that they never show where their photograph ends.
        y=max(210 - 14 * near * math.sin(since * 1.45), 480 - 4.2 * face),
        face=face,
        roll=8 * math.sin(since * 1.27 + turn),
    )


def light_at(seconds: float) -> float:
    """How bright the scene is: 0.75 to 1.15 of the photographs."""
    return 0.95 + 0.20 * math.sin(seconds * 0.61)


def _scene(seconds: float) -> tuple[Actor | None, float, float, int]:
    """Who is there, since how long, for how long altogether, and in which scene, counted from the beginning."""
    opening = sum(length for _, length in _OPENING)
    lap, left = divmod(seconds - opening, sum(length for _, length in _ROUND)) if seconds >= opening else (0, seconds)
    scenes = _ROUND if seconds >= opening else _OPENING
    turn = 0 if scenes is _OPENING else len(_OPENING) + len(_ROUND) * int(lap)
    for actor, length in scenes:
        if left < length:
            return actor, left, length, turn
        left -= length
        turn += 1
    return None, 0.0, 0.0, turn


class DemoSource:
    """The demo as a camera. Its pictures are looked for in `folder`, from `home` and then from where we are."""

    def __init__(self, folder: str, home: Path, clock: Clock, settings: CameraSettings) -> None:
        at_home = located(folder, home)
        self._folder = at_home if at_home.is_dir() else located(folder, Path.cwd())
        self._clock = clock
        self._settings = settings
        self._scale = min(settings.width / 640, settings.height / 480)
        self._started: float | None = None

    def open(self) -> None:
        width, height = self._settings.width, self._settings.height
        self._actors = {
            "resident": Figure(RESIDENT, self._folder, _CLOSEST * self._scale),
            "stranger": Figure(STRANGER, self._folder, _CLOSEST * self._scale),
        }
        self._stage = draw_doorstep(width, height)
        self._chance = np.random.default_rng(22)
        noise = self._chance.standard_normal((height + _SHIFTS, width + _SHIFTS, 3), dtype=np.float32)
        noise *= _NOISE
        self._noise = np.rint(noise, out=noise).astype(np.int8)
        self._shift = 0
        self._pace = Pace(self._clock, self._settings.fps)

    def read(self) -> NDArray[np.uint8]:
        now = self._pace.wait()
        if self._started is None:
            self._started = now
        return self._draw(now - self._started)

    def close(self) -> None:
        """Nothing is held."""

    def _draw(self, seconds: float) -> NDArray[np.uint8]:
        pose = pose_at(seconds)
        scene = self._stage
        if pose:
            middle = (
                self._settings.width / 2 + (pose.x - 320) * self._scale,
                self._settings.height + (pose.y - 480) * self._scale,
            )
            scene = self._actors[pose.actor].place(scene, middle, pose.face * self._scale, pose.roll)
        lit = cv2.convertScaleAbs(scene, alpha=light_at(seconds))
        return np.asarray(cv2.add(lit, self._grain(), dtype=cv2.CV_8U), np.uint8)

    def _grain(self) -> NDArray[np.int8]:
        """Noise for one picture: a window into a larger field, never the one before."""
        self._shift = (self._shift + int(self._chance.integers(1, _SHIFTS**2))) % _SHIFTS**2
        down, across = divmod(self._shift, _SHIFTS)
        return self._noise[down : down + self._settings.height, across : across + self._settings.width]

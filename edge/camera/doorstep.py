"""The demo's stage: a door-step in the evening, drawn once."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

# Drawn on this canvas, twice the usual picture, and then fitted to the camera's: that smooths every edge.
_WIDTH: Final = 1280
_HEIGHT: Final = 960
_FLOOR: Final = 790

_PLASTER: Final[tuple[Colour, Colour]] = ((162, 184, 200), (132, 156, 176))
_STONE: Final[tuple[Colour, Colour]] = ((116, 128, 136), (150, 162, 170))
_JOINT: Final[Colour] = (98, 108, 116)
_FRAME: Final[Colour] = (205, 216, 222)
_DOOR: Final[Colour] = (104, 92, 52)
_DOOR_LIGHT: Final[Colour] = (128, 116, 72)
_DOOR_DARK: Final[Colour] = (78, 68, 36)
_BRASS: Final[Colour] = (92, 164, 196)
_GLOW: Final = np.array((20, 42, 58), np.float32)
_POT: Final[Colour] = (76, 104, 168)
_LEAVES: Final[tuple[Colour, ...]] = ((66, 104, 60), (80, 126, 74), (54, 88, 50))


def draw_doorstep(width: int, height: int) -> Picture:
    """The stage, uint8 [height, width, 3] BGR."""
    canvas = _shade(_HEIGHT, _PLASTER)
    canvas[_FLOOR:] = _shade(_HEIGHT - _FLOOR, _STONE)
    _tiles(canvas)
    _door(canvas, left=150, top=110, right=520)
    _shrub(canvas, middle=1090)
    _lamp(canvas, x=690, y=300)
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _shade(rows: int, colours: tuple[Colour, Colour]) -> Picture:
    """A smooth change from the first colour (above) to the second (below), the canvas wide."""
    down = np.linspace(0, 1, rows)[:, None, None]
    shade = np.array(colours[0]) * (1 - down) + np.array(colours[1]) * down
    return np.repeat(shade.astype(np.uint8), _WIDTH, axis=1)


def _tiles(canvas: Picture) -> None:
    """Joints that run to one vanishing point, and a skirting along the wall."""
    for x in range(-1600, _WIDTH + 1601, 200):
        cv2.line(canvas, (_WIDTH // 2 + (x - _WIDTH // 2) * 2 // 5, _FLOOR), (x, _HEIGHT), _JOINT, 3, cv2.LINE_AA)
    for y in (_FLOOR + 52, _FLOOR + 120):
        cv2.line(canvas, (0, y), (_WIDTH, y), _JOINT, 3, cv2.LINE_AA)
    cv2.rectangle(canvas, (0, _FLOOR - 26), (_WIDTH, _FLOOR), (126, 146, 160), -1)


def _door(canvas: Picture, left: int, top: int, right: int) -> None:
    cv2.rectangle(canvas, (left - 34, top - 34), (right + 34, _FLOOR), _FRAME, -1)
    cv2.rectangle(canvas, (left - 34, top - 34), (right + 34, _FLOOR), (160, 174, 182), 3)
    cv2.rectangle(canvas, (left, top), (right, _FLOOR), _DOOR, -1)
    middle = (left + right) // 2
    for x_from, x_to in ((left + 40, middle - 18), (middle + 18, right - 40)):
        for y_from, y_to in ((top + 44, top + 300), (top + 344, _FLOOR - 60)):
            cv2.rectangle(canvas, (x_from, y_from), (x_to, y_to), _DOOR_DARK, -1)
            cv2.rectangle(canvas, (x_from + 7, y_from + 7), (x_to, y_to), _DOOR_LIGHT, -1)
            cv2.rectangle(canvas, (x_from + 14, y_from + 14), (x_to - 8, y_to - 8), _DOOR, -1)
    cv2.circle(canvas, (right - 24, top + 330), 13, _BRASS, -1, cv2.LINE_AA)
    cv2.rectangle(canvas, (left - 34, _FLOOR - 12), (right + 34, _FLOOR + 14), (134, 148, 156), -1)


def _shrub(canvas: Picture, middle: int) -> None:
    """A shrub in a clay pot; its leaves are sown with a fixed seed."""
    draw = np.random.default_rng(4)
    for _ in range(420):
        turn, far = draw.uniform(0, 2 * np.pi), 120 * np.sqrt(draw.uniform())
        at = (int(middle + far * np.cos(turn)), int(520 + 1.25 * far * np.sin(turn)))
        colour = _LEAVES[int(draw.integers(len(_LEAVES)))]
        cv2.ellipse(canvas, at, (17, 8), float(draw.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
    pot = [(middle - 84, 668), (middle + 84, 668), (middle + 62, 826), (middle - 62, 826)]
    cv2.fillPoly(canvas, [np.array(pot, np.int32)], _POT, cv2.LINE_AA)
    cv2.rectangle(canvas, (middle - 94, 650), (middle + 94, 684), (88, 118, 184), -1)


def _lamp(canvas: Picture, x: int, y: int) -> None:
    """A wall lamp, and the warm light it throws on everything near it."""
    down, across = (np.arange(length, dtype=np.float32) for length in (_HEIGHT, _WIDTH))
    near = np.outer(_bell(down - y), _bell(across - x))
    # A row at a time: the whole in floating point would be most of the door's memory.
    for row, glow in zip(canvas, near[..., None], strict=True):
        row[:] = np.clip((row + glow * _GLOW) * (0.82 + 0.18 * glow), 0, 255)
    cv2.rectangle(canvas, (x - 30, y - 62), (x + 30, y - 50), (52, 56, 60), -1)
    cv2.rectangle(canvas, (x - 24, y - 50), (x + 24, y + 44), (214, 246, 255), -1)
    for rod in (x - 26, x, x + 22):
        cv2.rectangle(canvas, (rod, y - 50), (rod + 4, y + 44), (52, 56, 60), -1)
    cv2.rectangle(canvas, (x - 30, y + 44), (x + 30, y + 54), (52, 56, 60), -1)


def _bell(away: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much light is left so many pixels away."""
    return np.asarray(np.exp(-(away**2) / np.float32(2 * 230.0**2)), np.float32)

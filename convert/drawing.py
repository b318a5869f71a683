"""Lines and words as SVG text: no library, the same bytes for the same figures, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 40, 52
GREEN: Final = "#1a7f64"
RED: Final = "#c2452d"
BLUE: Final = "#2f6fb1"
GREY: Final = "#57606a"


@dataclass(frozen=True, slots=True)
class Axes:
    """Maps values to the drawing area."""

    across: tuple[float, float]
    up: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.across
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.up
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def path(self, points: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)


def grid(axes: Axes, across: Sequence[tuple[float, str]], up: Sequence[tuple[float, str]]) -> list[str]:
    top, bottom, left, right = TOP, HEIGHT - BOTTOM, LEFT, WIDTH - RIGHT
    parts = []
    for value, label in across:
        parts.append(line(axes.x(value), top, axes.x(value), bottom, "#d8dee4"))
        parts.append(text(axes.x(value), bottom + 18, label, GREY, "middle"))
    for value, label in up:
        parts.append(line(left, axes.y(value), right, axes.y(value), "#d8dee4"))
        parts.append(text(left - 8, axes.y(value) + 4, label, GREY, "end"))
    return parts


def titles(top: str, across: str, up: str) -> list[str]:
    middle = HEIGHT / 2
    return [
        text(WIDTH / 2, 22, top, "#1f2328", "middle"),
        text(WIDTH / 2, HEIGHT - 12, across, GREY, "middle"),
        f'<g transform="rotate(-90 16 {middle:.0f})">{text(16, middle, up, GREY, "middle")}</g>',
    ]


def line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: bool = False) -> str:
    dashes = ' stroke-dasharray="4 3"' if dash else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashes}/>'


def dot(axes: Axes, x: float, y: float, colour: str) -> str:
    return f'<circle cx="{axes.x(x):.1f}" cy="{axes.y(y):.1f}" r="4" fill="{colour}"/>'


def cloud(axes: Axes, points: Iterable[tuple[float, float]], colour: str) -> str:
    """Many small dots."""
    marks = "".join(f"M{axes.x(x):.1f},{axes.y(y):.1f}h0" for x, y in points)
    return f'<path d="{marks}" stroke="{colour}" stroke-width="4" stroke-linecap="round" stroke-opacity="0.6"/>'


def text(x: float, y: float, text: str, colour: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


def svg(parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )

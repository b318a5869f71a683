"""Small charts as SVG text: no library, the same bytes for the same record, readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from convert.record import Level, Point, Record

_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 40, 52
_GREEN: Final = "#1a7f64"
_RED: Final = "#c2452d"
_GREY: Final = "#57606a"


@dataclass(frozen=True, slots=True)
class _Axes:
    """Maps values to the drawing area."""

    across: tuple[float, float]
    up: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.across
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self.up
        return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    def path(self, points: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)


def roc(record: Record) -> str:
    """TAR over FMR, logarithmic, of the test people; dots with intervals where the page has figures."""
    curve = [(math.log10(fmr), tar) for fmr, tar in record.curve if fmr > 0]
    lowest = min((tar for _, tar in curve), default=0.0)
    lowest = min([lowest, *(point.tar.low for point in record.points)])
    axes = _Axes((-6.0, 0.0), (math.floor(lowest * 20) / 20, 1.0))
    parts = [
        *_grid(axes, [(power, f"1e{power:.0f}") for power in range(-6, 1)], _steps(axes.up)),
        f'<polyline points="{axes.path(curve)}" fill="none" stroke="{_GREEN}" stroke-width="2"/>',
        *(_whisker(axes, point) for point in record.points),
        *_titles(
            f"{record.name} {record.quantization}: all-against-all, {record.data} DevTest",
            "share of impostor pairs accepted (FMR)",
            "share of genuine pairs accepted (TAR)",
        ),
    ]
    return _svg(parts)


def histogram(record: Record) -> str:
    """Genuine and impostor pairs of the test people by similarity, each as a share, with the card's thresholds."""
    bins = record.histogram
    shares = [_shares(bins.genuine), _shares(bins.impostors)]
    axes = _Axes((bins.start, bins.stop), (0.0, max(map(max, shares)) * 1.1))
    step = (bins.stop - bins.start) / len(bins.genuine)
    parts = _grid(axes, [(tick / 5, f"{tick / 5:.1f}") for tick in range(math.ceil(bins.start * 5), 6)], [])
    for values, colour in zip(shares, (_GREEN, _RED), strict=True):
        corners = [(bins.start + (index + side) * step, value) for index, value in enumerate(values) for side in (0, 1)]
        outline = axes.path([(bins.start, 0.0), *corners, (bins.stop, 0.0)])
        parts.append(f'<polygon points="{outline}" fill="{colour}" fill-opacity="0.3" stroke="{colour}"/>')
    parts += [mark for row, level in enumerate(reversed(record.levels)) for mark in _threshold(axes, level, row)]
    parts += _titles(f"similarity of two pictures, {record.data} DevTest", "similarity", "share of pairs")
    parts.append(_text(axes.x(0.02), axes.y(max(shares[1]) / 2), "two people", _RED, "middle"))
    parts.append(_text(axes.x(0.75), axes.y(max(shares[0]) / 2), "one person", _GREEN, "middle"))
    return _svg(parts)


def _shares(counts: Sequence[int]) -> list[float]:
    total = max(1, sum(counts))
    return [count / total for count in counts]


def _steps(span: tuple[float, float]) -> list[tuple[float, str]]:
    low, high = (round(edge * 20) for edge in span)
    every = max(1, (high - low) // 5)
    return [(tick / 20, f"{tick / 20:.2f}") for tick in range(high, low - 1, -every)]


def _grid(axes: _Axes, across: Sequence[tuple[float, str]], up: Sequence[tuple[float, str]]) -> list[str]:
    top, bottom, left, right = _TOP, _HEIGHT - _BOTTOM, _LEFT, _WIDTH - _RIGHT
    parts = []
    for value, label in across:
        parts.append(_line(axes.x(value), top, axes.x(value), bottom, "#d8dee4"))
        parts.append(_text(axes.x(value), bottom + 18, label, _GREY, "middle"))
    for value, label in up:
        parts.append(_line(left, axes.y(value), right, axes.y(value), "#d8dee4"))
        parts.append(_text(left - 8, axes.y(value) + 4, label, _GREY, "end"))
    return parts


def _whisker(axes: _Axes, point: Point) -> str:
    x = axes.x(math.log10(point.fmr))
    bar = _line(x, axes.y(point.tar.low), x, axes.y(point.tar.high), _GREEN)
    return f'{bar}<circle cx="{x:.1f}" cy="{axes.y(point.tar.value):.1f}" r="4" fill="{_GREEN}"/>'


def _threshold(axes: _Axes, level: Level, row: int) -> list[str]:
    """A line that starts beside its label, below the labels of those further right."""
    x, y = axes.x(level.similarity), _TOP + 14 + 16 * row
    line = _line(x, y - 10, x, _HEIGHT - _BOTTOM, _GREY, dash=True)
    return [line, _text(x - 5, y, f"{level.similarity:.3f}: 1 in {1 / level.fmr:,.0f}", _GREY, "end")]


def _titles(top: str, across: str, up: str) -> list[str]:
    middle = _HEIGHT / 2
    return [
        _text(_WIDTH / 2, 22, top, "#1f2328", "middle"),
        _text(_WIDTH / 2, _HEIGHT - 12, across, _GREY, "middle"),
        f'<g transform="rotate(-90 16 {middle:.0f})">{_text(16, middle, up, _GREY, "middle")}</g>',
    ]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: bool = False) -> str:
    dashes = ' stroke-dasharray="4 3"' if dash else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashes}/>'


def _text(x: float, y: float, text: str, colour: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12">\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )

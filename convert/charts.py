"""The charts of docs/accuracy.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from convert.drawing import BOTTOM, GREEN, GREY, HEIGHT, RED, TOP, Axes, dot, grid, line, svg, text, titles
from convert.record import Level, Point, Record


def roc(record: Record) -> str:
    """TAR over FMR, logarithmic, of the test people; dots with intervals where the page has figures."""
    curve = [(math.log10(fmr), tar) for fmr, tar in record.curve if fmr > 0]
    lowest = min((tar for _, tar in curve), default=0.0)
    lowest = min([lowest, *(point.tar.low for point in record.points)])
    axes = Axes((-6.0, 0.0), (math.floor(lowest * 20) / 20, 1.0))
    parts = [
        *grid(axes, [(power, f"1e{power:.0f}") for power in range(-6, 1)], _steps(axes.up)),
        f'<polyline points="{axes.path(curve)}" fill="none" stroke="{GREEN}" stroke-width="2"/>',
        *(_whisker(axes, point) for point in record.points),
        *titles(
            f"{record.name} {record.quantization}: all-against-all, {record.data} DevTest",
            "share of impostor pairs accepted (FMR)",
            "share of genuine pairs accepted (TAR)",
        ),
    ]
    return svg(parts)


def det(record: Record) -> str:
    """FNMR over FMR of the test people, both logarithmic; the levels' thresholds as dots."""
    curve = [(math.log10(fmr), math.log10(1 - tar)) for fmr, tar in record.curve if fmr > 0 and tar < 1]
    axes = Axes((-6.0, 0.0), (-3.0, 0.0))
    levels = [(level.test_fmr.value, 1 - level.test_tar.value) for level in record.levels]
    parts = [
        *grid(axes, [(power, f"1e{power:.0f}") for power in range(-6, 1)], _DECADES),
        f'<polyline points="{axes.path(curve)}" fill="none" stroke="{GREEN}" stroke-width="2"/>',
        *(dot(axes, math.log10(fmr), math.log10(fnmr), GREEN) for fmr, fnmr in levels if fmr > 0 and fnmr > 0),
        *titles(
            f"{record.name} {record.quantization}: one comparison, {record.data} DevTest",
            "share of impostor pairs accepted (FMR)",
            "share of genuine pairs refused (FNMR)",
        ),
    ]
    return svg(parts)


_DECADES: Final = [(-3.0, "0.1 %"), (-2.0, "1 %"), (-1.0, "10 %"), (0.0, "100 %")]


def histogram(record: Record) -> str:
    """Genuine and impostor pairs of the test people by similarity, each as a share, with the card's thresholds."""
    bins = record.histogram
    shares = [_shares(bins.genuine), _shares(bins.impostors)]
    axes = Axes((bins.start, bins.stop), (0.0, max(map(max, shares)) * 1.1))
    step = (bins.stop - bins.start) / len(bins.genuine)
    parts = grid(axes, [(tick / 5, f"{tick / 5:.1f}") for tick in range(math.ceil(bins.start * 5), 6)], [])
    for values, colour in zip(shares, (GREEN, RED), strict=True):
        corners = [(bins.start + (index + side) * step, value) for index, value in enumerate(values) for side in (0, 1)]
        outline = axes.path([(bins.start, 0.0), *corners, (bins.stop, 0.0)])
        parts.append(f'<polygon points="{outline}" fill="{colour}" fill-opacity="0.3" stroke="{colour}"/>')
    parts += [mark for row, level in enumerate(reversed(record.levels)) for mark in _threshold(axes, level, row)]
    parts += titles(f"similarity of two pictures, {record.data} DevTest", "similarity", "share of pairs")
    parts.append(text(axes.x(0.02), axes.y(max(shares[1]) / 2), "two people", RED, "middle"))
    parts.append(text(axes.x(0.75), axes.y(max(shares[0]) / 2), "one person", GREEN, "middle"))
    return svg(parts)


def _shares(counts: Sequence[int]) -> list[float]:
    total = max(1, sum(counts))
    return [count / total for count in counts]


def _whisker(axes: Axes, point: Point) -> str:
    x = axes.x(math.log10(point.fmr))
    bar = line(x, axes.y(point.tar.low), x, axes.y(point.tar.high), GREEN)
    return bar + dot(axes, math.log10(point.fmr), point.tar.value, GREEN)


def _threshold(axes: Axes, level: Level, row: int) -> list[str]:
    """A line that starts beside its label, below the labels of those further right."""
    x, y = axes.x(level.similarity), TOP + 14 + 16 * row
    mark = line(x, y - 10, x, HEIGHT - BOTTOM, GREY, dash=True)
    return [mark, text(x - 5, y, f"{level.similarity:.3f}: 1 in {1 / level.fmr:,.0f}", GREY, "end")]


def _steps(span: tuple[float, float]) -> list[tuple[float, str]]:
    low, high = (round(edge * 20) for edge in span)
    every = max(1, (high - low) // 5)
    return [(tick / 20, f"{tick / 20:.2f}") for tick in range(high, low - 1, -every)]

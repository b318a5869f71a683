"""Charts as geometry: what to draw, in the units of a small page, and the same figures as a table.

Nothing here is markup: `templates/charts.html` turns a Chart into SVG with a title, a description and the table, and
the style sheet colours it by `css`. A chart of nothing has no figures and says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from edge.dashboard.story import shown
from edge.dashboard.values import Percentiles, Similarities, Uptime

WIDTH: Final = 480.0
_RIGHT: Final = 470.0
_LEFT: Final = 40.0


@dataclass(frozen=True, slots=True)
class Rect:
    x: float
    y: float
    width: float
    height: float
    css: str
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    x1: float
    y1: float
    x2: float
    y2: float
    css: str


@dataclass(frozen=True, slots=True)
class Label:
    """`anchor`: which end of the text is at x."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    css: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """`description` says the finding in a sentence; `rows` are the figures, one tuple of cells per row of the table.

    `legend`: (css, meaning). Drawn in the order lines, rects, labels, then `over`, the thresholds.
    """

    title: str
    description: str
    height: float
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[Line, ...] = ()
    rects: tuple[Rect, ...] = ()
    labels: tuple[Label, ...] = ()
    over: tuple[Line, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    width: float = WIDTH


def visits(spans: Sequence[tuple[str, int, int]]) -> Chart:
    """Granted and refused visits, one column per span: (label, granted, refused)."""
    bottom, top = 168.0, 14.0
    most = max((granted + refused for _, granted, refused in spans), default=0)
    peak = _round_up(most)
    step = (_RIGHT - _LEFT) / max(1, len(spans))
    rects: list[Rect] = []
    for number, (label, granted, refused) in enumerate(spans):
        x, wide = _LEFT + number * step + step * 0.12, step * 0.76
        tall, more = ((bottom - top) * count / peak for count in (granted, refused))
        tip = f"{label}: {granted} let in, {refused} refused"
        rects += [Rect(x, bottom - tall, wide, tall, "granted", tip)] if granted else []
        rects += [Rect(x, bottom - tall - more, wide, more, "refused", tip)] if refused else []
    lines, labels = _heights(peak, top, bottom)
    every = max(1, math.ceil(len(spans) / 8))
    labels += [
        Label(_LEFT + (number + 0.5) * step, bottom + 20, label, "middle")
        for number, (label, _, _) in enumerate(spans)
        if number % every == 0
    ]
    inside, kept_out = sum(one for _, one, _ in spans), sum(one for _, _, one in spans)
    return Chart(
        "Visits",
        f"{inside} visits were let in and {kept_out} refused; the busiest column has {most}.",
        200,
        ("When", "Let in", "Refused"),
        tuple((label, str(granted), str(refused)) for label, granted, refused in spans if granted or refused),
        lines=tuple(lines),
        rects=tuple(rects),
        labels=tuple(labels),
        legend=(("granted", "let in"), ("refused", "refused")),
    )


def reasons(counts: Sequence[tuple[str, int]]) -> Chart:
    """Refusals by reason, the most frequent first: (reason in words, count)."""
    most = max((count for _, count in counts), default=1)
    rects, labels = [], []
    for number, (name, count) in enumerate(counts):
        y = 8.0 + number * 40
        long = max(3.0, 410 * count / most)
        labels += [Label(0, y + 12, name, css="label"), Label(long + 8, y + 29, str(count))]
        rects.append(Rect(0, y + 18, long, 14, "refused", f"{name}: {count}"))
    worst = f" The most frequent reason was: {counts[0][0]}." if counts else ""
    return Chart(
        "Why visits were refused",
        f"{sum(count for _, count in counts)} refusals with {len(counts)} different reasons.{worst}",
        max(60.0, 12.0 + 40 * len(counts)),
        ("Reason", "Refusals"),
        tuple((name, str(count)) for name, count in counts),
        rects=tuple(rects),
        labels=tuple(labels),
    )


def similarities(people: Sequence[Similarities], edges: Sequence[float]) -> Chart:
    """How similar each person's visits were, against the threshold; who comes nearest to being refused stands first."""
    first = _first_edge(people, edges)
    edges = edges[first:]
    ordered = sorted(people, key=lambda one: -one.near)
    lines, rects, labels, over = [], [], [], []
    tall, row = 44.0, 98.0
    for number, one in enumerate(ordered):
        foot = 24.0 + number * row + tall
        note = f"{one.near:.0%} of the visits came close to being refused" if one.near else ""
        labels += [Label(0, foot - tall - 8, _name(one), css="label"), Label(_RIGHT, foot - tall - 8, note, "end")]
        lines.append(Line(0, foot, _RIGHT, foot, "axis"))
        rects += _histogram(one.granted[first:], one.refused[first:], edges, foot, tall)
        if one.threshold is not None:
            x = _across(one.threshold, edges)
            over.append(Line(x, foot - tall - 2, x, foot + 5, "sill"))
            labels.append(Label(x, foot + 19, f"{one.threshold:.2f} needed", "middle"))
        labels += [Label(0, foot + 19, f"{edges[0]:.1f}"), Label(_RIGHT, foot + 19, f"{edges[-1]:.1f}", "end")]
    close = [_name(one) for one in ordered if one.near]
    found = (
        f"Close to being refused now and then: {', '.join(close)}." if close else "Nobody was close to being refused."
    )
    return Chart(
        "Who is close to being refused",
        f"Similarity of each person's visits, against the threshold they have to reach. {found}",
        24.0 + row * len(ordered),
        ("Person", "Let in", "Refused", "Lowest let in", "Typical", "Needed", "Close to it"),
        tuple(_similarity_row(one) for one in ordered),
        lines=tuple(lines),
        rects=tuple(rects),
        labels=tuple(labels),
        over=tuple(over),
        legend=(("granted", "let in"), ("refused", "refused, and resembled them"), ("sill", "threshold")),
    )


def latency(percentiles: Percentiles) -> Chart:
    """From the picture to the decision, in milliseconds."""
    named = (("Half", percentiles.p50), ("95 of 100", percentiles.p95), ("99 of 100", percentiles.p99))
    known = [(name, value) for name, value in named if value is not None]
    most = max((value for _, value in known), default=0.0) or 1.0
    rects, labels = [], []
    for number, (name, value) in enumerate(known):
        y = 6.0 + number * 36
        long = max(3.0, 290 * value / most)
        labels += [Label(86, y + 15, name, "end", "label"), Label(106 + long, y + 15, f"{value:.0f} ms")]
        rects.append(Rect(98, y, long, 20, "plain", f"{name}: at most {value:.0f} ms"))
    half = percentiles.p50
    return Chart(
        "How fast the door decides",
        "No decision was timed."
        if half is None
        else f"Half of {percentiles.count} decisions took {half:.0f} ms or less.",
        6.0 + 36 * len(known),
        ("Share of the decisions", "At most"),
        tuple((name, f"{value:.0f} ms") for name, value in known),
        rects=tuple(rects),
        labels=tuple(labels),
    )


def uptime(doors: Sequence[Uptime]) -> Chart:
    """For which share of the time each door was reachable."""
    rects, labels, rows = [], [], []
    for number, one in enumerate(doors):
        y, known = 6.0 + number * 46, one.online + one.offline
        rest = max(0.0, 1.0 - known)
        there = f"{one.online / known:.1%}" if known > 0 else "not known"
        labels += [Label(0, y + 12, one.door, css="label"), Label(_RIGHT, y + 12, there, "end", "label")]
        x = 0.0
        for share, css, said in (
            (one.online, "up", "reachable"),
            (one.offline, "down", "away"),
            (rest, "unknown", "not watched"),
        ):
            if share > 0:
                rects.append(Rect(x, y + 19, share * _RIGHT, 16, css, f"{one.door}: {said} {share:.1%} of the time"))
            x += share * _RIGHT
        rows.append((one.door, there, f"{one.online:.2%}", f"{one.offline:.2%}", f"{rest:.2%}"))
    return Chart(
        "When the doors were reachable",
        ", ".join(f"{row[0]}: {row[1]} of the time it was watched" for row in rows) or "No door has been seen.",
        10.0 + 46 * len(doors),
        ("Door", "Of the time it was watched", "Reachable", "Away", "Not watched"),
        tuple(rows),
        rects=tuple(rects),
        labels=tuple(labels),
        legend=(("up", "reachable"), ("down", "away"), ("unknown", "not watched")),
    )


def _name(one: Similarities) -> str:
    return shown(one.name) or shown(one.person_id)


def _first_edge(people: Sequence[Similarities], edges: Sequence[float]) -> int:
    """Where the scale begins: at 0, or at the first visit that was less similar than that."""
    pairs = (pair for one in people for pair in enumerate(zip(one.granted, one.refused, strict=True)))
    used = [number for number, counts in pairs if any(counts)]
    zero = next((number for number, edge in enumerate(edges) if edge >= -1e-9), 0)
    return min([zero, *used])


def _histogram(
    let_in: Sequence[int], kept_out: Sequence[int], edges: Sequence[float], foot: float, tall: float
) -> list[Rect]:
    most = max(map(sum, zip(let_in, kept_out, strict=True)), default=0) or 1
    rects: list[Rect] = []
    for (low, high), granted, refused in zip(pairwise(edges), let_in, kept_out, strict=True):
        x, wide = _across(low, edges), max(1.0, _across(high, edges) - _across(low, edges) - 1)
        up, more = tall * granted / most, tall * refused / most
        tip = f"{low:.2f} to {high:.2f}: {granted} let in, {refused} refused"
        rects += [Rect(x, foot - up, wide, up, "granted", tip)] if granted else []
        rects += [Rect(x, foot - up - more, wide, more, "refused", tip)] if refused else []
    return rects


def _across(similarity: float, edges: Sequence[float]) -> float:
    share = (similarity - edges[0]) / (edges[-1] - edges[0])
    return min(1.0, max(0.0, share)) * _RIGHT


def _similarity_row(one: Similarities) -> tuple[str, ...]:
    figures = ("" if value is None else f"{value:.2f}" for value in (one.lowest, one.median, one.threshold))
    return (_name(one), str(sum(one.granted)), str(sum(one.refused)), *figures, f"{one.near:.0%}")


def _round_up(most: int) -> int:
    """A peak for the scale that ends on a round figure and splits into halves."""
    if most <= 4:
        return 4
    unit = 10 ** int(math.log10(most))
    return next(int(unit * step) for step in (1, 2, 4, 6, 8, 10) if unit * step >= most)


def _heights(peak: int, top: float, bottom: float) -> tuple[list[Line], list[Label]]:
    lines, labels = [], []
    for count in (0, peak // 2, peak):
        y = bottom - (bottom - top) * count / peak
        lines.append(Line(_LEFT, y, _RIGHT, y, "axis" if count == 0 else "grid"))
        labels.append(Label(_LEFT - 8, y + 4, str(count), "end"))
    return lines, labels

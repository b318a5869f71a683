"""The part of docs/siamese.md on tuning the shipped network, and its picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from convert.drawing import (
    BLUE,
    BOTTOM,
    GREEN,
    GREY,
    HEIGHT,
    LEFT,
    RED,
    TOP,
    WIDTH,
    Axes,
    dot,
    grid,
    line,
    svg,
    text,
    titles,
)
from convert.siamese.everybody import FMRS
from convert.siamese.run import Run
from convert.siamese.tuned import COSINE, KEPT_FMR, AtRate, Gain, Tuned
from convert.tables import flow, one_in, percent, table

PICTURE: Final = "siamese-tuned.svg"
DECIDES: Final = FMRS[0]
_DIFFERENCE: Final = "What each is above or below it, in points, with the 95 % interval of the paired difference:"
_COLOURS: Final = dict(zip(FMRS, (RED, BLUE, GREEN), strict=True))

Rows = Sequence[tuple[str, Run, Tuned]]


def section(rows: Rows) -> str:
    """Tables, picture and verdict; one sentence where nothing was tuned."""
    if not rows:
        return "No tuning of the shipped network has been judged yet."
    at = f"TAR at {one_in(DECIDES)}"
    learned = [
        (name, _learned(run), f"{tuned.before:.2%}", f"{tuned.after:.2%}", rate.by, percent(rate.tuned))
        for name, run, tuned in rows
        for rate in _deciding(tuned)
    ]
    shipped = percent(_deciding(rows[0][2])[0].shipped)
    gains = [
        (name, one.by, *(_points(rate.gain) for rate in tuned.rates if rate.by == one.by))
        for name, _, tuned in rows
        for one in _deciding(tuned)
    ]
    kept = [
        (name, one.data, f"{one.pictures:,}", f"{one.cosine_mean:.4f}", f"{one.cosine_least:.4f}",
         f"{one.shipped:.2%}", f"{one.tuned:.2%}")
        for name, _, tuned in rows
        for one in tuned.kept
    ]  # fmt: skip
    heads = ("row", "learns by", f"choosing people, {at}: before", "after", "compared by", f"test people, {at} (95 %)")
    agreement = (f"TAR at {one_in(KEPT_FMR)}, shipped", "tuned")
    return f"""\
{table(heads, learned)}

{flow(f"The shipped network's own is {shipped} on the same test people. {_DIFFERENCE}")}

{table(("row", "compared by", *(f"at {one_in(fmr)}" for fmr in FMRS)), gains)}

![How much larger the TAR of each tuned network is than the shipped one's, with intervals](pictures/{PICTURE})

{flow(_verdict(rows))}

What each network has kept of what it knew: the cosine between its embedding of a picture and the shipped network's, and
what both make of these people by cosine.

{table(("row", "pictures of", "pictures", "cosine, mean", "cosine, least", *agreement), kept)}"""


def drawing(rows: Rows) -> str:
    """The paired differences by cosine with their intervals, a line for each row and rate; 0 is the shipped network."""
    shown = [(name, rate) for name, _, tuned in rows for rate in tuned.rates if rate.by == COSINE]
    edges = [abs(100 * edge) for _, rate in shown for edge in (rate.gain.low, rate.gain.high)]
    reach = math.ceil(max(edges, default=1.0) * 2 + 1e-9) / 2
    axes = Axes((-1.9 * reach, reach), (0.0, max(1.0, float(len(shown)))))  # room for names on the left
    parts = grid(axes, [(step * reach / 2, f"{step * reach / 2:+.2f}") for step in range(-2, 3)], [])
    parts.append(line(axes.x(0), TOP, axes.x(0), HEIGHT - BOTTOM, GREY))
    for place, (name, rate) in enumerate(shown):
        height, colour, gain = len(shown) - place - 0.5, _COLOURS[rate.fmr], rate.gain
        y = axes.y(height)
        parts.append(line(axes.x(100 * gain.low), y, axes.x(100 * gain.high), y, colour))
        parts.append(dot(axes, 100 * gain.value, height, colour))
        if rate.fmr == FMRS[1]:
            parts.append(text(LEFT - 40, y + 4, name, GREY, "start"))
    for place, fmr in enumerate(FMRS):
        parts.append(text(WIDTH - 24, TOP + 14 + 16 * place, f"FMR {one_in(fmr)}", _COLOURS[fmr], "end"))
    across = "points, with 95 % of the draws of people"
    return svg([*parts, *titles("TAR of the test people by cosine, less the shipped network's", across, "")])


def _learned(run: Run) -> str:
    loss = f"{run.recipe}, {run.mining}" if run.recipe == "triplet" else run.recipe
    loss += f", the head alone for {run.head_first} x {run.steps} batches first" if run.head_first else ""
    stay = f"distillation {run.distil:g}" if run.distil else "no distillation"
    whom = f"{run.lookalikes} look-alikes" if run.lookalikes else "no look-alikes"
    return f"{loss}, {stay}, {whom}, rate {run.learning_rate:g}, {run.epochs} x {run.steps} batches"


def _points(gain: Gain) -> str:
    return f"{100 * gain.value:+.2f} ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})"


def _verdict(rows: Rows) -> str:
    """In plain words. Only an interval above 0 would be a reason to ship another network."""
    decisive = [(f"`{name}` by {rate.by}", rate.gain) for name, _, tuned in rows for rate in _deciding(tuned)]
    better = [name for name, gain in decisive if gain.low > 0]
    worse = [name for name, gain in decisive if gain.high < 0]
    if better:
        told = f"Better than the shipped network on people it never saw, with an interval above 0: {', '.join(better)}."
    else:
        told = (
            "**None of them is better than the shipped network as far as these people can tell**: no interval of a "
            f"difference at {one_in(DECIDES)} lies above 0. So none is shipped, and models/ is as it was."
        )
    told += f" Worse, with an interval below 0: {', '.join(worse)}." if worse else ""
    return f"{told} Each interval speaks for itself alone; of several rows, the best looks a little better than it is."


def _deciding(tuned: Tuned) -> list[AtRate]:
    return [rate for rate in tuned.rates if rate.fmr == DECIDES]

"""The part of docs/siamese.md on tuning the shipped network, and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from convert.drawing import BLUE, GREEN, GREY, HEIGHT, LEFT, RED, TOP, WIDTH, Axes, dot, grid, line, svg, text, titles
from convert.siamese.everybody import FMRS
from convert.siamese.run import Run
from convert.siamese.tuned import KEPT_FMR, AtRate, Gain, Tuned
from convert.tables import flow, one_in, percent, table

PICTURE: Final = "siamese-tuned.svg"
DECIDES: Final = FMRS[0]
_COLOURS: Final = {FMRS[0]: RED, FMRS[1]: BLUE, FMRS[2]: GREEN}

Rows = Sequence[tuple[str, Run, Tuned]]


def section(rows: Rows) -> str:
    """Tables, picture and verdict; one sentence where nothing was tuned."""
    if not rows:
        return "No tuning of the shipped network has been judged yet."
    heads = (
        "row",
        "learns by",
        "chosen by: before, after",
        "compared by",
        "TAR (95 %)",
        "shipped",
        "difference (95 %)",
    )
    lines = [_line(*row, rate) for row in rows for rate in row[2].rates if rate.fmr == DECIDES]
    others = [
        (name, rate.by, *(_points(rate.gain) for rate in rates))
        for name, _, tuned in rows
        for rates in [[rate for rate in tuned.rates if rate.by == by] for by in _ways(tuned)]
        for rate in rates[:1]
    ]
    agreement = (f"TAR at {one_in(KEPT_FMR)}, shipped", "tuned")
    kept = [
        (name, one.data, f"{one.pictures:,}", f"{one.cosine_mean:.4f}", f"{one.cosine_least:.4f}",
         f"{one.shipped:.2%}", f"{one.tuned:.2%}")
        for name, _, tuned in rows
        for one in tuned.kept
    ]  # fmt: skip
    return f"""\
{table(heads, lines)}

{flow(_verdict(rows))}

![How much larger the TAR of each tuned network is than the shipped one's, with intervals](pictures/{PICTURE})

The same differences at every false match rate, in points:

{table(("row", "compared by", *(one_in(fmr) for fmr in FMRS)), others)}

What each network has kept of what it knew: the cosine between its embedding of a picture and the shipped network's.

{table(("row", "pictures of", "pictures", "cosine, mean", "cosine, least", *agreement), kept)}"""


def drawing(rows: Rows) -> str:
    """The paired differences with their intervals, a line for each row and rate; 0 is the shipped network."""
    shown = [(f"{name}, {rate.by}", rate) for name, _, tuned in rows for rate in tuned.rates]
    reach = max([abs(edge) for _, rate in shown for edge in (rate.gain.low, rate.gain.high)], default=0.01) * 1.1
    axes = Axes((-100 * reach, 100 * reach), (0.0, max(1.0, float(len(shown)))))
    ticks = [(step * 50 * reach, f"{step * 50 * reach:+.2f}") for step in range(-2, 3)]
    parts = grid(axes, ticks, [])
    parts.append(line(axes.x(0), TOP, axes.x(0), HEIGHT - 52, GREY))
    for place, (name, rate) in enumerate(shown):
        height, colour = len(shown) - place - 0.5, _COLOURS[rate.fmr]
        parts.append(
            line(axes.x(100 * rate.gain.low), axes.y(height), axes.x(100 * rate.gain.high), axes.y(height), colour)
        )
        parts.append(dot(axes, 100 * rate.gain.value, height, colour))
        if rate.fmr == FMRS[0]:
            parts.append(text(LEFT + 6, axes.y(height) + 4, name, GREY, "start"))
    for place, fmr in enumerate(FMRS):
        parts.append(text(WIDTH - 24, TOP + 14 + 16 * place, f"FMR {one_in(fmr)}", _COLOURS[fmr], "end"))
    return svg(
        [
            *parts,
            *titles("TAR of the test people, less the shipped network's", "points, 95 % of the draws of people", ""),
        ]
    )


def _line(name: str, run: Run, tuned: Tuned, rate: AtRate) -> Sequence[str]:
    return (
        name,
        _learned(run),
        f"{tuned.before:.2%}, {tuned.after:.2%}",
        rate.by,
        percent(rate.tuned),
        percent(rate.shipped),
        _points(rate.gain),
    )


def _learned(run: Run) -> str:
    loss = f"{run.recipe}, {run.mining}" if run.recipe == "triplet" else run.recipe
    words = [loss]
    words.append(f"distillation {run.distil:g}" if run.distil else "no distillation")
    words.append(f"{run.lookalikes} look-alikes" if run.lookalikes else "strangers from everybody")
    return ", ".join([*words, f"rate {run.learning_rate:g}"])


def _points(gain: Gain) -> str:
    return f"{100 * gain.value:+.2f} ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})"


def _verdict(rows: Rows) -> str:
    """In plain words. Only an interval above 0 would be a reason to ship another network."""
    decisive = _decisive(rows)
    better = [f"`{name}` by {by}" for name, by, gain in decisive if gain.low > 0]
    worse = [f"`{name}` by {by}" for name, by, gain in decisive if gain.high < 0]
    if better:
        told = f"Better than the shipped network on people it never saw, with an interval above 0: {', '.join(better)}."
    else:
        told = (
            "**None of them is better than the shipped network as far as these people can tell**: no interval of a "
            f"difference at {one_in(DECIDES)} lies above 0. So none is shipped, and models/ is as it was."
        )
    told += f" Worse, with an interval below 0: {', '.join(worse)}." if worse else ""
    return f"{told} {len(decisive)} ways were tried on the same people, which favours the best of them a little."


def _decisive(rows: Rows) -> list[tuple[str, str, Gain]]:
    return [(name, rate.by, rate.gain) for name, _, tuned in rows for rate in tuned.rates if rate.fmr == DECIDES]


def _ways(tuned: Tuned) -> list[str]:
    return list(dict.fromkeys(rate.by for rate in tuned.rates))

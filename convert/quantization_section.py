"""The section "Quantization" of docs/accuracy.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from convert.drift import drawing
from convert.gate import LARGEST_LOSS, SMALLEST_COSINE, Loss, Verdict
from convert.quantization import COMMAND, NAME, Quantization
from convert.records import Records, one_of
from convert.speed import Plan
from convert.tables import one_in, table

_HEADS: Final = ("file", "bytes", "cosine, mean", "cosine, worst")
PICTURE: Final = "quantization-drift.svg"
_LARGEST: Final = f"{100 * LARGEST_LOSS:.1f}"
_STEPS: Final = """\
*Merge*: two convolutions of one pixel with nothing between them become one. *Invert slopes*: prelu(x, s) is
-s · prelu(-x, 1/s), so that no slope is beyond 1; the trained ones reach 9. *Equalize*: factors moved through the PReLU
give the channels of a tensor one range; *streams*: the same for what residual additions join. *PReLU as depthwise +
add*: x + relu((s - 1) · x), which XNNPACK has in int8, while each int8 PReLU falls off it; *multiply* is the same with
a multiplication, *two paths* makes the next convolution twice. *Correct biases*: by what rounding the weights adds on
average. None of them but the last changes what the float32 network computes. *Leave out L2*: a last
normalisation to unit length, which the door does itself; *fold normalisation*: batch normalisation into the convolution
before it. Both are for other networks: this one has neither."""


def section(records: Records) -> str:
    """The page's part, or nothing when there is no record for the shipped file."""
    found = one_of(records, NAME, Quantization)
    if found is None:
        return ""
    rates = [fmr for fmr, _ in found.tar]
    known = ", ".join(f"{tar:.2%} at {one_in(fmr)}" for fmr, tar in found.tar)
    losses = (f"TAR loss at {one_in(fmr)}, points" for fmr in rates)
    heads = (*_HEADS, *losses, "XNNPACK", "time, of float16's", "verdict")
    names = {verdict.name: verdict.sha256 == found.released for verdict in found.verdicts}
    rows = [_row(verdict, shipped=names[verdict.name]) for verdict in found.verdicts]
    steps = [(f"`{verdict.name}`", ", ".join(verdict.steps)) for verdict in found.verdicts if verdict.steps]
    return f"""\
## Quantization

Made by `{COMMAND}` with {found.runtime} on {found.machine},
one thread. Every file embeds the same {found.crops:,} crops of the {found.people:,} test people; the int8
ones are calibrated with the same {found.calibration_crops} crops of other people (seed {found.calibration_seed}).
A file passes when no crop's cosine with the network's own float32 is below {SMALLEST_COSINE} and the bound on each TAR
loss, the upper end of its 95 % interval, is at most {_LARGEST} points. The losses are against the shipped float32
({known}), all-against-all over {found.genuine:,} genuine
and {found.impostors:,} impostor pairs, each file at its own thresholds, and paired: the people are drawn anew for
both at once. Several ways were tried on the same people, which favours the best of them a little.

{table(heads, rows)}

*XNNPACK*: into how many parts the runtime cuts the file, and which operators fell off to slower code between them.
*Time*: the shortest of 200 runs, taken in turn with float16's. Another processor has other ratios; nothing here was
measured on a Raspberry Pi.

![How far the similarity of a pair is from float32's, file by file](pictures/{PICTURE})

{table(("file", "steps before the conversion"), steps)}

{_STEPS}"""


def drawings(records: Records) -> Mapping[str, str]:
    found = one_of(records, NAME, Quantization)
    return {} if found is None else {PICTURE: drawing(found.drift, found.name)}


def _row(verdict: Verdict, *, shipped: bool) -> tuple[str, ...]:
    name = f"**`{verdict.name}`**" if shipped else f"`{verdict.name}`"
    said = "refused: " + "; ".join(verdict.reasons) if verdict.reasons else "passes"
    return (
        name,
        f"{verdict.bytes:,}",
        f"{verdict.cosine_mean:.4f}",
        f"{verdict.cosine_min:.4f}",
        *map(_points, verdict.losses),
        _told(verdict.plan),
        f"{verdict.times_float16:.2f}",
        f"{said}, shipped" if shipped else said,
    )


def _points(loss: Loss) -> str:
    low, value, high = (round(100 * share, 2) + 0.0 for share in (loss.loss.low, loss.loss.value, loss.loss.high))
    return f"{value:.2f} ({low:.2f} - {high:.2f})" if low >= 0 else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _told(plan: Plan) -> str:
    parts = f"{plan.partitions} part{'s' * (plan.partitions != 1)}"
    return ", ".join([parts, *(f"{count} {name}" for name, count in plan.fell_off.items())])

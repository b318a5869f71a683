"""The door's part of docs/accuracy.md, and its picture, from `models/records/door.json`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from convert.door_record import DoorRecord, Rate, Row, Step
from convert.drawing import GREEN, GREY, Axes, dot, grid, line, svg, text, titles
from convert.records import Records, one_of
from convert.tables import flow, table

NAME: Final = "door"
PICTURE: Final = "door-errors.svg"
_USUAL: Final = ("everybody", 10, 10)
_LOWEST: Final = 1e-4  # what is drawn for a share of none


def section(records: Records) -> str:
    record = one_of(records, NAME, DoorRecord)
    if record is None:
        return ""
    parts = (
        _opening(record),
        _levels(record),
        _look_alikes(record),
        _numbers(record),
        _larger(record),
        _limits(record),
    )
    return flow("\n\n".join(parts))


def drawings(records: Records) -> Mapping[str, str]:
    record = one_of(records, NAME, DoorRecord)
    return {} if record is None else {PICTURE: curve(record)}


def _opening(record: DoorRecord) -> str:
    jitter, everybody = record.jitter, record.scenes["everybody"]
    return f"""\
## The door

Made by `{record.command}`: the whole rule at work, through the door's own code (`edge.access`:
enrolment checks, gallery, visits, {record.rule["frames_needed"]} of {record.rule["frames_window"]} frames and all).
*FPIR*: the share of strangers' visits that end with the door open. *FNIR*: the share of residents' visits that do not
end with the door open for them, for whatever reason.

**Visits are made of photographs.** Each one is a single photograph, jittered into {jitter.frames} frames
{jitter.every:g} s apart (roll ± {jitter.roll:g}°, shift ± {jitter.shift:g} px, light x {jitter.gain[0]:g} -
{jitter.gain[1]:g}, blur to {jitter.blur[1]:g} px, noise {jitter.noise:g} grey levels): its frames are far more alike
than those of somebody who moves, so that several frames protect less, and help less, than at a real door.
The {everybody["residents"]} people with more than ten pictures are residents ({everybody["resident_visits"]:,} visits,
never by a photograph they are enrolled with), the {everybody["strangers"]:,} people with one are strangers. Households
are drawn anew; everybody enrolled visits, and every stranger does once."""


def _levels(record: DoorRecord) -> str:
    rows = [_line(row) for row in record.rows]
    heads = ("level", "people", "enrolled", "references", "FPIR", "at most", "FNIR", "for another", "not enrolled")
    spread = min(record.rows, key=lambda row: row.galleries).galleries, max(row.galleries for row in record.rows)
    return f"""\
{table(heads, rows)}

Ranges in brackets: 95 % of {record.rounds:,} draws of the people anew. *At most*: the upper end of the 95 %
Clopper-Pearson interval as if each stranger came once, to one door: no number of galleries can replace strangers.
*For another*: residents' visits granted under another resident's name, part of the FNIR. *Not enrolled*: people whose
photographs did not agree with each other, or who were taken for somebody enrolled; others took their places.
{spread[0]} to {spread[1]} galleries for each line. *Test*: only people whom no threshold has seen.

{_reasons(record)}"""


def _reasons(record: DoorRecord) -> str:
    """Why residents were refused where the rule is as shipped."""
    row = next(
        one
        for one in record.rows
        if (one.people, one.enrolled, one.references) == _USUAL and one.security == "balanced"
    )
    told = ", ".join(f"{count:,} `{word}`" for word, count in sorted(row.reasons.items(), key=lambda item: -item[1]))
    return f"""\
Why residents were refused (`balanced`, ten enrolled with ten references; {row.fnir.visits:,} visits): {told}.
`no_usable_frame`: the gate turned down every frame. A visit here cannot get better: somebody refused for turning away
would have looked at the door a moment later. Some photographs also have the wrong name."""


def _line(row: Row) -> tuple[str, ...]:
    return (
        f"`{row.security}`",
        row.people,
        str(row.enrolled),
        str(row.references),
        _share(row.fpir),
        f"{row.fpir.bound_high:.2%}",
        _share(row.fnir),
        f"{row.mistaken.value:.2%}",
        f"{row.not_enrolled:.1%}",
    )


def _look_alikes(record: DoorRecord) -> str:
    rows = [
        (
            f"`{one.security}`",
            str(one.enrolled),
            str(one.references),
            _share(one.fpir),
            f"{one.fpir.events:,} of {one.fpir.visits:,}",
        )
        for one in record.look_alikes
    ]
    return f"""\
### When the stranger looks like a resident

Not every stranger, but for each resident the {record.look_alikes[0].nearest} most alike (1 % of them, by their only
photograph: the same that comes to the door), while that resident is enrolled; counted when the door opens under that
resident's name.

{table(("level", "enrolled", "references", "FPIR", "visits"), rows)}"""


def _numbers(record: DoorRecord) -> str:
    rows = [
        (
            f"`{step.setting}`",
            f"**{step.value}** (shipped)" if step.shipped else step.value,
            _share(step.fpir),
            _share(step.fnir),
        )
        for step in record.steps
    ]
    return f"""\
### The rule's numbers

The level `balanced`, ten people with ten references each, one number changed at a time.

{table(("number", "value", "FPIR", "FNIR"), rows)}

![FPIR and FNIR of the whole door over its detection threshold](pictures/{PICTURE})

{_verdict(record)}"""


def _verdict(record: DoorRecord) -> str:
    """What the curves say about the defaults: computed, so that it cannot outlive its figures."""
    sentences = []
    for setting in ("verification_threshold", "frames", "margin"):
        steps = [step for step in record.steps if step.setting == setting]
        shipped = next(step for step in steps if step.shipped)
        better = [step.value for step in steps if dominates(step, shipped)]
        others = ", ".join(_against(step, shipped) for step in steps if not step.shipped)
        said = "is questioned: clearly better was " + " and ".join(better) if better else "stands"
        sentences.append(f"- `{setting}` {shipped.value} {said} ({others}).")
    return f"""\
What that says about the defaults. One is *questioned* where another value has no higher FPIR and a lower FNIR, by more
than the ranges overlap; else it *stands*.

{_level(record)}
{chr(10).join(sentences)}
{_references(record.rows)}
- `dwell_seconds`, `refuse_after_seconds` and the other times cannot be judged by photographs, and were not."""


def _level(record: DoorRecord) -> str:
    """What the level that is shipped costs, beside the other two."""
    usual = {row.security: row for row in record.rows if (row.people, row.enrolled, row.references) == _USUAL}
    alike = {one.security: one.fpir for one in record.look_alikes}
    lax, shipped, strict = (usual[level] for level in ("convenience", "balanced", "strict"))
    return (
        f"- `security` `balanced` stands: `convenience` lets in {lax.fpir.value:.2%} of the strangers instead of "
        f"{shipped.fpir.value:.2%}, and {alike['convenience'].value:.2%} of the look-alikes instead of "
        f"{alike['balanced'].value:.2%}; `strict` refuses residents {strict.fnir.value - shipped.fnir.value:.2%} more "
        f"often, and is the level for households with relatives outside."
    )


def _references(rows: Sequence[Row]) -> str:
    """Whether twice the references are worth it."""
    usual = [row for row in rows if (row.people, row.security, row.enrolled) == ("everybody", "balanced", 10)]
    told = ", ".join(f"{row.references}: FPIR {row.fpir.value:.2%}, FNIR {_share(row.fnir)}" for row in usual)
    few, many = usual[0], usual[-1]
    said = "is better" if many.fnir.high < few.fnir.low else "is no clear gain here" + _so(few, many)
    return f"- `references` {many.references} rather than {few.references} {said} ({told})."


def _so(few: Row, many: Row) -> str:
    lower = many.fnir.value < few.fnir.value and many.fpir.value <= few.fpir.value
    return ", but costs nothing at the door" if lower else ""


def _against(step: Step, shipped: Step) -> str:
    fpir, fnir = step.fpir.value - shipped.fpir.value, step.fnir.value - shipped.fnir.value
    return f"{step.value}: FPIR {fpir:+.2%}, FNIR {fnir:+.2%}"


def dominates(step: Step, shipped: Step) -> bool:
    return step.fnir.high < shipped.fnir.low and step.fpir.value <= shipped.fpir.value


def _larger(record: DoorRecord) -> str:
    rows = [
        (
            f"`{one.security}`",
            str(one.enrolled),
            f"{one.fpir:.2%}" if one.fpir else "none seen",
            f"{one.high:.2%}",
            f"*from {one.from_enrolled}*",
        )
        for one in record.extrapolated
    ]
    return f"""\
### Larger households

**Extrapolated, not measured**: 1 - (1 - p)^n, where p is the share for one enrolled person in the largest households
above. *At most* starts from the larger of their two upper ends.{_check(record.rows)}

{table(("level", "enrolled", "FPIR", "at most", "extrapolated"), rows)}"""


def _check(rows: Sequence[Row]) -> str:
    """How well the formula carries from the smallest household to the largest, where something was measured."""
    usual = [
        row for row in rows if row.people == "everybody" and row.references == 10 and row.security == "convenience"
    ]
    if len(usual) < 2 or usual[0].fpir.value == 0:
        return ""
    small, large = usual[0], usual[-1]
    guess = 1 - (1 - small.fpir.value) ** (large.enrolled / small.enrolled)
    return (
        f" From {small.enrolled} to {large.enrolled} people at `convenience` the formula gives {guess:.2%} where "
        f"{large.fpir.value:.2%} was\nmeasured."
    )


def _limits(record: DoorRecord) -> str:
    del record
    return """\
A good photograph of a resident passes all of this: the simulation itself consists of nothing else."""


def _share(rate: Rate) -> str:
    if rate.events == 0:
        return f"none (at most {rate.bound_high:.2%})"
    return f"{rate.value:.2%} ({rate.low:.2%} - {rate.high:.2%})"


def curve(record: DoorRecord) -> str:
    """FNIR over FPIR, both logarithmic, a dot for each detection threshold; the shipped one in green."""
    steps = [step for step in record.steps if step.setting == "detection_threshold"]
    places = [(_log(step.fpir.value), _log(step.fnir.value), step) for step in steps]
    axes = Axes((-4.0, 0.0), (-2.0, 0.0))
    ticks = [(-4.0, "none"), (-3.0, "0.1 %"), (-2.0, "1 %"), (-1.0, "10 %"), (0.0, "100 %")]
    parts = [
        *grid(axes, ticks, [tick for tick in ticks if tick[0] >= -2]),
        f'<polyline points="{axes.path([place[:2] for place in places])}" fill="none" stroke="{GREY}"/>',
    ]
    for x, y, step in places:
        colour = GREEN if step.shipped else GREY
        low, high = axes.y(_log(step.fnir.low)), axes.y(_log(step.fnir.high))
        parts += [line(axes.x(x), low, axes.x(x), high, colour), dot(axes, x, y, colour)]
        parts.append(text(axes.x(x) + 8, axes.y(y) - 6, step.value, colour, "start"))
    parts += titles(
        "the whole door, ten people enrolled: detection thresholds",
        "strangers let in (FPIR)",
        "residents refused (FNIR)",
    )
    return svg(parts)


def _log(share: float) -> float:
    return math.log10(max(share, _LOWEST))

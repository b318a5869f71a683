"""`limen bench`: how fast this machine is. Ratios travel better than milliseconds: they are printed beside them."""

from __future__ import annotations

import contextlib
import io
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from edge.clock import SystemClock
from edge.commands.configuration import chosen_settings
from edge.errors import LimenError
from edge.service.measure import Figures, measure_door, measure_stages
from edge.service.measure_store import StoreFigures, measure_store
from edge.settings import CameraSettings

_Some = TypeVar("_Some", Figures, StoreFigures)

_BEGIN, _END = "<!-- begin: limen bench -->", "<!-- end: limen bench -->"
_STORE_BEGIN, _STORE_END = "<!-- begin: limen bench --store -->", "<!-- end: limen bench --store -->"
_PICTURES: Final = Path(".demo")


def execute(options: Namespace) -> int:
    """Measure and print; with --report write the table into a page, between its marks."""
    settings = chosen_settings(options)
    clock = SystemClock()
    if options.store:
        _tell(measure_store(clock), options, store_markdown, (_STORE_BEGIN, _STORE_END))
        return 0
    if options.demo:
        camera = CameraSettings(source=f"demo:{_PICTURES.absolute()}", fps=60.0)
        settings = msgspec.structs.replace(settings, camera=camera)
    figures = measure_stages(settings, clock, options.frames)
    if options.demo:
        with contextlib.redirect_stdout(io.StringIO()):  # the enrolment's prompts
            figures = msgspec.structs.replace(figures, door=measure_door(_PICTURES, clock))
    _tell(figures, options, as_markdown, (_BEGIN, _END))
    return 0


def store_markdown(figures: StoreFigures) -> str:
    """The table of docs/security.md."""
    where = figures.machine
    lines = [
        f"{where['cpu']} ({where['architecture']}), Python {where['python']}, {where['runtime']}.",
        f"{figures.people} people with {figures.references} references each; the median of {figures.times} runs.",
        "",
        "| what | ms |",
        "|---|---|",
        f"| open the store: lock, key, checks | {figures.open_ms:.2f} |",
        f"| read and open everybody in it | {figures.read_ms:.2f} |",
        f"| seal and add one person, durable on disk | {figures.add_ms:.2f} |",
    ]
    return "\n".join(lines)


def as_markdown(figures: Figures) -> str:
    """The tables of docs/performance.md."""
    where = figures.machine
    lines = [
        f"{where['cpu']} ({where['architecture']}), Python {where['python']}, {where['runtime']}.",
        f"One thread; {figures.frames} frames with a face, 640 by 480.",
        "",
        "| stage | median ms | 95th percentile ms | median, as a multiple of the embedder |",
        "|---|---|---|---|",
    ]
    lines += [f"| {name} | {one.p50:.2f} | {one.p95:.2f} | {one.ratio:.2f} |" for name, one in figures.stages.items()]
    if figures.door is not None:
        door = figures.door
        lines += [
            "",
            "| a whole door on the demo, somebody enrolled before | |",
            "|---|---|",
            f"| from the start of the process until it is `online` | {door.ready_seconds:.2f} s |",
            f"| … until the resident is let in, of which 0.6 s are the dwell | {door.first_grant_seconds:.2f} s |",
            f"| frames looked at a second (the demo gives 15) | {door.frames_per_second:.1f} |",
            f"| frames dropped | {door.frames_dropped} |",
            f"| most memory held by the main process | {door.peak_rss_megabytes:.0f} MB |",
        ]
    return "\n".join(lines)


def _tell(figures: _Some, options: Namespace, markdown: Callable[[_Some], str], marks: tuple[str, str]) -> None:
    print(msgspec.json.encode(figures).decode() if options.json else markdown(figures))
    if options.report is not None:
        _write_into(options.report, markdown(figures), marks)


def _write_into(page: Path, table: str, marks: tuple[str, str]) -> None:
    """Replace what stands between the marks. Raises LimenError when the page has none."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (begin and end):
        raise LimenError(f"{page}: has no lines {marks[0]} and {marks[1]}")
    page.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")
    print(f"wrote {page}", file=sys.stderr)

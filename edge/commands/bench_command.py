"""`limen bench`: how fast this machine is. Ratios travel better than milliseconds: they are printed beside them."""

from __future__ import annotations

import contextlib
import io
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from edge.clock import Clock, SystemClock
from edge.commands.configuration import chosen_settings
from edge.commands.dashboard_command import NOT_INSTALLED, installed
from edge.errors import LimenError
from edge.service.measure import DoorFigures, Figures, measure_door, measure_stages, measure_threads
from edge.service.measure_store import StoreFigures, measure_store
from edge.service.wear import VISITS_A_DAY, megabytes_a_day
from edge.settings import CameraSettings

if TYPE_CHECKING:  # its packages may not be installed
    from edge.service.measure_board import BoardFigures

_Some = TypeVar("_Some", "Figures", "StoreFigures", "BoardFigures")

_TABLES, _STORE_TABLES, _PROJECTION = "limen bench", "limen bench --store", "limen bench projection"
_BOARD_TABLES: Final = "limen bench --dashboard"

# How much longer one thread of a board takes than one of the machine at hand, where that is a desktop's: published
# times of the same networks (OpenCV's model zoo, YuNet to SFace) on a Raspberry Pi 4 are 7.5 to 13 times those of a
# Core i7-12700K, which our x86-64 machine equals with MobileNetV2; a Pi 5 is about 3 times as fast as a Pi 4.
_BOARDS: Final = {"Raspberry Pi 4": 10.0, "Raspberry Pi 5": 3.5}
_PICTURES: Final = Path(".demo")


def execute(options: Namespace) -> int:
    """Measure and print; with --report write the table into a page, between its marks."""
    settings = chosen_settings(options)
    clock = SystemClock()
    if options.store:
        _tell(measure_store(clock), options, store_markdown, _STORE_TABLES)
        return 0
    if options.dashboard:
        _tell(_board(clock), options, board_markdown, _BOARD_TABLES)
        return 0
    if options.demo:
        camera = CameraSettings(source=f"demo:{_PICTURES.absolute()}", fps=60.0)
        settings = msgspec.structs.replace(settings, camera=camera)
    figures = measure_stages(settings, clock, options.frames)
    threads = measure_threads(settings, clock, max(10, options.frames // 4))
    figures = msgspec.structs.replace(figures, threads=threads, megabytes_a_day=_wear(clock))
    if options.demo:
        with contextlib.redirect_stdout(io.StringIO()):  # the enrolment's prompts
            figures = msgspec.structs.replace(figures, door=measure_door(_PICTURES, clock))
    _tell(figures, options, as_markdown, _TABLES)
    if options.projection is not None:
        _write_into(options.projection, _PROJECTION, as_projection(figures))
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


def _board(clock: Clock) -> BoardFigures:
    if not installed():
        raise LimenError(NOT_INSTALLED)
    from edge.service.measure_board import measure_board

    return measure_board(clock)


def board_markdown(figures: BoardFigures) -> str:
    """The table of docs/dashboard.md."""
    where = figures.machine
    lines = [
        f"{where['cpu']} ({where['architecture']}), Python {where['python']}, {where['runtime']}.",
        f"{figures.events} visits, {figures.megabytes:.0f} MB; the median of {figures.times} runs.",
        f"Of many events at once, storing each took {figures.stored:.0f} µs.",
        "",
        "| what | ms |",
        "|---|---|",
        *(f"| {question} | {milliseconds:.1f} |" for question, milliseconds in figures.answers.items()),
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
    lines += ["", "| threads | a whole frame, median ms | 95th percentile ms |", "|---|---|---|"]
    lines += [f"| {count} | {one.p50:.2f} | {one.p95:.2f} |" for count, one in figures.threads.items()]
    if figures.temperature_celsius is not None:
        lines += ["", f"The processor was at {figures.temperature_celsius:.0f} °C afterwards."]
    if figures.megabytes_a_day is not None:
        lines += ["", f"A day with {VISITS_A_DAY} visits writes {figures.megabytes_a_day:.1f} MB to the disk."]
    return "\n".join([*lines, *_door_lines(figures.door)])


def _door_lines(door: DoorFigures | None) -> list[str]:
    if door is None:
        return []
    return [
        "",
        "| a whole door on the demo, somebody enrolled before | |",
        "|---|---|",
        f"| from the start of the process until it is `online` | {door.ready_seconds:.2f} s |",
        f"| … until the resident is let in, of which 0.6 s are the dwell | {door.first_grant_seconds:.2f} s |",
        f"| frames looked at a second (the demo gives 15) | {door.frames_per_second:.1f} |",
        f"| frames dropped | {door.frames_dropped} |",
        f"| most memory held by the main process | {door.peak_rss_megabytes:.0f} MB |",
    ]


def _wear(clock: Clock) -> float | None:
    """Measured where the command runs: /tmp may be a disk in memory."""
    try:
        return round(megabytes_a_day(Path.cwd(), clock), 1)
    except LimenError:
        return None


def as_projection(figures: Figures) -> str:
    """What a frame might cost on a board, from a measurement on an x86-64 machine. Raises LimenError on another."""
    if figures.machine["architecture"] != "x86_64":
        raise LimenError("a projection starts from an x86-64 machine; here the figures are measured ones")
    total = figures.stages["total"].p50
    lines = ["| *projected, not measured* | a decided frame | frames a second |", "|---|---|---|"]
    for board, factor in _BOARDS.items():
        lines.append(f"| {board} | about {total * factor:.0f} ms | about {1000 / (total * factor):.0f} |")
    return "\n".join(lines)


def _tell(figures: _Some, options: Namespace, markdown: Callable[[_Some], str], marks: str) -> None:
    print(msgspec.json.encode(figures).decode() if options.json else markdown(figures))
    if options.report is not None:
        _write_into(options.report, marks, markdown(figures))


def _write_into(page: Path, marks: str, table: str) -> None:
    """Replace what stands between the marks. Raises LimenError when the page has none."""
    opening, closing = f"<!-- begin: {marks} -->", f"<!-- end: {marks} -->"
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(opening)
    _, end, after = rest.partition(closing)
    if not (begin and end):
        raise LimenError(f"{page}: has no lines {opening} and {closing}")
    page.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")
    print(f"wrote {page}", file=sys.stderr)

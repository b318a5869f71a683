"""`limen-convert siamese-demo` and `siamese-report`: the whole story in one command, and every recipe side by side."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Final

from convert.commands_measure import DATA, pictures
from convert.commands_train import RUNS
from convert.errors import ConversionError
from convert.models import FOLDER
from convert.release import write_file
from convert.tensorflow import few_threads
from edge.clock import SystemClock

_ATT: Final = "att_faces"


def add(commands: Any) -> None:
    """Make both known."""
    show = commands.add_parser("siamese-demo", help="train a small network, convert it, and run a door with it")
    show.set_defaults(run=_demo)
    show.add_argument(
        "pictures", type=Path, nargs="?", metavar="DIR", help=f"folders of people (${DATA}/{_ATT}, or made-up ones)"
    )
    show.add_argument("--seeds", type=int, metavar="N", help="do it N times, each with other people, and count")
    show.add_argument("--out", type=Path, default=RUNS / "demo", metavar="DIR", help="(%(default)s)")
    show.add_argument("--threads", type=int, default=2, metavar="N", help="of TensorFlow (%(default)s)")

    report = commands.add_parser("siamese-report", help="train every recipe on LFW View 1 and write docs/siamese.md")
    report.set_defaults(run=_report)
    report.add_argument("rows", nargs="*", metavar="ROW", help="only these rows (all of them)")
    report.add_argument("--page", action="store_true", help="only write the page from the record")
    report.add_argument("--images", type=Path, metavar="DIR", help=f"LFW with its pairs files (${DATA}/lfw)")
    report.add_argument("--out", type=Path, default=RUNS / "report", metavar="DIR", help="the runs (%(default)s)")
    report.add_argument("--docs", type=Path, default=FOLDER.parent / "docs", metavar="DIR", help="(%(default)s)")
    report.add_argument("--threads", type=int, default=2, metavar="N", help="of TensorFlow (%(default)s)")


def _report(options: argparse.Namespace) -> None:
    few_threads(options.threads)
    from convert.siamese.comparison import RECORD, compare
    from convert.siamese.comparison_page import PAGE, page, tuned_rows
    from convert.siamese.tuned_section import PICTURE, drawing

    if not options.page:
        options.train = options.test = None
        images, _, _ = pictures(options)
        compare(images, options.out, options.docs / RECORD, options.rows, SystemClock())
    write_file(options.docs / PAGE, page(options.docs).encode())
    write_file(options.docs / "pictures" / PICTURE, drawing(tuned_rows(options.docs)).encode())
    print(options.docs / PAGE)


def _demo(options: argparse.Namespace) -> None:
    few_threads(options.threads)
    from convert.siamese.demo import RIGHT, Shown, demo, summary

    folder, clock = options.pictures or _people(options.out), SystemClock()
    if options.seeds is None:
        sys.exit(0 if len(demo(folder, options.out, clock).verdicts) == len(RIGHT) else 1)
    shown: list[Shown | None] = []
    for seed in range(1, options.seeds + 1):
        try:
            shown.append(demo(folder, options.out / f"seed-{seed}", clock, seed))
        except ConversionError as error:
            print(f"seed {seed}: {error}", flush=True)
            shown.append(None)
    print(summary(shown))


def _people(out: Path) -> Path:
    """The AT&T faces where they are at hand, else people who do not exist. Says which."""
    from convert.siamese.made_up import PEOPLE, make_up

    data = os.environ.get(DATA)
    if data and (folder := Path(data, _ATT)).is_dir():
        return folder
    print(
        f"No AT&T faces: {f'{data} has no {_ATT}' if data else f'{DATA} is not set'}. Training on {PEOPLE} made-up "
        "people instead,\nmixed and bent out of the demo's two pictures: they are easy to tell apart; what is learned "
        "from them\nis no good for real faces. `limen-convert siamese-demo DIR` takes your own."
    )
    return make_up(FOLDER.parent / ".demo", out / "made-up")

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
    show.add_argument("pictures", type=Path, nargs="?", metavar="DIR", help=f"folders of people (${DATA}/{_ATT})")
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
    from convert.siamese.demo import demo

    folder = options.pictures or Path(os.environ.get(DATA, ""), _ATT)
    if not folder.is_dir():
        raise ConversionError(f"{folder}: no folder of people; name one, or the parent of {_ATT} with {DATA}")
    sys.exit(demo(folder, options.out, SystemClock()))

"""`limen-convert siamese-demo` and `siamese-report`: the whole story in one command, and every recipe side by side."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Final

from convert.commands_measure import DATA
from convert.commands_train import RUNS
from convert.errors import ConversionError
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


def _demo(options: argparse.Namespace) -> None:
    few_threads(options.threads)
    from convert.siamese.demo import demo

    pictures = options.pictures or Path(os.environ.get(DATA, ""), _ATT)
    if not pictures.is_dir():
        raise ConversionError(f"{pictures}: no folder of people; name one, or the parent of {_ATT} with {DATA}")
    sys.exit(demo(pictures, options.out, SystemClock()))

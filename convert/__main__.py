"""`limen-convert`: bring models to the door, and measure them. Runs on a workstation, never on the device."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from convert import (
    commands_evaluate,
    commands_import,
    commands_measure,
    commands_quantize,
    commands_siamese,
    commands_train,
)
from convert.commands_import import announce
from convert.models import FOLDER, refresh_cards
from edge.errors import LimenError

_FAILED: Final = 1
_INTERRUPTED: Final = 130

_DESCRIPTION: Final = """\
Bring face models to the door, and prove what they are worth.

A model is two files: NAME.tflite, and NAME.json, its card: where it comes from, its sha256, and the thresholds the
door may decide with. The thresholds come from an evaluation and from nowhere else: a model without one opens no door.
"""
_EPILOG: Final = """\
examples:
  limen-convert import                   fetch, rebuild and convert the whole default chain into models/
  limen-convert import mesh              only the face mesh
  limen-convert import keras my.h5 --mean 127.5 --scale 127.5
                                         an embedder of your own, also out of a siamese model
  LIMEN_DATA=~/data limen-convert evaluate
                                         measure models/ on LFW (~/data/lfw): the thresholds of the card
  limen-convert evaluate --images ALBUM --json figures.json
                                         measure models/ on people of your own: one folder for each
  LIMEN_DATA=~/data limen-convert measure
                                         simulate doors, find look-alikes, alter pictures (an hour)
  LIMEN_DATA=~/data limen-convert quantize
                                         make four precisions, judge them, release the fastest that passes
  LIMEN_DATA=~/data limen-convert quantize my.h5 --model models/my.json
                                         the same with an embedder of your own, once it is imported
  limen-convert compare A.tflite B.tflite
                                         two embedder files side by side, on the same crops
  limen-convert release                  write the cards anew from the record
  limen-convert report                   write docs/accuracy.md from the records
  limen-convert faces SELFIES --out ALBUM
  limen-convert train ALBUM --recipe triplet
  limen-convert release build/siamese/triplet-small
                                         a siamese network of your own, from pictures to the door

`train` and what belongs to it, `quantize`, and `import` of mobilefacenet, keras and savedmodel, need TensorFlow;
`make models` sets it up in .venv-convert.
Exit codes: 0 done, 1 not done and nothing half written, 2 not understood, 130 interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except LimenError as error:
        print(f"limen-convert: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print("limen-convert: interrupted; nothing was half written", file=sys.stderr)
        return _INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("limen-convert", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=raw)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    commands_import.add(commands)

    commands_evaluate.add(commands)
    commands_measure.add(commands)
    commands_quantize.add(commands)
    commands_train.add(commands)
    commands_siamese.add(commands)

    cards = commands.add_parser("release", help="take a training to the door, or write the cards anew")
    cards.add_argument("training", type=Path, nargs="?", metavar="RUN", help="a finished training; without, only cards")
    cards.add_argument("--name", metavar="NAME", help="of its model (default: the run's folder's)")
    cards.add_argument("--licence", default="not stated", metavar="TEXT", help="of its weights, for the card")
    cards.set_defaults(run=_release)

    page = commands.add_parser("report", help="write the page of figures from the evaluation record")
    page.add_argument("--docs", type=Path, default=FOLDER.parent / "docs", metavar="DIR", help="where (%(default)s)")
    page.set_defaults(run=_report)

    pictures = commands.add_parser("pictures", help="fetch the two public-domain faces of the demo and the tests")
    pictures.add_argument("folder", type=Path, nargs="?", default=FOLDER.parent / ".demo", metavar="DIR")
    pictures.set_defaults(run=_pictures)

    for command in (cards, page):
        command.add_argument("--models", type=Path, default=FOLDER, metavar="DIR", help="the models (%(default)s)")
    return parser


def _release(options: argparse.Namespace) -> None:
    if options.training is not None:
        from convert.siamese.released import release_run

        card = release_run(options.training, options.models, options.name, options.licence)
        announce(card, options.models)
        print(f"`vision.embedder: {card.name}` in config.yaml takes it to the door, where everybody is enrolled anew")
        return
    for card in refresh_cards(options.models):
        announce(card, options.models)


def _report(options: argparse.Namespace) -> None:
    from convert.report import write_report

    for path in write_report(options.models, options.docs):
        print(path)


def _pictures(options: argparse.Namespace) -> None:
    from convert.pictures import fetch

    fetch(options.folder)


if __name__ == "__main__":
    sys.exit(main())

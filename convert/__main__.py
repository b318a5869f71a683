"""`limen-convert`: bring models to the door, and measure them. Runs on a workstation, never on the device."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from convert.errors import ConversionError
from convert.models import FOLDER, IMPORTS, refresh_cards
from edge.errors import LimenError
from edge.vision.cards import Card

_DATA: Final = "LIMEN_DATA"
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
  LIMEN_DATA=~/data limen-convert evaluate
                                         measure models/ on LFW (~/data/lfw) and keep the record
  limen-convert release                  write the record's thresholds into the cards
  limen-convert report                   write docs/accuracy.md from the record

Only `import mobilefacenet` needs TensorFlow; `make models` sets it up in .venv-convert.
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

    bring = commands.add_parser("import", help="make models from where their weights come from")
    bring.add_argument("source", nargs="*", metavar="SOURCE", help=f"{', '.join(IMPORTS)}; all of them without one")
    bring.set_defaults(run=_import)

    judge = commands.add_parser("evaluate", help="measure the models on pictures of many people, and keep the record")
    judge.add_argument("--images", type=Path, metavar="DIR", help=f"one folder for each person (default: ${_DATA}/lfw)")
    judge.add_argument("--train", type=Path, metavar="FILE", help="pairs for the thresholds (DIR/pairsDevTrain.txt)")
    judge.add_argument("--test", type=Path, metavar="FILE", help="pairs for the figures (DIR/pairsDevTest.txt)")
    judge.add_argument("--data", default="LFW View 1", metavar="NAME", help="what to call the pictures (%(default)s)")
    judge.set_defaults(run=_evaluate)

    cards = commands.add_parser("release", help="write the cards anew from the evaluation record")
    cards.set_defaults(run=_release)

    page = commands.add_parser("report", help="write the page of figures from the evaluation record")
    page.add_argument("--docs", type=Path, default=FOLDER.parent / "docs", metavar="DIR", help="where (%(default)s)")
    page.set_defaults(run=_report)

    pictures = commands.add_parser("pictures", help="fetch the two public-domain faces of the demo and the tests")
    pictures.add_argument("folder", type=Path, nargs="?", default=FOLDER.parent / ".demo", metavar="DIR")
    pictures.set_defaults(run=_pictures)

    for command in (bring, judge, cards, page):
        command.add_argument("--models", type=Path, default=FOLDER, metavar="DIR", help="the models (%(default)s)")
    return parser


def _import(options: argparse.Namespace) -> None:
    unknown = [name for name in options.source if name not in IMPORTS]
    if unknown:
        raise ConversionError(f"{unknown[0]}: unknown source (known: {', '.join(IMPORTS)})")
    for name in options.source or IMPORTS:
        print(f"Importing {name} ...", flush=True)
        _announce(IMPORTS[name](options.models), options.models)


def _evaluate(options: argparse.Namespace) -> None:
    from convert.embeddings import Device
    from convert.evaluate import evaluate
    from convert.record import FILE, write_record

    images = options.images or Path(os.environ.get(_DATA, ""), "lfw")
    if not images.is_dir():
        raise ConversionError(f"{images}: no folder of pictures; name one with --images, or its parent with {_DATA}")
    train = options.train or images / "pairsDevTrain.txt"
    test = options.test or images / "pairsDevTest.txt"
    record = evaluate(images, train, test, Device(options.models), options.data)
    write_record(options.models, record)
    for level in record.levels:
        print(f"FMR {level.fmr:<7g} similarity {level.similarity:.4f}  TAR {level.test_tar.value:.4f}")
    print(f"{options.models / FILE} is written; `limen-convert release` takes its thresholds into the cards")


def _release(options: argparse.Namespace) -> None:
    for card in refresh_cards(options.models):
        _announce(card, options.models)


def _report(options: argparse.Namespace) -> None:
    from convert.report import write_report

    for path in write_report(options.models, options.docs):
        print(path)


def _pictures(options: argparse.Namespace) -> None:
    from convert.pictures import fetch

    fetch(options.folder)


def _announce(card: Card, folder: Path) -> None:
    print(f"{folder / card.name}.tflite  {card.bytes} bytes, {card.quantization}, sha256 {card.sha256[:12]}...")
    if card.role == "embedder" and not card.thresholds:
        print(
            f"limen-convert: {card.name} has no evaluation record for these bytes, so its card has no thresholds and "
            "no door will decide with it: run `limen-convert evaluate`, then `limen-convert release`",
            file=sys.stderr,
        )


if __name__ == "__main__":
    sys.exit(main())

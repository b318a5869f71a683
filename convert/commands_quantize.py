"""`limen-convert quantize` and `compare`: what smaller files cost, what they win, and which one the door gets."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

import msgspec

from convert.commands_import import announce
from convert.commands_measure import DATA, pictures
from convert.errors import ConversionError
from convert.gate import Verdict
from convert.models import FOLDER
from convert.records import write_one
from convert.release import write_file
from edge.clock import SystemClock

_OUT: Final = FOLDER.parent / "build" / "quantized"
_RELEASES: Final = ("fastest", "none", "float32", "float16", "dynamic", "int8")


def add(commands: Any) -> None:
    """Make both known."""
    make = commands.add_parser("quantize", help="make four precisions of an embedder, judge them, release the fastest")
    make.add_argument(
        "network",
        type=Path,
        nargs="?",
        metavar="NETWORK",
        help="the .keras, .h5 or ONNX file, or the SavedModel, that --model was imported from (default: the shipped)",
    )
    make.add_argument("--model", type=Path, metavar="CARD", help="the card that `import` made of NETWORK")
    make.add_argument("--tower", metavar="LAYER", help="as it was said to `import`")
    make.add_argument("--calibration", type=Path, metavar="DIR", help="pictures of faces (default: the --images)")
    make.add_argument("--attempts", action="store_true", help="also every other way to int8 that is known here")
    make.add_argument("--release", choices=_RELEASES, default="fastest", help="into the models (default: %(default)s)")
    make.add_argument("--out", type=Path, default=_OUT, metavar="DIR", help="where all the files go (%(default)s)")
    make.set_defaults(run=_quantize)

    pair = commands.add_parser("compare", help="two embedder files side by side, on the same crops")
    pair.add_argument("first", type=Path, metavar="A", help="NAME.tflite with its card beside it")
    pair.add_argument("second", type=Path, metavar="B", help="another one")
    pair.add_argument("--json", type=Path, metavar="FILE", help="write the figures into a file as well")
    pair.set_defaults(run=_compare)

    for command in (make, pair):
        command.add_argument("--images", type=Path, metavar="DIR", help=f"one folder for each person (${DATA}/lfw)")
        command.add_argument("--train", type=Path, help=argparse.SUPPRESS)
        command.add_argument("--test", type=Path, metavar="FILE", help="pairs file that names the people to judge on")
        command.add_argument("--data", default="LFW View 1", metavar="NAME", help="what to call them (%(default)s)")
        command.add_argument("--models", type=Path, default=FOLDER, metavar="DIR", help="the models (%(default)s)")


def _quantize(options: argparse.Namespace) -> None:
    from convert.embedders import device_with
    from convert.quantization import NAME, Request, quantize, release_chosen
    from convert.recipes import ATTEMPTS, PRECISIONS
    from convert.subjects import imported, shipped

    if (options.network is None) != (options.model is None):
        raise ConversionError(
            "a network of your own needs both: the file, and with --model the card it was imported as"
        )
    images, _, test = pictures(options)
    recipes = [*PRECISIONS, *(ATTEMPTS if options.attempts else ())]
    request = Request(images, test, options.calibration or images, recipes, options.release, options.data)
    device = device_with(options.models, options.model)
    subject = imported(options.network, device.embedder, options.tower) if options.network else shipped()
    record, files = quantize(subject, device, request, SystemClock(), options.out)
    for verdict in record.verdicts:
        print(_line(verdict))
    print(f"{options.out}: the files, each with its card")
    print(write_one(options.models, NAME, record.released, record))
    if record.released != device.embedder.sha256:
        models = options.model.parent if options.model else options.models
        announce(release_chosen(subject, device, record, files, recipes, models), models)


def _line(verdict: Verdict) -> str:
    worst = max(loss.loss.high for loss in verdict.losses)
    passed = "; ".join(verdict.reasons) or "passes"
    return (
        f"{verdict.name:20} {verdict.bytes:>9,} bytes  cosine {verdict.cosine_mean:.4f} / {verdict.cosine_min:.4f}  "
        f"TAR loss <= {100 * worst:5.2f} points  {verdict.plan.partitions:>2} partitions  "
        f"{verdict.times_float16:5.2f} x float16  {passed}"
    )


def _compare(options: argparse.Namespace) -> None:
    from convert.compare import compare, lines
    from convert.embedders import device_with
    from convert.quantization import panel_of

    for path in (options.first, options.second):
        if not path.with_suffix(".json").is_file():
            raise ConversionError(f"{path}: has no card beside it, {path.with_suffix('.json').name}")
    images, _, test = pictures(options)
    panel = panel_of(images, test, device_with(options.models, options.first.with_suffix(".json")))
    found = compare(options.first, options.second, panel, SystemClock())
    print("\n".join(lines(found)))
    if options.json is not None:
        text = json.dumps(msgspec.to_builtins(found), indent=1, sort_keys=True)
        write_file(options.json, (text + "\n").encode())

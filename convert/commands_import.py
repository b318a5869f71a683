"""`limen-convert import`: the shipped models from where their weights come from, or an embedder of your own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from convert.bring import Description, bring, name_from, sha256_of
from convert.errors import ConversionError
from convert.models import FOLDER, IMPORTS
from convert.sources.imported import Imported, Wish
from edge.vision.align import TEMPLATES
from edge.vision.cards import Card

_EPILOG: Final = """\
A network of your own takes aligned faces and gives a vector. What it was trained on decides --mean and --scale:
(pixel - mean) / scale of 0-255 pixels; 127.5 and 127.5 make -1..1, 0 and 255 make 0..1, 0 and 1 leave them alone;
three numbers with commas are for its three channels. docs/models.md has the whole way to the door.
"""


def add(commands: Any) -> None:
    """Add `import` with its sources to the parser."""
    raw = argparse.RawDescriptionHelpFormatter
    bring_in = commands.add_parser(
        "import", help="make models from where their weights come from", epilog=_EPILOG, formatter_class=raw
    )
    bring_in.add_argument("--models", type=Path, default=FOLDER, metavar="DIR", help="the models (%(default)s)")
    bring_in.set_defaults(run=_import_shipped, source=None)
    sources = bring_in.add_subparsers(title="sources (all the shipped ones without one)", metavar="SOURCE")
    for name in IMPORTS:
        shipped = sources.add_parser(name, help="shipped")
        shipped.set_defaults(source=name)
        _add_folder(shipped)
    for name, (what, read) in _SOURCES.items():
        own = sources.add_parser(name, help=what, description=what, epilog=_EPILOG, formatter_class=raw)
        own.set_defaults(run=_import_own, read=read)
        _add_options(own)


def announce(card: Card, folder: Path) -> None:
    """Say what was written, and loudly what an embedder still lacks."""
    print(f"{folder / card.name}.tflite  {card.bytes} bytes, {card.quantization}, sha256 {card.sha256[:12]}...")
    for note in card.source.split("; ")[1:]:
        print(note)
    if card.score is not msgspec.UNSET:
        print(f"{card.name}: embeddings are compared by {'its own head' if card.score == 'head' else 'cosine'}")
    for step in card.thresholds:
        print(f"{card.name}: similarity {step.similarity:.4f} at FMR {step.fmr:g} ({step.data})")
    if card.role == "embedder" and not card.thresholds:
        print(
            f"limen-convert: {card.name} has no evaluation record for these bytes, so its card has no thresholds and "
            f"no door will decide with it: run `limen-convert evaluate --model {folder / card.name}.json`",
            file=sys.stderr,
        )


def _add_options(own: argparse.ArgumentParser) -> None:
    own.add_argument("path", type=Path, metavar="PATH", help="the network")
    own.add_argument("--mean", type=_numbers, required=True, metavar="X", help="subtracted from a pixel, 0-255")
    own.add_argument("--scale", type=_numbers, required=True, metavar="X", help="what the difference is divided by")
    own.add_argument("--order", choices=("RGB", "BGR"), default="RGB", help="of the channels (%(default)s)")
    own.add_argument("--size", type=int, metavar="PIXELS", help="of its pictures, where the network takes any size")
    own.add_argument("--tower", metavar="LAYER", help="where the embedding is, if that is not the network's end")
    own.add_argument("--template", choices=tuple(TEMPLATES), default="arcface112", help="of its faces (%(default)s)")
    own.add_argument("--name", metavar="NAME", help="of the model (default: its file's)")
    own.add_argument("--licence", default="not stated", metavar="TEXT", help="of its weights, for the card")
    own.add_argument("--source", metavar="TEXT", help="where it comes from, for the card (default: its file's name)")
    _add_folder(own)


def _add_folder(source: argparse.ArgumentParser) -> None:
    # No default: `import --models DIR SOURCE` has set it already.
    source.add_argument(
        "--models", type=Path, default=argparse.SUPPRESS, metavar="DIR", help="where it goes (default: models)"
    )


def _import_shipped(options: argparse.Namespace) -> None:
    for name in [options.source] if options.source else IMPORTS:
        print(f"Importing {name} ...", flush=True)
        announce(IMPORTS[name](options.models), options.models)


def _import_own(options: argparse.Namespace) -> None:
    path: Path = options.path
    print(f"Importing {path.name} ...", flush=True)
    said = Description(
        name=name_from(path) if options.name is None else options.name,
        mean=options.mean,
        scale=options.scale,
        order=options.order,
        template=options.template,
        source=options.source or path.name,
        licence=options.licence,
    )
    digest = sha256_of(path)
    network: Imported = options.read(path, Wish(options.size, options.tower, options.order))
    try:
        card = bring(options.models, network, said, digest)
    except ConversionError as error:
        raise ConversionError(f"{path.name}: {error}") from None
    announce(card, options.models)


def _numbers(text: str) -> float | tuple[float, ...]:
    """One number, or one for each channel."""
    numbers = tuple(map(float, text.split(",")))
    if len(numbers) not in {1, 3}:
        raise ValueError
    return numbers[0] if len(numbers) == 1 else numbers


def _keras(path: Path, wish: Wish) -> Imported:
    from convert.sources.keras_file import import_keras

    return import_keras(path, wish)


def _savedmodel(path: Path, wish: Wish) -> Imported:
    from convert.sources.savedmodel import import_savedmodel

    return import_savedmodel(path, wish)


def _onnx(path: Path, wish: Wish) -> Imported:
    from convert.sources.onnx_file import import_onnx

    return import_onnx(path, wish)


_SOURCES: Final[Mapping[str, tuple[str, Callable[[Path, Wish], Imported]]]] = {
    "keras": ("a .keras or .h5 file: an embedding network, or a siamese model", _keras),
    "savedmodel": ("a TensorFlow SavedModel: an embedding network, or a siamese model", _savedmodel),
    "onnx": ("an ONNX file; needs `make onnx` once", _onnx),
}

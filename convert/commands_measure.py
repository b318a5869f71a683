"""`limen-convert measure`: figures that take longer, each kept as a record of its own in models/records/."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from convert.embeddings import Device
from convert.errors import ConversionError
from convert.models import FOLDER
from convert.record import read_records
from convert.records import write_one

DATA: Final = "LIMEN_DATA"


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to measure with."""

    images: Path
    train: Path
    test: Path
    models: Path
    device: Device
    data: str


def add(commands: Any) -> None:
    """Make `measure` known."""
    parser = commands.add_parser("measure", help="simulate doors, find look-alikes, alter pictures; keep the records")
    parser.add_argument("kind", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)}; all of them without one")
    parser.add_argument("--images", type=Path, metavar="DIR", help=f"one folder for each person (${DATA}/lfw)")
    parser.add_argument(
        "--train", type=Path, metavar="FILE", help="pairs of the training people (DIR/pairsDevTrain.txt)"
    )
    parser.add_argument("--test", type=Path, metavar="FILE", help="pairs of the test people (DIR/pairsDevTest.txt)")
    parser.add_argument("--data", default="LFW View 1", metavar="NAME", help="what to call the pictures (%(default)s)")
    parser.add_argument("--models", type=Path, default=FOLDER, metavar="DIR", help="the models (%(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    unknown = [kind for kind in options.kind if kind not in KINDS]
    if unknown:
        raise ConversionError(f"{unknown[0]}: unknown kind of figures (known: {', '.join(KINDS)})")
    material = Material(*pictures(options), options.models, Device(options.models), options.data)
    for kind in options.kind or KINDS:
        print(f"Measuring {kind} ...", flush=True)
        print(write_one(options.models, kind, material.device.embedder.sha256, KINDS[kind](material)))


def pictures(options: argparse.Namespace) -> tuple[Path, Path, Path]:
    """The folder of pictures and its two pairs files, as named or as usual."""
    images = options.images or Path(os.environ.get(DATA, ""), "lfw")
    if not images.is_dir():
        raise ConversionError(f"{images}: no folder of pictures; name one with --images, or its parent with {DATA}")
    return images, options.train or images / "pairsDevTrain.txt", options.test or images / "pairsDevTest.txt"


def _door(material: Material) -> Struct:
    from convert.door_runs import measure_door

    return measure_door(material.images, material.train, material.test, material.device, material.data)


def _lookalikes(material: Material) -> Struct:
    from convert.lookalikes import measure_lookalikes

    return measure_lookalikes(material.images, material.train, material.test, material.device, material.data)


def _people(material: Material) -> Struct:
    from convert.people import measure_people

    return measure_people(material.images, material.test, material.device, material.data)


def _robustness(material: Material) -> Struct:
    from convert.robustness import measure_robustness

    sha256 = material.device.embedder.sha256
    record = read_records(material.models).get(sha256)
    if record is None:
        raise ConversionError(f"no evaluation record of {sha256[:12]}: run `limen-convert evaluate` first")
    threshold = record.pairs.similarity
    return measure_robustness(material.images, material.test, threshold, material.device, material.data)


def _detectors(material: Material) -> Struct:
    from convert.detectors import measure_detectors

    return measure_detectors(material.images, material.test, material.models, material.data)


KINDS: Final[Mapping[str, Callable[[Material], Struct]]] = {
    "people": _people,
    "door": _door,
    "look-alikes": _lookalikes,
    "robustness": _robustness,
    "detectors": _detectors,
}

"""`limen-convert evaluate`: measure the models for their cards, or anything at all into a JSON file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from convert.commands_import import announce
from convert.commands_measure import DATA, pictures
from convert.datasets import everybody, identities, pictured, read_groups, read_pairs
from convert.embedders import by_program, device_with
from convert.embeddings import Embedded, embed_on_device
from convert.errors import ConversionError
from convert.evaluate import evaluate
from convert.measurement import Judged, Measurement, by_everybody, by_pairs
from convert.models import FOLDER, answered
from convert.record import FILE, judged, write_record
from convert.release import release_card, write_file

_ONE = """\
With --json, one folder of people is measured and nothing in the models folder changes: the pairs of --pairs (k-fold,
each fold with the threshold of the others), or everybody against everybody without it (TAR at FMR, open-set
identification, the worst pairs, and with --groups the people of one group against each other).
"""


def add(commands: Any) -> None:
    """Make `evaluate` known."""
    parser = commands.add_parser(
        "evaluate", help="measure the models on pictures of many people: the thresholds of the card", description=_ONE
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help=f"one folder for each person (default: ${DATA}/lfw)")
    parser.add_argument("--train", type=Path, metavar="FILE", help="pairs for the thresholds (DIR/pairsDevTrain.txt)")
    parser.add_argument("--test", type=Path, metavar="FILE", help="pairs for the figures (DIR/pairsDevTest.txt)")
    parser.add_argument("--data", default="LFW View 1", metavar="NAME", help="what to call the pictures (%(default)s)")
    parser.add_argument("--models", type=Path, default=FOLDER, metavar="DIR", help="the models (%(default)s)")
    parser.add_argument(
        "--model", type=Path, metavar="CARD", help="the card of another embedder, its .tflite beside it"
    )
    one = parser.add_argument_group("one folder of people, into a file")
    one.add_argument("--json", type=Path, metavar="OUT", help="where the figures go")
    one.add_argument("--pairs", type=Path, metavar="FILE", help="measure these pairs, in the format of LFW")
    one.add_argument("--groups", type=Path, metavar="CSV", help="`name,group`: a row of figures for each group")
    one.add_argument("--detector", metavar="NAME", help="another detector, as in vision.detector")
    one.add_argument("--program", metavar="COMMAND", help="embed with a program that talks like `limen probe --stdin`")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    images, train, test = pictures(options)
    if options.json is not None:
        _into_file(options, images)
        return
    for name in ("pairs", "groups", "detector", "program"):
        if getattr(options, name) is not None:
            raise ConversionError(f"--{name} is for one folder of people: name the file for its figures with --json")
    device = device_with(options.models, options.model)
    record = evaluate(images, train, test, device, options.data)
    write_record(options.models, record)
    for level in record.levels:
        print(f"FMR {level.fmr:<7g} similarity {level.similarity:.4f}  TAR {level.test_tar.value:.4f}")
    print(f"{options.models / FILE} is written")
    folder = options.model.parent if options.model else options.models
    card = answered(judged(device.embedder, options.models), folder)
    release_card(folder, card)
    announce(card, folder)


def _into_file(options: argparse.Namespace, images: Path) -> None:
    measured = measure(options, images)
    write_file(options.json, msgspec.json.format(msgspec.json.encode(measured), indent=1) + b"\n")
    for line in summary(measured):
        print(line)
    print(options.json)


def measure(options: argparse.Namespace, images: Path) -> Measurement:
    """Embed the pictures that are asked for, and measure them."""
    if options.program is not None and (options.model is not None or options.detector is not None):
        raise ConversionError("--program embeds by itself: --model and --detector mean nothing to it")
    if options.pairs is not None and options.groups is not None:
        raise ConversionError("--groups is for everybody against everybody: leave out --pairs")
    folds = () if options.pairs is None else read_pairs(options.pairs, images)
    people = pictured(folds) if folds else identities(images, everybody(images))
    groups = None if options.groups is None else read_groups(options.groups, people.names)
    by, found, thresholds = _embedded(options, people.pictures)
    if folds:
        return by_pairs(folds, people, found, by, images)
    return by_everybody(people, found, by, images, thresholds, groups)


def _embedded(options: argparse.Namespace, files: tuple[Path, ...]) -> tuple[Judged, Embedded, tuple[Any, ...]]:
    if options.program is not None:
        return Judged(options.program, "a program"), by_program(options.program, files), ()
    device = device_with(options.models, options.model, options.detector)
    return Judged.of(device), embed_on_device(files, device), device.embedder.thresholds


def summary(measured: Measurement) -> list[str]:
    """The figures in a few lines."""
    got, pairs, every = measured.acquisition, measured.pairs, measured.everybody
    lines = [f"{got.pictures} pictures of {got.people} people, {got.not_acquired} without a usable face"]
    if pairs is not None:
        lines.append(
            f"{pairs.pairs} pairs, {pairs.folds} folds: accuracy {pairs.accuracy:.4f} ± {pairs.standard_error:.4f}, "
            f"precision {pairs.precision:.4f}, recall {pairs.recall:.4f}, F1 {pairs.f1:.4f}"
        )
    if every is not None:
        lines += [f"TAR {point.tar.value:.4f} at FMR {point.fmr:g} ({point.similarity:.4f})" for point in every.points]
    if measured.open_set is not None:
        lines += [f"open set: TPIR {one.tpir.value:.4f} at FPIR {one.fpir:g}" for one in measured.open_set.points]
    for group in measured.groups:
        told = ", ".join(f"FMR {at.fmr.value:.2g} TAR {at.tar.value:.4f} at {at.similarity:.4f}" for at in group.card)
        lines.append(f"{group.name}: {told}")
    return lines

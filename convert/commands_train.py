"""`limen-convert faces`, `capture` and `train`: from pictures to faces, and from faces to a siamese network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from convert.embeddings import Device
from convert.errors import ConversionError
from convert.models import FOLDER
from convert.siamese.augment import Augment
from convert.siamese.backbones import BACKBONES
from convert.siamese.crops import Detector
from convert.siamese.faces import SHEET, Cutting, capture, cut_folder, told
from convert.siamese.losses import Mining
from convert.siamese.run import Recipe, Run
from convert.tensorflow import few_threads
from edge.clock import SystemClock
from edge.settings import VisionSettings

RUNS: Final = FOLDER.parent / "build" / "siamese"
_KNOBS: Final = {
    "size": "pixels a side",
    "embedding": "numbers in an embedding; 0: the backbone's pooled features",
    "margin": "of the losses of distance",
    "head_first": "epochs in which the head learns alone, on the tower of --weights as it is",
    "distil": "weight of staying with what --weights said of each face",
    "lookalikes": "strangers are drawn from so many nearest people, by --weights; 0: from everybody",
    "negatives": "pairs of two people for each pair of one",
    "batch": "pairs in a step, or pictures for triplets",
    "each": "pictures of each person in a batch of triplets",
    "steps": "batches in an epoch",
    "epochs": "at most",
    "patience": "epochs without a better one until it stops",
    "learning_rate": "of Adam",
    "settle": "batches after each epoch that only tell batch normalisation what is seen",
    "judge_pairs": "pairs to stop by, and to judge on",
    "seed": "of everything that is drawn",
}
_CHOICES: Final = {
    "recipe": (get_args(Recipe), "what is learned, and by which loss"),
    "backbone": (BACKBONES, "the network"),
    "detector": (get_args(Detector), "who finds the faces; none: the pictures are faces already"),
    "augment": (get_args(Augment), "how pictures are changed whenever they are seen; light is recipe A's way"),
    "mining": (get_args(Mining), "which triplets of a batch"),
    "protocol": (("people", "lfw"), "who learns and who judges; lfw: View 1 and its pairs"),
    "head": (("one", "three"), "dense layers before the verdict, of siamese-bce and features"),
    "schedule": (("constant", "cosine"), "of the learning rate"),
    "best_by": (("auc", "tar"), "what the best epoch has most of"),
    "precision": (("auto", "float32", "bfloat16"), "auto: bfloat16 on a GPU"),
}
_WEIGHTS: Final = (
    "what it begins with: nothing, ImageNet's (fetched now), the shipped embedder's (of mobilefacenet), or the "
    "tower.keras of a run (%(default)s)"
)
_SHARES: Final = "of the people: to learn from, to stop by, to judge on (0.6,0.2,0.2)"
_EPILOG: Final = """\
The same command goes on after ctrl-C or a power cut. The run's folder holds config.json, metrics.csv, report.html,
result.json and the network; `limen-convert release RUN` takes it to the door. docs/siamese.md has the whole story.
"""


def add(commands: Any) -> None:
    """Make all three known."""
    _add_faces(commands)
    raw = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        "train", help="train a siamese network on a folder of people", epilog=_EPILOG, formatter_class=raw
    )
    parser.add_argument("pictures", type=Path, metavar="DIR", help="one folder of pictures for each person")
    defaults = Run()
    for name, (choices, meaning) in _CHOICES.items():
        value = getattr(defaults, name)
        parser.add_argument(_option(name), choices=choices, default=value, help=f"{meaning} ({value})")
    parser.add_argument("--weights", default=defaults.weights, metavar="none|imagenet|published|FILE", help=_WEIGHTS)
    parser.add_argument("--standardise", action="store_true", help="divide features by their deviations")
    for name, meaning in _KNOBS.items():
        value = getattr(defaults, name)
        parser.add_argument(_option(name), type=type(value), default=value, metavar="X", help=f"{meaning} ({value})")
    parser.add_argument("--shares", type=_shares, default=defaults.shares, metavar="A,B,C", help=_SHARES)
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="of TensorFlow (%(default)s)")
    parser.add_argument("--out", type=Path, metavar="RUN", help="the run's folder (build/siamese/RECIPE-BACKBONE)")
    parser.set_defaults(run=run)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _add_faces(commands: Any) -> None:
    cut = commands.add_parser("faces", help="cut one aligned face out of each picture in a folder")
    cut.add_argument("pictures", type=Path, metavar="DIR", help="pictures, or one folder of them for each person")
    cut.set_defaults(run=_faces)
    take = commands.add_parser("capture", help="take faces of one person from a camera, a video or a folder")
    take.add_argument("name", metavar="NAME", help="whose: the name of their folder")
    take.add_argument(
        "--source",
        default="usb:0",
        metavar="CAMERA",
        help="as in camera.source: usb:0, file:CLIP, dir:FOLDER (%(default)s)",
    )
    take.add_argument("--count", type=int, default=20, metavar="N", help="how many (%(default)s)")
    take.set_defaults(run=_capture)
    for command in (cut, take):
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the people's folders go")
        command.add_argument("--size", type=int, default=112, metavar="PIXELS", help="of a side (%(default)s)")
        command.add_argument("--detector", choices=("blazeface", "mtcnn", "haar"), default="blazeface")


def _faces(options: argparse.Namespace) -> None:
    _tell(cut_folder(options.pictures, options.out, _device(options), options.size))


def _capture(options: argparse.Namespace) -> None:
    device, clock = _device(options), SystemClock()
    _tell(capture(options.source, options.name, options.out, options.count, device, options.size, clock))


def _device(options: argparse.Namespace) -> Device:
    if not 16 <= options.size <= 512 or getattr(options, "count", 1) < 1:
        raise ConversionError("--size is from 16 to 512, and --count at least 1")
    return Device(FOLDER, VisionSettings(detector=options.detector))


def _tell(cutting: Cutting) -> None:
    for note in told(cutting):
        print(f"note: {note}")
    print(f"{cutting.faces} faces in {cutting.out}; {cutting.out / SHEET} shows them")


def run(options: argparse.Namespace) -> None:
    few_threads(options.threads)
    from convert.siamese.train import train

    settings = settings_of(options)
    folder = options.out or RUNS / f"{settings.recipe}-{settings.backbone}"
    result = train(settings, folder, SystemClock())
    figures = result.figures
    told = figures.accuracy
    print(
        f"{len(result.people['test'])} people nobody learned from, {figures.pairs} pairs: accuracy {told.value:.3f} "
        f"({told.low:.3f} - {told.high:.3f}), AUC {figures.auc:.4f}, TAR {figures.tar:.3f} at FMR {figures.fmr:g}"
    )
    print(folder)


def settings_of(options: argparse.Namespace) -> Run:
    """The knobs as they were said. Raises ConversionError naming one that cannot be."""
    said = {name: getattr(options, name) for name in Run.__struct_fields__ if hasattr(options, name)}
    said["pictures"] = str(options.pictures.resolve())  # the same folder however it is named
    try:
        return msgspec.convert(said, Run)
    except msgspec.ValidationError as error:
        raise ConversionError(f"train: {error}") from None


def _shares(text: str) -> tuple[float, float, float]:
    first, second, third = map(float, text.split(","))
    if min(first, second, third) <= 0:
        raise ValueError
    return first, second, third

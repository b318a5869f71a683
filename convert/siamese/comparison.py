"""`make siamese-report`: every recipe on the same people, one run each, beside the shipped network.

Each row is a run of its own folder: what is finished is not trained again, what was killed goes on. A row that was not
run is told as not run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from convert.embeddings import Device, embed_on_device
from convert.errors import ConversionError
from convert.models import FOLDER
from convert.release import write_file
from convert.siamese.album import scan
from convert.siamese.backbones import PUBLISHED
from convert.siamese.judge import Figures, chosen_threshold, judged
from convert.siamese.parts import Parts, split_lfw
from convert.siamese.released import read_result
from convert.siamese.run import Run, check_run
from convert.siamese.sampling import draw_pairs, of_fold, seeded
from convert.siamese.train import RESULT, Result, train
from convert.siamese.tuned import Tuned, tuned_figures
from edge.clock import Clock

RECORD: Final = "siamese.json"
SHIPPED: Final = "shipped"
ATT: Final = "att_faces"
_THEIRS: Final = " (±0.035) on 200 pairs of LFW DevTrain"


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """One row: the article's system (A to E), what differs from it here, and the training."""

    name: str
    system: str
    instead: str  # what the article had, "" where there is none
    run: Run
    theirs: str = ""  # the article's own figures
    accuracy: float | None = None  # the article's, where it is to be beaten on the pairs of DevTest


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """What a recipe came to; `figures` is None where it was not run."""

    name: str
    figures: Figures | None = None
    parameters: int = 0
    epochs: int = 0
    seconds: float = 0.0
    tuned: Tuned | None = None


class Comparison(Struct, frozen=True, forbid_unknown_fields=True):
    """docs/siamese.json: the rows, and the people of `data` they were judged on."""

    data: str
    people: dict[str, int]
    rows: tuple[Row, ...]


# All from scratch, unless `weights` says otherwise, and of a size that two cores can bear.
_BASE: Final = Run(protocol="lfw", shares=(0.85, 0.1, 0.05), epochs=8, steps=100, patience=3)


def _run(**knobs: Any) -> Run:
    return msgspec.structs.replace(_BASE, **knobs)


def _e(**knobs: Any) -> Run:
    made = {"margin": 0.5, "batch": 64, "steps": 25, "augment": "light", "schedule": "cosine", "settle": 8, **knobs}
    return _run(recipe="triplet", detector="mtcnn", **made)


def _on_shipped(**knobs: Any) -> Run:
    """Heads on what the shipped network says of a face: what the recipes do with a tower that knows faces."""
    return _run(
        recipe="features", backbone="mobilefacenet", weights=PUBLISHED, size=112, embedding=192, epochs=30, **knobs
    )


def _tuned(**knobs: Any) -> Run:
    """More people choose here than elsewhere: what there is to gain is small, and rare errors tell it."""
    common: dict[str, Any] = {
        "backbone": "mobilefacenet", "weights": PUBLISHED, "size": 112, "embedding": 192, "augment": "light",
        "shares": (0.7, 0.3, 0.05), "best_by": "tar", "learning_rate": 3e-5, "epochs": 2, "patience": 9,
    }  # fmt: skip
    return _run(**{**common, **knobs})


_TRIPLETS: Final[dict[str, Any]] = {"recipe": "triplet", "mining": "hard", "margin": 0.6, "batch": 48, "steps": 60}
_PAIRS: Final[dict[str, Any]] = {"batch": 24, "steps": 30, "epochs": 1}
_TUNED: Final = "shipped, tuned"

RECIPES: Final[Sequence[Recipe]] = (
    Recipe(
        "a-resnet50",
        "A",
        "224 x 224, VGGFace weights, own webcam pictures",
        _run(
            recipe="siamese-bce", backbone="resnet50", detector="mtcnn", size=64, embedding=0, augment="light",
            batch=32, learning_rate=1e-3, steps=40, patience=8, schedule="cosine", settle=8,
        ),
        "recall 0.995, precision 1.0 on its own pictures",
    ),
    Recipe("a-shipped", "A", "VGGFace weights; here the shipped network, kept as it is", _on_shipped(patience=12)),
    Recipe("b-small", "B", "any tower", _run(recipe="contrastive", size=64, augment="light")),
    Recipe(
        "c-facenet128",
        "C",
        "160 x 160, published weights",
        _run(
            recipe="triplet", backbone="facenet128", detector="haar", size=96, margin=0.5, batch=64, steps=60,
            schedule="cosine",
        ),
    ),
    Recipe(
        "d-resnet50",
        "D",
        "ImageNet weights; here the features of an untrained network",
        _run(
            recipe="features", backbone="resnet50", size=64, embedding=0, head="three", standardise=True, negatives=1.5
        ),
    ),
    Recipe(
        "d-shipped",
        "D",
        "ImageNet weights; here the features of the shipped network",
        _on_shipped(head="three", standardise=True, negatives=1.5, patience=8),
    ),
    Recipe(
        "e-inception",
        "E",
        "100 x 100, ImageNet weights",
        _e(backbone="inception_resnet_v2", size=75, learning_rate=5e-4, epochs=9, patience=9),
        f"0.658{_THEIRS}",
        0.658,
    ),
    Recipe(
        "e-vgg19",
        "E",
        "100 x 100, ImageNet weights",
        _e(backbone="vgg19", size=48, learning_rate=1e-4, steps=15, epochs=4, settle=0),
        f"0.538{_THEIRS}",
        0.538,
    ),
    Recipe(
        "e-mobilenet",
        "E",
        "100 x 100, ImageNet weights",
        _e(backbone="mobilenet_v2", size=64, batch=128, steps=30, epochs=10, patience=10, settle=12),
        f"0.578{_THEIRS}",
        0.578,
    ),
    Recipe("tuned-triplet-free", _TUNED, "", _tuned(**_TRIPLETS, lookalikes=3)),
    Recipe("tuned-triplet", _TUNED, "", _tuned(**_TRIPLETS, lookalikes=3, distil=2.0, epochs=3)),
    Recipe(
        "tuned-contrastive",
        _TUNED,
        "",
        _tuned(**_PAIRS, recipe="contrastive", margin=1.2, lookalikes=3, distil=2.0),
    ),
    Recipe(
        "tuned-bce",
        _TUNED,
        "",
        _tuned(**_PAIRS, recipe="siamese-bce", head_first=60, lookalikes=3, distil=2.0),
    ),
)  # fmt: skip


def compare(pictures: Path, out: Path, record: Path, names: Sequence[str], clock: Clock) -> Comparison:
    """Run the rows `names` (all without any), and write the record anew after each of them."""
    unknown = set(names) - {SHIPPED, *(recipe.name for recipe in RECIPES)}
    if unknown:
        raise ConversionError(f"{min(unknown)}: no row of that name ({SHIPPED}, {', '.join(r.name for r in RECIPES)})")
    album = scan(pictures)
    parts = split_lfw(album, pictures, _BASE.shares, _BASE.seed)
    people = {name: len(part.names) for name, part in parts.named().items()}
    for name in names or (SHIPPED, *(recipe.name for recipe in RECIPES)):
        print(f"Row {name}", flush=True)
        row = _shipped(parts) if name == SHIPPED else _trained(name, pictures, out, clock)
        # Read now, not before: another row may have been run beside this one.
        rows = {row.name: row for row in read_comparison(record).rows} if record.exists() else {}
        rows[name] = row
        told = tuple(rows.get(known, Row(known)) for known in (SHIPPED, *(recipe.name for recipe in RECIPES)))
        comparison = Comparison("LFW View 1", people, told)
        write_file(record, msgspec.json.format(msgspec.json.encode(comparison), indent=1) + b"\n")
    return read_comparison(record)


def read_comparison(record: Path) -> Comparison:
    """Raises ConversionError where there is none, or none that can be read."""
    try:
        return msgspec.json.decode(record.read_bytes(), type=Comparison)
    except OSError as error:
        raise ConversionError(f"{record}: {error.strerror}; `make siamese-report` makes it") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConversionError(f"{record}: {error}") from None


def _trained(name: str, pictures: Path, out: Path, clock: Clock) -> Row:
    (recipe,) = (recipe for recipe in RECIPES if recipe.name == name)
    run, folder = msgspec.structs.replace(recipe.run, pictures=str(pictures)), out / name
    check_run(folder, run)
    result: Result = read_result(folder) if (folder / RESULT).exists() else train(run, folder, clock)
    tuned = tuned_figures(run, folder, _others(pictures)) if recipe.system == _TUNED else None
    return Row(name, result.figures, result.parameters, result.epochs, round(result.seconds), tuned)


def _others(pictures: Path) -> Mapping[str, Path]:
    """People who are neither in LFW nor photographed as they are, where they lie beside it."""
    return {"AT&T": folder} if (folder := pictures.parent / ATT).is_dir() else {}


def _shipped(parts: Parts) -> Row:
    """The network in models/, on the same pairs and with a threshold from the same validation people."""
    device = Device(FOLDER)
    found = {}
    for name in ("validation", "test"):
        people = parts.named()[name]
        vectors = embed_on_device(people.pictures, device).vectors
        usable = np.asarray(np.isfinite(vectors).all(axis=1))
        kept = tuple(path for path, there in zip(people.pictures, usable.tolist(), strict=True) if there)
        found[name] = (vectors[usable], np.asarray(people.people, np.int64)[usable], kept)
    vectors, owners, _ = found["validation"]
    chosen = draw_pairs(owners, _BASE.judge_pairs, seeded(_BASE.seed, 1))
    threshold = chosen_threshold(_similarities(device, vectors, chosen), chosen.same)
    vectors, _, kept = found["test"]
    pairs = of_fold(parts.pairs, kept)
    similarities = _similarities(device, vectors, pairs)
    figures = judged(similarities, pairs.same, threshold, len(parts.pairs) - len(pairs), _BASE.fmr)
    return Row(SHIPPED, figures)


def _similarities(device: Device, vectors: Any, pairs: Any) -> Any:
    return device.compare.paired(vectors[pairs.first], vectors[pairs.second])

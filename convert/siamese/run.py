"""Every knob of a training, with its meaning; the file `config.json` beside the weights is this, written down."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from convert.errors import ConversionError
from convert.release import write_file
from convert.siamese.augment import Augment
from convert.siamese.backbones import Backbone
from convert.siamese.crops import Detector
from convert.siamese.losses import Mining

Recipe = Literal["contrastive", "triplet", "siamese-bce", "features"]
Count = Annotated[int, Meta(ge=1)]
CONFIG: Final = "config.json"


class Run(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One training. A run with equal fields, on the same pictures, is the same training."""

    # What is learned, and from what.
    recipe: Recipe = "contrastive"
    pictures: str = ""  # the folder of people
    protocol: Literal["people", "lfw"] = "people"  # people shared out at random, or View 1 of LFW with its pairs
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2)  # of the people: train, validation, test
    detector: Detector = "blazeface"  # who finds the faces; `none`: the pictures are faces already
    size: Annotated[int, Meta(ge=16, le=512)] = 64  # pixels a side
    augment: Augment = "none"
    # The network.
    backbone: Backbone = "small"
    weights: str = "none"
    embedding: Annotated[int, Meta(ge=0, le=4096)] = 128  # numbers; 0: the backbone's pooled features
    head: Literal["one", "three"] = "one"  # dense layers before the verdict, for siamese-bce and features
    standardise: bool = False  # divide |a - b| by the features' deviations
    # The loss.
    margin: Annotated[float, Meta(gt=0, le=4)] = 1.0
    mining: Mining = "semi-hard"
    negatives: Annotated[float, Meta(gt=0)] = 1.0  # pairs of two people for each pair of one
    head_first: Annotated[int, Meta(ge=0)] = 0  # epochs in which the head learns alone, on the tower as it begins
    # Staying with what is known: for a network that begins with somebody's weights.
    distil: Annotated[float, Meta(ge=0)] = 0.0  # weight of saying of each face what it said before the training
    lookalikes: Annotated[int, Meta(ge=0)] = 0  # strangers are drawn from a person's so many nearest; 0: from everybody
    # The training.
    batch: Annotated[int, Meta(ge=2)] = 32  # pairs; or pictures, for triplets
    each: Annotated[int, Meta(ge=2)] = 4  # pictures of each person in a batch of triplets
    steps: Count = 50  # batches in an epoch
    epochs: Count = 20
    learning_rate: Annotated[float, Meta(gt=0)] = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"  # cosine: the rate falls to nothing over all the epochs
    settle: Annotated[int, Meta(ge=0)] = 0  # batches after each epoch that only tell batch normalisation what is seen
    patience: Count = 6  # epochs without a better one before it stops
    best_by: Literal["auc", "tar"] = "auc"  # of pairs; or TAR at FMR 1e-4 of all pictures of the validation people
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: bfloat16 on a GPU
    # The judging.
    judge_pairs: Annotated[int, Meta(ge=10)] = 1000  # of validation, and of test where none are published
    fmr: Annotated[float, Meta(gt=0, lt=1)] = 0.01  # where TAR is read
    seed: int = 1


def check_run(folder: Path, run: Run) -> None:
    """Raise ConversionError where another training lives in `folder`."""
    known = read_run(folder) if (folder / CONFIG).exists() else run
    other = [name for name in Run.__struct_fields__ if getattr(known, name) != getattr(run, name)]
    if other:
        was = ", ".join(f"{name} {getattr(known, name)!r}" for name in other)
        raise ConversionError(f"{folder}: holds another training ({was}): choose another --out, or delete it")


def write_run(folder: Path, run: Run) -> None:
    """Keep the settings with what they make. Raises ConversionError when the disk does not take them."""
    write_file(folder / CONFIG, msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")


def read_run(folder: Path) -> Run:
    """The settings of a run. Raises ConversionError naming the field that is wrong."""
    try:
        return msgspec.json.decode((folder / CONFIG).read_bytes(), type=Run)
    except OSError as error:
        raise ConversionError(f"{folder}: is no run of `limen-convert train`: {error.strerror}: {CONFIG}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConversionError(f"{folder / CONFIG}: {error}") from None

"""`models/evaluation.json`: what was measured, on which bytes.

The only source of a card's thresholds and of docs/accuracy.md. One record for each embedder's file, under that file's
sha256: a record never speaks for other bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct

from convert.errors import ConversionError
from convert.release import write_file
from edge.vision.cards import Card, Role, Sha256, Threshold, read_card

FILE: Final = "evaluation.json"
# Doddington et al. (2000): with 30 errors behind it, a rate is within 30 % of the truth with 90 % confidence.
RULE_OF_30: Final = 30

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]


class Interval(Struct, frozen=True, forbid_unknown_fields=True):
    """A share with its 95 % interval."""

    value: Share
    low: Share
    high: Share

    def rounded(self, digits: int = 6) -> Interval:
        """A record is read by people and compared by version control: no digits that mean nothing."""
        return Interval(*(round(float(share), digits) for share in (self.value, self.low, self.high)))


class Made(Struct, frozen=True, forbid_unknown_fields=True):
    """How a longer record begins: with the models and the pictures it speaks of, and the command that made it."""

    name: str
    models: dict[Role, Sha256]
    runtime: str
    data: str
    command: str


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """The people of one half of the data. `genuine` and `impostors` count pairs of acquired images.

    `refused`: images by the quality word with which the door would turn them down; they are measured all the same.
    """

    people: Count
    images: Count
    not_acquired: Count
    genuine: Count
    impostors: Count
    refused: dict[str, Count]


class Level(Struct, frozen=True, forbid_unknown_fields=True):
    """A threshold from the training people, and its effect on the test people.

    `impostors` pairs of the training people reach it, `couple` of them from one and the same two people. `low` and
    `high`: where 95 % of the thresholds fall when the training people are drawn anew.
    """

    fmr: float
    similarity: float
    low: float
    high: float
    impostors: Count
    couple: Count
    test_fmr: Interval
    test_tar: Interval


class Point(Struct, frozen=True, forbid_unknown_fields=True):
    """TAR at one FMR, both of the test people's own pairs; `impostors` of them reach the similarity."""

    fmr: float
    similarity: float
    impostors: Count
    tar: Interval


class PairFigures(Struct, frozen=True, forbid_unknown_fields=True):
    """The pairs files: the threshold chosen on the training pairs, the accuracy on the test pairs."""

    similarity: float
    pairs: Count
    not_acquired: Count
    accuracy: Interval
    folds: Count
    folds_accuracy: float
    folds_error: float


class Histogram(Struct, frozen=True, forbid_unknown_fields=True):
    """Pairs of the test people by similarity: equal bins from `start` to `stop`."""

    start: float
    stop: float
    genuine: tuple[Count, ...]
    impostors: tuple[Count, ...]


class Record(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One evaluation of one chain of models.

    `compared_by`: as its card says; by a head from the cosine `floor` on. `halves`: what the people are called who gave
    the thresholds, and those who gave the figures.
    """

    name: str
    quantization: str
    models: dict[Role, Sha256]
    runtime: str
    machine: str
    data: str
    train: Part
    test: Part
    levels: tuple[Level, ...]
    points: tuple[Point, ...]
    pairs: PairFigures
    curve: tuple[tuple[float, float], ...]  # (FMR, TAR) of the test people
    histogram: Histogram
    compared_by: str = "cosine"
    halves: tuple[str, str] = ("DevTrain", "DevTest")
    floor: float | None = None

    def thresholds(self) -> tuple[Threshold, ...]:
        """For the card."""
        people = f"{self.data} {self.halves[0]} people, all-against-all, {self.train.impostors} impostor pairs"
        return tuple(
            Threshold(fmr=level.fmr, similarity=level.similarity, data=f"{people}, {level.impostors} of them above")
            for level in self.levels
        )

    def accuracy(self) -> dict[str, Any]:
        """For the card."""
        return {
            "data": f"{self.data} {self.halves[1]}",
            "pairs_accuracy": self.pairs.accuracy.value,
            "tar_at_fmr": {f"{point.fmr:g}": point.tar.value for point in self.points},
        }


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    records: dict[Sha256, Record]
    v: Literal[1] = 1


def read_records(folder: Path) -> Mapping[str, Record]:
    """All records beside the models, by the embedder file's sha256; none when there is no file."""
    path = folder / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).records
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConversionError(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConversionError(f"{path}: not an evaluation record: {error}") from None


def write_record(folder: Path, record: Record) -> None:
    """Add `record` to the file, in place of one for the same embedder."""
    records = dict(read_records(folder)) | {record.models["embedder"]: record}
    content = msgspec.json.encode(_File(records=dict(sorted(records.items()))))
    write_file(folder / FILE, msgspec.json.format(content, indent=1) + b"\n")


def judged(card: Card, folder: Path) -> Card:
    """An embedder's card with the thresholds, accuracy and floor of its record.

    With none when no record is for its bytes, or when it was made with another detector or other landmarks than those
    in `folder`, which would cut its faces differently, or by another score.
    """
    record = read_records(folder).get(card.sha256)
    beside = {read_card(path).sha256 for path in folder.glob("*.json") if path.name != FILE}
    fits = (
        record is not None
        and record.compared_by == card.compared_by
        and (record.floor is None) == (card.score != "head")
    )
    if record is None or not fits or not set(record.models.values()) <= beside | {card.sha256}:
        return msgspec.structs.replace(card, thresholds=(), accuracy={}, runtime=None, floor=UNSET)
    floor = UNSET if record.floor is None else record.floor
    return msgspec.structs.replace(
        card, thresholds=record.thresholds(), accuracy=record.accuracy(), runtime=record.runtime, floor=floor
    )

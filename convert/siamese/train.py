"""Train a siamese network on a folder of people, as the appendix of a paper would tell it.

    scan the folder -> share out the people -> cut the faces -> learn, epoch by epoch -> judge on people never seen

Every knob stands in `Run`. Each epoch ends in a state on the disk: after ctrl-C, a power cut or kill -9 the same
command goes on with the next epoch and ends where an undisturbed training would have ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from tqdm import trange

from convert.errors import ConversionError
from convert.release import write_file
from convert.siamese import checkpoint
from convert.siamese.album import briefly, scan
from convert.siamese.augment import augmented
from convert.siamese.backbones import NONE
from convert.siamese.checkpoint import State
from convert.siamese.crops import CUT, Crops, cut
from convert.siamese.everybody import lowest_tar
from convert.siamese.features import features
from convert.siamese.heads import brought
from convert.siamese.judge import Epoch, Figures, auc, chosen_threshold, judged, precision_recall
from convert.siamese.learner import Learner
from convert.siamese.page import write_page
from convert.siamese.parts import Parts, split, split_lfw
from convert.siamese.run import Run, check_run, write_run
from convert.siamese.sampling import Pairs, Rows, draw_crowd, draw_group, draw_pairs, of_fold, seeded
from convert.siamese.teacher import NOBODY, Teacher, teacher_of
from edge.clock import Clock

RESULT: Final = "result.json"
_SETTLED: Final = 64  # pictures in a batch that is only looked at
# Which random numbers are for what: they are seeded by the run's seed, this, and the number of the epoch.
_LEARNING, _VALIDATION, _TEST, _SETTLING = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The faces of some people, and as what the network takes them: as they are, or as stored features."""

    crops: Crops
    rows: NDArray[Any]
    teacher: Teacher = NOBODY


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came out: `result.json`."""

    figures: Figures
    epochs: int
    best_epoch: int
    parameters: int
    seconds: float
    people: dict[str, tuple[str, ...]]  # of each part
    notes: tuple[str, ...]


def train(run: Run, folder: Path, clock: Clock) -> Result:
    """Train as `run` says into `folder`, or go on with what is there. Raises ConversionError when it cannot be done."""
    check_run(folder, run)
    parts, crops, notes = prepare(run)
    for note in notes:
        print(f"note: {note}", flush=True)
    learner, material = begin(run, crops)
    write_run(folder, run)  # only now: what cannot begin claims no folder
    validation = draw_pairs(crops["validation"].people, run.judge_pairs, seeded(run.seed, _VALIDATION))
    state = _resumed(folder, learner)
    while not _finished(run, state.history):
        state = _epoch(run, learner, material, validation, state, clock)
        checkpoint.save(folder, state)
        print(_line(run, state.history[-1]), flush=True)
    checkpoint.assign(learner.network, state.best, folder / checkpoint.STATE)
    learner.write(folder)
    best = _best(run, state.history)
    pairs, unusable = _test_pairs(run, parts, crops["test"])
    vectors = learner.embed(material["test"].rows)
    similarities = learner.compare(vectors[pairs.first], vectors[pairs.second])
    result = Result(
        figures=judged(similarities, pairs.same, best.threshold, unusable, run.fmr),
        epochs=len(state.history),
        best_epoch=best.epoch,
        parameters=learner.parameters,
        seconds=sum(epoch.seconds for epoch in state.history),
        people={name: part.names for name, part in parts.named().items()},
        notes=notes,
    )
    write_page(folder, run, state.history, material["test"].crops, vectors, pairs, similarities)
    write_file(folder / RESULT, msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    return result


def prepare(run: Run) -> tuple[Parts, Mapping[str, Crops], tuple[str, ...]]:
    """The three parts of the people, and the faces of each."""
    pictures = Path(run.pictures)
    if run.detector != "none" and (pictures / CUT).exists():
        raise ConversionError(f"{pictures}: its faces are cut already ({CUT}): train with --detector none")
    album = scan(pictures)
    if run.protocol == "lfw":
        parts = split_lfw(album, pictures, run.shares, run.seed)
    else:
        parts = split(album, run.shares, run.seed)
    crops = {name: cut(part, album.digests, run.detector, run.size) for name, part in parts.named().items()}
    return parts, crops, (*album.notes, *(f"{name}: {note}" for name, part in crops.items() for note in part.notes))


def begin(run: Run, crops: Mapping[str, Crops]) -> tuple[Learner, Mapping[str, Part]]:
    """The untrained network, and what it learns from. Of the recipe `features`, the tower is done already."""
    learner = Learner(run)
    if run.recipe != "features":
        teacher = teacher_of(run, learner, crops["train"])
        _head_first(run, learner, crops["train"])
        return learner, {name: Part(part, part.pixels, teacher) for name, part in crops.items()}
    if run.distil or run.lookalikes:
        raise ConversionError("--distil and --lookalikes are for a tower that learns; that of `features` does not")
    if run.augment != "none":
        raise ConversionError("--augment: features are computed once, from each picture as it is")
    stored = {name: features(learner.tower, learner.eats, part.pixels) for name, part in crops.items()}
    if run.standardise:
        deviations = np.maximum(brought(stored["train"]).std(axis=0), 1e-6).astype(np.float32)
        learner = Learner(run, deviations, learner.tower)
    return learner, {name: Part(part, stored[name]) for name, part in crops.items()}


def _head_first(run: Run, learner: Learner, crops: Crops) -> None:
    """Let the head learn alone, or what it does not know yet would pull at all that the tower knows.

    The method is that of linear probing, then fine-tuning (Kumar et al., ICLR 2022); here by the recipe `features`.
    """
    if not run.head_first:
        return
    if learner.head is None or run.weights == NONE:
        raise ConversionError("--head-first is for a head (--recipe siamese-bce) on a tower that begins with --weights")
    alone = msgspec.structs.replace(run, recipe="features", augment="none", schedule="constant", learning_rate=1e-3)
    probe = Learner(alone, tower=learner.tower)
    part = Part(crops, features(learner.tower, learner.eats, crops.pixels))
    for number in range(1, run.head_first + 1):
        loss = _learn(alone, probe, part, number)
        print(f"the head alone {number:>3}/{run.head_first}  loss {loss:.4f}", flush=True)
    learner.head.set_weights(probe.head.get_weights())  # type: ignore[union-attr]  # a run of `features` has one


def _epoch(run: Run, learner: Learner, material: Mapping[str, Part], pairs: Pairs, state: State, clock: Clock) -> State:
    """Learn once more from `steps` batches, then look at the validation people."""
    number, started = len(state.history) + 1, clock.now()
    loss = _learn(run, learner, material["train"], number)
    _settle(run, learner, material["train"], number)
    vectors = learner.embed(material["validation"].rows)
    first, second = vectors[pairs.first], vectors[pairs.second]
    similarities = learner.compare(first, second)
    if not np.isfinite(similarities).all():
        raise ConversionError(f"epoch {number}: similarities that are no numbers; a smaller --learning-rate may help")
    threshold = chosen_threshold(similarities, pairs.same)
    precision, recall = precision_recall(similarities, pairs.same, threshold)
    epoch = Epoch(
        epoch=number,
        loss=loss,
        validation_loss=learner.cost(first, second, pairs.same),
        auc=auc(similarities, pairs.same),
        threshold=threshold,
        precision=precision,
        recall=recall,
        seconds=clock.now() - started,
        tar=lowest_tar(learner.compare, vectors, material["validation"].crops.people) if run.best_by == "tar" else 0.0,
    )
    history = (*state.history, epoch)
    best = checkpoint.values_of(learner.network) if _best(run, history) is epoch else state.best
    return State(checkpoint.values_of(learner.variables), best, history)


def _learn(run: Run, learner: Learner, part: Part, number: int) -> float:
    """One epoch of steps; the mean loss. Raises ConversionError naming batch and files for a loss that is no number."""
    random = seeded(run.seed, _LEARNING, number)
    people, triplets, teacher = part.crops.people, run.recipe == "triplet", part.teacher
    count = run.steps * run.batch
    every = None if triplets else draw_pairs(people, count, random, run.negatives, teacher.alike)
    total = 0.0
    for step in trange(run.steps, desc=f"epoch {number}/{run.epochs}", unit=" batches", leave=False, disable=None):
        if every is None:
            rows = _group(run, part, random)
            noise = random.random((len(rows), len(rows)), np.float32)
            each = learner.learn_group(_changed(run, part, rows, random), people[rows], noise, teacher.of(rows))
            seen = rows[:, np.newaxis]
        else:
            pairs = every.at(slice(step * run.batch, (step + 1) * run.batch))
            first, second = (_changed(run, part, rows, random) for rows in (pairs.first, pairs.second))
            taught = teacher.of(np.concatenate([pairs.first, pairs.second]))
            each = learner.learn_pairs(first, second, pairs.same, taught)
            seen = np.column_stack([pairs.first, pairs.second])
        _stop_at_nan(each, seen, part.crops, f"epoch {number}, batch {step + 1}")
        total += float(each.mean())
    return total / run.steps


def _group(run: Run, part: Part, random: np.random.Generator) -> Rows:
    people, count = part.crops.people, max(2, run.batch // run.each)
    if part.teacher.alike is None:
        return draw_group(people, count, run.each, random)
    return draw_crowd(people, count, run.each, random, part.teacher.alike)


def _settle(run: Run, learner: Learner, part: Part, number: int) -> None:
    random = seeded(run.seed, _SETTLING, number)
    for _ in range(0 if learner.frozen else run.settle):
        rows = random.choice(len(part.rows), min(_SETTLED, len(part.rows)), replace=False)
        learner.settle(_changed(run, part, rows, random))


def _stop_at_nan(each: NDArray[np.float32], seen: Rows, crops: Crops, where: str) -> None:
    """`each` [n] is the loss of the example whose pictures are the rows `seen[i]`."""
    rows = np.unique(seen[~np.isfinite(each)]).tolist()
    if rows:
        files = briefly([f"{crops.files[row].parent.name}/{crops.files[row].name}" for row in rows])
        raise ConversionError(
            f"{where}: the loss is no number, with {files}; the last whole epoch is kept. Look at these pictures, or "
            "take a smaller --learning-rate in another --out"
        )


def _changed(run: Run, part: Part, rows: Any, random: np.random.Generator) -> NDArray[Any]:
    return part.rows[rows] if run.augment == "none" else augmented(part.rows[rows], run.augment, random)


def _test_pairs(run: Run, parts: Parts, crops: Crops) -> tuple[Pairs, int]:
    """The published pairs, and how many of them have a picture without a face; or seeded ones."""
    if parts.pairs:
        pairs = of_fold(parts.pairs, crops.files)
        return pairs, len(parts.pairs) - len(pairs)
    return draw_pairs(crops.people, run.judge_pairs, seeded(run.seed, _TEST)), 0


def _resumed(folder: Path, learner: Learner) -> State:
    state = checkpoint.load(folder)
    if state is None:
        return State(checkpoint.values_of(learner.variables), checkpoint.values_of(learner.network), ())
    checkpoint.assign(learner.variables, state.values, folder / checkpoint.STATE)
    print(f"Going on after epoch {len(state.history)}.", flush=True)
    return state


def _best(run: Run, history: tuple[Epoch, ...]) -> Epoch:
    """The epoch with the largest validation AUC, or TAR; the earliest of equals."""
    return max(history, key=lambda epoch: epoch.tar if run.best_by == "tar" else epoch.auc)


def _finished(run: Run, history: tuple[Epoch, ...]) -> bool:
    return bool(history) and (len(history) >= run.epochs or len(history) - _best(run, history).epoch >= run.patience)


def _line(run: Run, epoch: Epoch) -> str:
    tar = f"TAR {epoch.tar:.4f}  " if run.best_by == "tar" else ""
    return (
        f"epoch {epoch.epoch:>3}/{run.epochs}  loss {epoch.loss:.4f}  validation {epoch.validation_loss:.4f}  "
        f"AUC {epoch.auc:.4f}  {tar}precision {epoch.precision:.3f}  recall {epoch.recall:.3f}  {epoch.seconds:.0f} s, "
        f"at most {epoch.seconds * (run.epochs - epoch.epoch):.0f} s to go"
    )

"""Many files of one network, calibrated once and judged side by side; the fastest that passes the gate is released."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct
from tqdm import tqdm

from convert.calibration import SEED, Pixels, aligned_crops, calibration_crops, usable
from convert.datasets import identities, people_of, read_pairs
from convert.drift import COLOURS, Drift, Pairs
from convert.embeddings import Device
from convert.errors import ConversionError
from convert.gate import FMRS, Panel, Reference, Verdict, cosines, fastest, reasons
from convert.quantize import Samples
from convert.recipes import Recipe
from convert.record import judged
from convert.release import release, space_of
from convert.speed import milliseconds, plan
from convert.subjects import Subject
from edge.clock import Clock
from edge.vision.cards import Card, Sha256
from edge.vision.runtime import Network, load_network

NAME: Final = "quantization"
COMMAND: Final = "limen-convert quantize --attempts --release none"
_SHORT: Final = 40  # of a name, so that what is added to it still makes one


class Quantization(Struct, frozen=True, forbid_unknown_fields=True):
    """Every file that stood before the gate, and what it was judged on. `tar`: (FMR, TAR) of the float32 file."""

    name: str
    float32_sha256: Sha256
    released: Sha256
    runtime: str
    machine: str
    data: str
    crops: int
    people: int
    genuine: int
    impostors: int
    calibration_crops: int
    calibration_seed: int
    tar: tuple[tuple[float, float], ...]
    verdicts: tuple[Verdict, ...]
    drift: Drift


@dataclass(frozen=True, slots=True)
class Request:
    """What to make (`recipes`), calibrated with what, judged on whom (the people of `test`), and what to `release`."""

    images: Path
    test: Path
    calibration: Path
    recipes: Sequence[Recipe]
    release: str
    data: str


class Gate:
    """Judges files of one network against its own float32 on the same crops."""

    def __init__(self, panel: Panel, subject: Subject, clock: Clock) -> None:
        self._panel = panel
        self._half = load_network(subject.half)
        self._clock = clock
        self._own = panel.embed(load_network(subject.exact), "float32")
        faces = usable(panel.crops)
        if not np.isfinite(self._own[faces]).all():
            raise ConversionError("its float32 gives no direction for a crop (zero, or not finite)")
        self.pairs = panel.pairs(self._own)
        self.reference = Reference.of(self.pairs)
        self._drawn = Pairs.drawn(panel.people, faces)
        self._drifts: dict[str, tuple[float, ...]] = {}

    def judge(self, recipe: Recipe, content: bytes) -> Verdict:
        """One file's verdict."""
        network = load_network(content)
        vectors = self._panel.embed(network, recipe.name)
        if recipe.name in COLOURS:
            self._drifts[recipe.name] = self._drawn.similarities(vectors, self._panel.compare)
        similar = cosines(vectors, self._own)
        try:
            losses = self.reference.losses(self._panel.pairs(vectors))
        except ConversionError:  # the float32 file did not raise it: this one gave no direction for nearly all crops
            losses = self.reference.everything()
        return Verdict(
            name=recipe.name,
            precision=recipe.precision,
            steps=recipe.told(),
            sha256=_digest(content),
            bytes=len(content),
            cosine_mean=round(float(similar.mean()), 5),
            cosine_min=round(float(similar.min()), 5),
            losses=losses,
            plan=plan(network),
            times_float16=self._times(network),
            reasons=reasons(similar, losses),
        )

    def drift(self) -> Drift:
        """Of the files judged so far that stand in the picture."""
        own = self._drawn.similarities(self._own, self._panel.compare)
        return Drift(self._drawn.genuine, own, dict(self._drifts))

    def _times(self, network: Network) -> float:
        took = milliseconds({"half": self._half, "this": network}, self._clock)
        return round(took["this"] / took["half"], 3)


def quantize(
    subject: Subject, device: Device, request: Request, clock: Clock, out: Path
) -> tuple[Quantization, Mapping[str, bytes]]:
    """Make and judge a file of the device's embedder by each recipe; all of them, with a card each, into `out`.

    The record, whose `released` is the chosen file, and the files by the recipe's name. Raises ConversionError when
    nothing that may be released passes.
    """
    judges = people_of(read_pairs(request.test, request.images))
    samples = eaten(calibration_crops(request.calibration, device, judges), device.embedder)
    panel = panel_of(request.images, request.test, device)
    gate = Gate(panel, subject, clock)
    files, verdicts = {}, []
    for recipe in tqdm(request.recipes, desc="judging", unit=" files", disable=None):
        content = files[recipe.name] = subject.file(recipe.name) or recipe.make(subject.model, samples)
        release(out, card_of(device.embedder, recipe, subject, content), content)
        verdicts.append(gate.judge(recipe, content))
    chosen = choose(verdicts, request.release)
    record = Quantization(
        name=device.embedder.name,
        float32_sha256=_digest(subject.exact),
        released=device.embedder.sha256 if chosen is None else chosen.sha256,
        runtime=device.runtime,
        machine=platform.machine(),
        data=request.data,
        crops=int(np.count_nonzero(usable(panel.crops))),
        people=len(gate.pairs.acquired),
        genuine=len(gate.pairs.genuine),
        impostors=len(gate.pairs.impostors),
        calibration_crops=len(samples),
        calibration_seed=SEED,
        tar=tuple((fmr, round(gate.reference.tars[fmr], 6)) for fmr in FMRS),
        verdicts=tuple(verdicts),
        drift=gate.drift(),
    )
    return record, files


def choose(verdicts: Sequence[Verdict], wish: str) -> Verdict | None:
    """The file to release: the `fastest` that passes, the recipe of that name if it passes, or `none`."""
    if wish == "none":
        return None
    if wish == "fastest":
        return fastest(verdicts)
    found = next((verdict for verdict in verdicts if verdict.name == wish), None)
    if found is None or found.reasons:
        why = "was not made" if found is None else f"does not pass the gate: {'; '.join(found.reasons)}"
        raise ConversionError(f"{wish} {why}; nothing is released")
    return found


def release_chosen(
    subject: Subject,
    device: Device,
    record: Quantization,
    files: Mapping[str, bytes],
    recipes: Sequence[Recipe],
    models: Path,
) -> Card:
    """The chosen file in place of the embedder in `models`, with thresholds only if these bytes have a record."""
    name = next(verdict.name for verdict in record.verdicts if verdict.sha256 == record.released)
    recipe = next(recipe for recipe in recipes if recipe.name == name)
    card = card_of(device.embedder, recipe, subject, files[name])
    card = msgspec.structs.replace(
        card, name=device.embedder.name, head=device.embedder.head, score=device.embedder.score
    )
    return release(models, judged(card, models), files[name])


def card_of(before: Card, recipe: Recipe, subject: Subject, content: bytes) -> Card:
    """The card of a file made by `recipe`, like the one `before`. No threshold is carried over, no answer and no head.

    What computes in integers lives in a space of its own: near the float32 network's, and not the same.
    """
    rounded = recipe.precision in {"dynamic", "int8"}
    template = str(before.template)
    return msgspec.structs.replace(
        before,
        name=f"{before.name[:_SHORT]}-{recipe.name}",
        sha256=_digest(content),
        bytes=len(content),
        quantization=recipe.precision,
        space=space_of(subject.weights, f"{template} {_digest(content)}" if rounded else template),
        float32_sha256=_digest(subject.exact),
        thresholds=(),
        accuracy={},
        runtime=None,
        selftest="",
        head=msgspec.UNSET,
        score=msgspec.UNSET,
        floor=msgspec.UNSET,
    )


def panel_of(images: Path, test: Path, device: Device) -> Panel:
    """All pictures of the people in the pairs file `test`, cut once for every file that is judged."""
    people = identities(images, people_of(read_pairs(test, images)))
    return Panel(aligned_crops(people.pictures, device, "aligning"), people.people, device.embedder, device.compare)


def eaten(crops: Pixels, card: Card) -> Samples:
    """Crops as the network eats them: float32 [n, side, side, 3]."""
    return np.concatenate([card.input.tensor(crop) for crop in crops])


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

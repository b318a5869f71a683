"""From a finished run to the door: the network converted, judged as the door sees, with its thresholds on its card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from convert.bring import Description, bring, name_from, sha256_of
from convert.datasets import Fold, Identities, Pair
from convert.embeddings import NOT_ACQUIRED, Device, Embedded, embed_on_device, embed_pictures
from convert.errors import ConversionError
from convert.evaluate import Half, measure
from convert.models import answered
from convert.record import judged, write_record
from convert.release import release_card
from convert.siamese.album import Album, scan
from convert.siamese.backbones import input_of
from convert.siamese.crops import CUT, TEMPLATE, squared
from convert.siamese.learner import SIAMESE, TOWER
from convert.siamese.parts import chosen_of
from convert.siamese.run import Run, read_run
from convert.siamese.sampling import draw_pairs, seeded
from convert.siamese.train import RESULT, Result
from convert.sources.imported import Wish
from convert.sources.keras_file import import_keras
from edge.settings import VisionSettings
from edge.vision.cards import Card

Embedding = Callable[[Sequence[Path], Device], Embedded]

_PAIRS: Final = 1000
_JUDGING: Final = 9  # which random numbers: not those that the training drew


def release_run(folder: Path, models: Path, name: str | None = None, licence: str = "not stated") -> Card:
    """Convert the network of a run into `models`, and give its card thresholds from the run's validation people.

    They, and the test people for the figures, are seen through the device's own eye in `models`: its detector, its
    alignment, the converted file; faces that its code cut before, through the file alone. Raises ConversionError when
    the run is not finished, or its people are gone.
    """
    run, result = read_run(folder), read_result(folder)
    source = folder / (SIAMESE if (folder / SIAMESE).exists() else TOWER)
    name = name or name_from(folder)
    eats = input_of(run.backbone, run.weights, run.size)
    said = Description(name, eats.mean, eats.scale, eats.order, TEMPLATE, _told(run), licence)
    network = import_keras(source, Wish(run.size, None, eats.order))
    card = bring(models, network, said, sha256_of(source))
    cut = run.detector == "none"  # the door's eye has nothing to find in them
    if cut and not (Path(run.pictures) / CUT).exists():
        return card  # and who cut them in which way, nobody knows
    device = Device(models, VisionSettings(embedder=name))
    album = scan(Path(run.pictures))
    embed = _embed_cut if cut else embed_on_device
    halves = [_half(album, result.people[part], device, embed, run.seed) for part in ("validation", "test")]
    write_record(models, measure(halves[0], halves[1], device, Path(run.pictures).name, ("validation", "test")))
    card = answered(judged(card, models), models)
    release_card(models, card)
    return card


def read_result(folder: Path) -> Result:
    """What a run came to. Raises ConversionError when it has not come to an end."""
    try:
        return msgspec.json.decode((folder / RESULT).read_bytes(), type=Result)
    except OSError:
        raise ConversionError(
            f"{folder}: not a finished run ({RESULT} is missing): the same `limen-convert train` goes on with it"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConversionError(f"{folder / RESULT}: {error}") from None


def _embed_cut(pictures: Sequence[Path], device: Device) -> Embedded:
    """Of faces that `limen-convert faces` or `capture` cut: they came past the door's detector and gate then."""

    def embed(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32] | None, str]:
        found = device.embed_pixels(squared(image, device.embedder.input.shape[1]))
        return (None, NOT_ACQUIRED) if found is None else (found.vector, "")

    return replace(embed_pictures(pictures, embed), compare=device.compare)


def _half(album: Album, names: tuple[str, ...], device: Device, embed: Embedding, seed: int) -> Half:
    place = {name: index for index, name in enumerate(album.people.names)}
    gone = [name for name in names if name not in place]
    if gone:
        raise ConversionError(f"{gone[0]}: was judged on and has no pictures any more; train anew")
    people = chosen_of(album.people, [place[name] for name in names])
    return Half((_fold(people, seed),), people, embed(people.pictures, device))


def _fold(people: Identities, seed: int) -> Fold:
    """Seeded pairs, those of one person first, as in a pairs file."""
    pairs = draw_pairs(np.asarray(people.people, np.int64), _PAIRS, seeded(seed, _JUDGING))
    made = (
        Pair(people.pictures[first], people.pictures[second], bool(same))
        for first, second, same in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.same.tolist(), strict=True)
    )
    return tuple(sorted(made, key=lambda pair: not pair.same))


def _told(run: Run) -> str:
    return f"limen-convert train: {run.recipe}, {run.backbone}, weights {Path(run.weights).name}, seed {run.seed}"

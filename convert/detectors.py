"""The three detectors on the same frames: what they miss, what that costs further on, and how long they take."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from msgspec import Struct
from tqdm import tqdm

from convert import figures
from convert.datasets import Fold, Identities, identities, people_of, read_pairs, split_folds
from convert.embeddings import CACHE, Device, Embedded, embed_on_device, read_picture
from convert.errors import ConversionError
from convert.record import Count, Interval, Share
from convert.scattered import SIZE, Image, Scatter, find_all, scattered
from edge.access.policy import level_fmr
from edge.clock import Clock, SystemClock
from edge.settings import VisionSettings
from edge.values import Frame
from edge.vision.cards import Role, Sha256
from edge.vision.eye import Eye, open_eye

NAME: Final = "detectors"
COMMAND: Final = "limen-convert measure detectors"
# The first is what the others are compared with.
CHAINS: Final = (
    VisionSettings(detector="blazeface"),
    VisionSettings(detector="mtcnn"),
    VisionSettings(detector="mtcnn", points="detector"),
    VisionSettings(detector="haar"),
)

_SCATTER: Final = Scatter()
_FOLDS: Final = 10
_OWN_FMR: Final = 1e-4
_TIMED: Final = 40  # frames of each kind
_TRIES: Final = 3
# Clips by what is to be seen in them: patterns below `clips/`, every how many frames, pixels cut off at the top.
_SKULL: Final = "again brother help night no sister student yes"
_CLIPS: Final[Mapping[str, tuple[str, int, int]]] = {
    "a man signing, near (20 clips)": ("asl_gestures/*.mkv", 3, 0),
    "the same, his head cut off: the skull printed on his hoodie": (
        " ".join(f"asl_gestures/{name}.mkv" for name in _SKULL.split()),
        3,
        190,
    ),
    "a woman turning her head": ("preview/head-pose-face-detection-female.gif", 1, 0),
    "a man turning his head": ("preview/head-pose-face-detection-male.gif", 1, 0),
    "both": ("preview/head-pose-face-detection-female-and-male.gif", 1, 0),
    "three people walking up, small": ("preview/face-demographics-walking*.gif", 1, 0),
    "a classroom, small": ("preview/classroom.gif", 1, 0),
    "a shop from above, small": ("preview/store-aisle-detection.gif", 1, 0),
    "people from above, no usable face": ("one-by-one-person-detection.mp4", 12, 0),
}


class Downstream(Struct, frozen=True, forbid_unknown_fields=True):
    """What comes of the faces found. `lost`: pictures without a believed face; `refused`: those the gate turns down.

    `accuracy` of the test pairs, folds, and its standard `error`; `own_tar` where these pictures' own impostors give
    FMR 1e-4; `tar` and `fmr` at the card's threshold of `balanced`, everybody against everybody.
    """

    lost: Count
    refused: dict[str, Count]
    accuracy: Share
    error: float
    own_tar: Interval
    tar: Interval
    fmr: Interval


class Clip(Struct, frozen=True, forbid_unknown_fields=True):
    """Of `frames`: those with a face the mesh believes, and those in which one was good enough to be compared."""

    name: str
    frames: Count
    believed: Count
    embedded: Count


class Chain(Struct, frozen=True, forbid_unknown_fields=True):
    """One detector. `unboxed`: scattered frames without a box around the face; `elsewhere`: believed faces not there.

    `milliseconds` of a frame of 640 x 480, median, and `ratio` to BlazeFace's on the same frames at the same time.
    """

    detector: str
    points: str
    models: dict[Role, Sha256]
    milliseconds: float
    ratio: float
    unboxed: Count
    elsewhere: Count
    plain: Downstream
    scattered: Downstream
    clips: tuple[Clip, ...]


class DetectorsRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """All chains on the same pictures, all of the test people."""

    runtime: str
    machine: str
    opencv: str
    data: str
    command: str
    scatter: Scatter
    threshold: float
    pictures: Count
    pairs: Count
    timed: Count
    chains: tuple[Chain, ...]


class Pool(NamedTuple):
    """The test people and their pairs; `threshold` is the card's at `balanced`."""

    people: Identities
    folds: tuple[Fold, ...]
    threshold: float


def measure_detectors(
    images: Path, test: Path, models: Path, data: str, scatter: Scatter = _SCATTER, cache: Path = CACHE
) -> DetectorsRecord:
    """Everything, on the people of the pairs file `test`, and on the clips beside `images` where there are any."""
    devices = [Device(models, settings) for settings in CHAINS]
    eyes = [open_eye(device.settings, models, SystemClock()) for device in devices]
    pool = _pool(images, test, devices[0])
    pictures = pool.people.pictures
    clips = images.parent / "clips"
    timed = [*_some_scattered(pictures, scatter), *_some_of_clips(clips)]
    spent = time_each(eyes, timed, SystemClock())
    chains = []
    for device, eye, milliseconds in zip(devices, eyes, spent, strict=True):
        plain = embed_on_device(pictures, device, cache)
        found = find_all(pictures, device, eye, scatter, cache)
        chain = Chain(
            detector=device.settings.detector,
            points=device.settings.points,
            models=device.files,
            milliseconds=round(milliseconds, 2),
            ratio=round(milliseconds / spent[0], 2),
            unboxed=int(np.count_nonzero(~found.boxed)),
            elsewhere=int(found.elsewhere.sum()),
            plain=downstream(plain, pool),
            scattered=downstream(found.embedded, pool),
            clips=tuple(_watch(eye, clips)),
        )
        chains.append(chain)
    return DetectorsRecord(
        runtime=devices[0].runtime,
        machine=platform.machine(),
        opencv=cv2.__version__,
        data=data,
        command=COMMAND,
        scatter=scatter,
        threshold=pool.threshold,
        pictures=len(pictures),
        pairs=sum(map(len, pool.folds)),
        timed=len(timed),
        chains=tuple(chains),
    )


def _pool(images: Path, test: Path, device: Device) -> Pool:
    folds = read_pairs(test, images)
    thresholds = {step.fmr: step.similarity for step in device.embedder.thresholds}
    if level_fmr("balanced") not in thresholds:
        raise ConversionError(f"{device.embedder.name}: its card has no threshold: run `limen-convert evaluate` first")
    people = identities(images, people_of(folds))
    parts = folds if len(folds) > 1 else split_folds(folds[0], _FOLDS)
    return Pool(people, parts, thresholds[level_fmr("balanced")])


def downstream(found: Embedded, pool: Pool) -> Downstream:
    """The figures of one embedding of all pictures of the pool."""
    accuracy, error = figures.across_folds([found.scores(pool.people.pictures, fold) for fold in pool.folds])
    pairs = figures.all_pairs(found.vectors, pool.people.people, found.compare)
    (at_card,) = figures.rates(pairs, [pool.threshold])
    own = figures.tar_at(pairs, _OWN_FMR)
    lost, refused = found.turned_down()
    return Downstream(
        lost=lost,
        refused=refused,
        accuracy=round(accuracy, 6),
        error=round(error, 6),
        own_tar=own.tar.rounded() if own else Interval(value=0, low=0, high=1),
        tar=at_card.tar.rounded(),
        fmr=at_card.fmr.rounded(9),
    )


def time_each(eyes: Sequence[Eye], frames: Sequence[Image], clock: Clock) -> list[float]:
    """Milliseconds of each eye's detector for a frame: the best of some tries, taken in turns, median of the frames."""
    rows = []
    for frame in tqdm(frames, desc="timing", unit=" frames", disable=None):
        tries = []
        for _ in range(_TRIES):
            marks = [clock.now()]
            for eye in eyes:
                eye.detect(frame)
                marks.append(clock.now())
            tries.append(np.diff(marks))
        rows.append(np.min(tries, axis=0))
    return [float(value) * 1e3 for value in np.median(rows, axis=0)]


def _some_scattered(pictures: Sequence[Path], scatter: Scatter) -> Iterator[Image]:
    for path in pictures[:: max(1, len(pictures) // _TIMED)][:_TIMED]:
        yield scattered(read_picture(path), f"{path.parent.name}/{path.name}", scatter)[0]


def _some_of_clips(clips: Path) -> Iterator[Image]:
    frames = [frame for pattern, every, _ in _CLIPS.values() for frame in frames_of(clips, pattern, 4 * every)]
    for frame in frames[:: max(1, len(frames) // _TIMED)][:_TIMED]:
        yield np.asarray(cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def _watch(eye: Eye, clips: Path) -> Iterator[Clip]:
    for name, (pattern, every, top) in _CLIPS.items():
        probes = [
            eye.look(Frame(np.ascontiguousarray(frame[top:]), 0.0, number))
            for number, frame in enumerate(frames_of(clips, pattern, every))
        ]
        if probes:
            believed = sum(probe.face is not None for probe in probes)
            embedded = sum(probe.embedding is not None for probe in probes)
            yield Clip(name=name, frames=len(probes), believed=believed, embedded=embedded)


def frames_of(clips: Path, pattern: str, every: int) -> Iterator[Image]:
    """Every so many frames of the clips that fit one of the patterns; none where there are none."""
    for path in sorted(path for one in pattern.split() for path in clips.glob(one)):
        video = cv2.VideoCapture(str(path))
        number = 0
        while video.grab():
            if number % every == 0:
                yield np.asarray(video.retrieve()[1], np.uint8)
            number += 1
        video.release()

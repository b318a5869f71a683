"""`limen probe --stdin`: image paths in, one JSON line out for each. The seam for evaluation and comparisons.

First prints `{"ready": true}`. Times are milliseconds, `t_` on the wall and `c_` of this process's processor time;
landmarks and alignment count as embedding. Only the chosen face is embedded, whatever its quality.
"""

from __future__ import annotations

import io
import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.files import read_picture
from edge.clock import Clock, SystemClock
from edge.commands.configuration import chosen_settings
from edge.errors import LimenError
from edge.values import Face
from edge.vision.eye import Eye, open_eye

Rule = Literal["largest", "centre"]
_Result = TypeVar("_Result")


def execute(options: Namespace) -> int:
    """Answer path after path until standard input ends."""
    settings = chosen_settings(options)
    clock = SystemClock()
    eye = open_eye(settings.vision, settings.models, clock, faces="nearest")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # a file's name need not be text
    for line in probe_lines(sys.stdin, eye, clock, options.rule):
        print(line, flush=True)
    return 0


def probe_lines(paths: Iterable[str], eye: Eye, clock: Clock, rule: Rule) -> Iterable[str]:
    """One line for each path; a path that cannot be read gets its line too, with `error`."""
    yield json.dumps({"ready": True})
    for line in paths:
        path = line.rstrip("\r\n")
        if path:
            yield json.dumps(_probe(path, eye, clock, rule), allow_nan=False)


def _probe(path: str, eye: Eye, clock: Clock, rule: Rule) -> dict[str, Any]:
    row: dict[str, Any] = {
        "path": path,
        "shape": None,
        **dict.fromkeys(("t_decode", "t_detect", "t_embed", "c_detect", "c_embed"), 0.0),
        "n": 0,
        "chosen": None,
        "error": None,
        "faces": [],
    }
    try:
        image, row["t_decode"], _ = _timed(clock, lambda: read_picture(Path(path)))
        if image.size == 0:
            row["error"] = "not a readable picture"
            return row
        row["shape"] = list(image.shape)
        faces, row["t_detect"], row["c_detect"] = _timed(clock, lambda: eye.detect(image))
        row["n"] = len(faces)
        row["faces"] = [_as_json(face) for face in faces]
        if faces:
            chosen = choose(faces, image.shape, rule)
            row["chosen"] = chosen
            row["faces"][chosen], row["t_embed"], row["c_embed"] = _timed(
                clock, lambda: _embedded(eye, image, faces[chosen])
            )
    except (LimenError, cv2.error) as error:
        row["error"] = " ".join(str(error).split())
    return row


def choose(faces: Sequence[Face], shape: Sequence[int], rule: Rule) -> int:
    """The index of the largest face, or of the one nearest the picture's centre. `shape` is [height, width, …]."""
    if rule == "largest":
        return max(range(len(faces)), key=lambda index: faces[index].box.area)
    middle_x, middle_y = shape[1] / 2, shape[0] / 2

    def off_centre(index: int) -> float:
        box = faces[index].box
        return float(np.hypot(box.x + box.width / 2 - middle_x, box.y + box.height / 2 - middle_y))

    return min(range(len(faces)), key=off_centre)


def _embedded(eye: Eye, image: NDArray[np.uint8], face: Face) -> dict[str, Any]:
    face = eye.examine(image, face)
    if face.landmarks is None:
        return _as_json(face)
    crop = eye.crop(image, face)
    quality, embedding = eye.measure(crop), eye.embed(crop)
    measured = {name: getattr(quality, name) for name in quality.__slots__}
    return _as_json(face) | {
        "quality": measured | {"presence": face.presence},
        "vector": None if embedding is None else [round(float(value), 7) for value in embedding.vector],
    }


def _as_json(face: Face) -> dict[str, Any]:
    box = face.box
    return {
        "box": [box.x, box.y, box.width, box.height],
        "landmarks": None if face.landmarks is None else face.landmarks.tolist(),
        "score": face.score,
        "quality": None,
        "vector": None,
    }


def _timed(clock: Clock, work: Callable[[], _Result]) -> tuple[_Result, float, float]:
    """The result, and the wall and processor milliseconds it took."""
    wall, cpu = clock.now(), clock.cpu()
    result = work()
    return result, 1000 * (clock.now() - wall), 1000 * (clock.cpu() - cpu)

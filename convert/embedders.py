"""Other ways to turn pictures into vectors than the models folder: a card elsewhere, a bare network, a program."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from convert.embeddings import NOT_ACQUIRED, Device, Embed, Embedded
from convert.errors import ConversionError
from edge.settings import VisionSettings
from edge.vision.cards import read_card

_READY: Final = "ready"


def device_with(models: Path, card: Path | None = None, detector: str | None = None) -> Device:
    """The device of `models`, with the embedder of another card and with another detector where they are named.

    Raises ConversionError for an unknown detector, ModelError where a model is missing or altered.
    """
    wanted: dict[str, Any] = {} if detector is None else {"detector": detector}
    if card is not None:
        wanted["embedder"] = read_card(card).name
    try:
        settings = msgspec.convert(wanted, VisionSettings)
    except msgspec.ValidationError as error:
        raise ConversionError(f"{detector or card}: {error}") from None
    if card is None or card.resolve().parent == models.resolve():
        return Device(models, settings)
    with tempfile.TemporaryDirectory(prefix="limen-") as folder:  # the eye opens its models in one place
        for file in (
            *models.glob("*.json"),
            *models.glob("*.tflite"),
            *models.glob("*.npz"),
            *card.parent.glob(f"{card.stem}.*"),
        ):
            shutil.copy(file, folder)
        return Device(Path(folder), settings)


def through(device: Device, network: Callable[[NDArray[np.uint8]], NDArray[np.float32]]) -> Embed:
    """An `Embed` of a bare network, Keras' or any other: aligned RGB crop uint8 [size, size, 3] -> a vector.

    The device finds, believes and cuts the face; the vector is brought to unit length here.
    """

    def embed(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32] | None, str]:
        crop = device.crop(image)
        if crop is None:
            return None, NOT_ACQUIRED
        vector = _unit(network(crop.pixels))
        return (None, NOT_ACQUIRED) if vector is None else (vector, device.measure(crop).refusal or "")

    return embed


def by_program(command: str, pictures: Sequence[Path]) -> Embedded:
    """What a program says about `pictures`: paths on its standard input, one JSON line out for each.

    As `limen probe --stdin` does: first `{"ready": true}`, then lines with `faces` (each with `vector` and `quality`)
    and `chosen`, the index of the face that is meant, or null. Raises ConversionError naming the picture that failed.
    """
    try:
        process = subprocess.Popen(
            shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
    except (OSError, ValueError) as error:
        raise ConversionError(f"{command}: cannot be started: {error}") from None
    with process:
        try:
            return _conversation(process, command, pictures)
        finally:
            process.kill()
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):  # what it was still to read when it ended
                    process.stdin.close()


def _conversation(process: subprocess.Popen[str], command: str, pictures: Sequence[Path]) -> Embedded:
    if not _answer(process, command, _READY).get(_READY):
        raise ConversionError(f'{command}: did not begin with {{"ready": true}}')
    found: list[tuple[NDArray[np.float32] | None, str]] = []
    for path in tqdm(pictures, desc="embedding", unit=" pictures", disable=None):
        try:
            print(path.absolute(), file=process.stdin, flush=True)
        except OSError:
            raise ConversionError(f"{command}: ended before {path}") from None
        found.append(_told(_answer(process, command, str(path)), command, path))
    shape = next((vector.shape for vector, _ in found if vector is not None), None)
    if shape is None:
        raise ConversionError(f"{command}: found no face in any of {len(pictures)} pictures")
    if any(vector is not None and vector.shape != shape for vector, _ in found):
        raise ConversionError(f"{command}: its vectors are not all of one length")
    missing = np.full(shape, np.nan, np.float32)
    vectors = np.stack([missing if vector is None else vector for vector, _ in found])
    return Embedded(vectors, np.array([word for _, word in found], np.str_))


def _answer(process: subprocess.Popen[str], command: str, about: str) -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout is not None else ""
    try:
        answer = json.loads(line)
    except ValueError:
        raise ConversionError(f"{command}: no JSON line about {about}: {line.strip()[:80]!r}") from None
    if not isinstance(answer, dict):
        raise ConversionError(f"{command}: not a JSON object about {about}")
    return answer


def _told(answer: dict[str, Any], command: str, path: Path) -> tuple[NDArray[np.float32] | None, str]:
    try:
        if answer.get("error"):
            raise ConversionError(f"{path}: {command}: {answer['error']}")
        chosen = answer["chosen"]
        face = None if chosen is None else answer["faces"][chosen]
        vector = None if face is None or face["vector"] is None else _unit(np.array(face["vector"], np.float32))
        quality = (face or {}).get("quality") or {}
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ConversionError(f"{command}: cannot be understood about {path}: {error!r}") from None
    return (None, NOT_ACQUIRED) if vector is None else (vector, str(quality.get("refusal") or ""))


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32] | None:
    flat = np.asarray(vector, np.float32).ravel()
    length = float(np.linalg.norm(flat.astype(np.float64)))
    return (flat / length).astype(np.float32) if np.isfinite(length) and length > 0 else None

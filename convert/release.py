"""Writing a model for the door: `NAME.tflite` and its card `NAME.json`, both or neither."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError
from edge.vision.cards import Card, Head

_STOPS: Final = (signal.SIGINT, signal.SIGTERM)


def space_of(weights: Iterable[NDArray[np.float32]], template: str) -> str:
    """The id of the space in which a network's embeddings live: 12 hexadecimal digits.

    The first 12 digits of the sha256 over: every weight array of the float32 network, in the order of its layers and
    within a layer in Keras' order (kernel, bias; a PReLU's slopes), each as little-endian float32 in C order with
    nothing in between; then the landmark template's name in ASCII. Two files have the same id when they hold the same
    network at whatever precision and eat crops of the same cut: their embeddings may be compared.
    """
    digest = hashlib.sha256()
    for values in weights:
        digest.update(np.ascontiguousarray(values, "<f4").tobytes())
    digest.update(template.encode("ascii"))
    return digest.hexdigest()[:12]


def release(folder: Path, card: Card, content: bytes, head: bytes = b"") -> Card:
    """Write `content` as `<card.name>.tflite` and the card with the content's own sha256 and length beside it.

    `head` is the file that the card's `head` names; without it, the one that is there stays.

    Raises ConversionError when that is not possible; what was there before is then still there and whole.
    """
    card = msgspec.structs.replace(card, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    beside = {card.head.file: head} if head and isinstance(card.head, Head) else {}
    _write(folder, {**beside, f"{card.name}.tflite": content, f"{card.name}.json": card_text(card)})
    return card


def release_card(folder: Path, card: Card) -> None:
    """Write only the card anew, for a model that stays as it is."""
    _write(folder, {f"{card.name}.json": card_text(card)})


def card_text(card: Card) -> bytes:
    """The card as people read it."""
    return msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"


def write_file(path: Path, content: bytes) -> None:
    """Replace `path` by `content`, or leave it as it is and raise ConversionError."""
    _write(path.parent, {path.name: content})


def _write(folder: Path, contents: dict[str, bytes]) -> None:
    """All files, or none: first all to temporary names and onto the disk, then all renamed without interruption.

    Should the power fail between two renames, model and card disagree and the device refuses the pair.
    """
    partials = {folder / name: folder / f"{name}.{token_hex(4)}.partial" for name in contents}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, partial in partials.items():
            with partial.open("wb") as file:
                file.write(contents[path.name])
                file.flush()
                os.fsync(file.fileno())
        with _uninterrupted():
            for path, partial in partials.items():
                partial.replace(path)
        _sync_folder(folder)
    except OSError as error:
        raise ConversionError(f"{folder}: nothing was written: {error.strerror or error}") from None
    finally:
        for partial in partials.values():
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C, and a polite kill, wait until the end of the block."""
    if threading.current_thread() is not threading.main_thread():  # signals only ever reach the main thread
        yield
        return
    pressed: list[int] = []
    before = {number: signal.signal(number, lambda number, _: pressed.append(number)) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for stop in pressed:
            signal.raise_signal(stop)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

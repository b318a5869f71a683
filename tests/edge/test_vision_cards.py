from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.errors import ModelError
from edge.vision.cards import MAX_CARD_BYTES, Head, read_card, verified_model
from tests.edge.eyes import MODELS, NETWORKS


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for name in ("mobilefacenet.json", "mobilefacenet.tflite"):
        shutil.copy(MODELS / name, tmp_path)
    return tmp_path


def rewrite(models: Path, **fields: Any) -> None:
    card = models / "mobilefacenet.json"
    card.write_text(json.dumps(json.loads(card.read_bytes()) | fields))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_shipped_model_is_the_file_its_card_describes(name: str) -> None:
    card, content = verified_model(MODELS, name)
    assert card.name == name
    assert len(content) == card.bytes
    assert card.licence
    assert card.source


@pytest.mark.parametrize("suffix", [".json", ".tflite"])
def test_a_missing_file_is_named_with_its_cure(models: Path, suffix: str) -> None:
    (models / f"mobilefacenet{suffix}").unlink()
    with pytest.raises(ModelError, match=rf"mobilefacenet\{suffix}: not found .*`make models`"):
        verified_model(models, "mobilefacenet")


def test_a_file_that_cannot_be_read_is_named(models: Path) -> None:
    (models / "mobilefacenet.tflite").unlink()
    (models / "mobilefacenet.tflite").mkdir()
    with pytest.raises(ModelError, match=r"mobilefacenet\.tflite: cannot be read"):
        verified_model(models, "mobilefacenet")


def test_one_changed_bit_is_noticed(models: Path) -> None:
    content = bytearray((models / "mobilefacenet.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (models / "mobilefacenet.tflite").write_bytes(content)
    with pytest.raises(ModelError, match="not the file its card describes"):
        verified_model(models, "mobilefacenet")


def test_a_cut_off_file_is_noticed(models: Path) -> None:
    content = (models / "mobilefacenet.tflite").read_bytes()
    (models / "mobilefacenet.tflite").write_bytes(content[:-1])
    with pytest.raises(ModelError, match="not the file its card describes"):
        verified_model(models, "mobilefacenet")


def test_the_card_of_another_model_is_refused(models: Path) -> None:
    rewrite(models, name="facemesh")
    with pytest.raises(ModelError, match="is the card of 'facemesh'"):
        verified_model(models, "mobilefacenet")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sha256", "0" * 63),
        ("role", "oracle"),
        ("v", 2),
        ("bytes", -1),
        ("quantization", "int4"),
        ("favourite_colour", "red"),
        ("space", None),
        ("template", None),
        ("input", {"shape": [1, 112, 112, 3], "mean": 127.5, "scale": 0, "order": "RGB"}),
        ("input", {"shape": [1, 112, 112, 1], "mean": 127.5, "scale": 128.0, "order": "RGB"}),
        ("thresholds", [{"fmr": 1e-3, "similarity": 1.5, "data": ""}]),
    ],
)
def test_a_wrong_field_is_named(models: Path, field: str, value: Any) -> None:
    rewrite(models, **{field: value})
    with pytest.raises(ModelError, match=rf"mobilefacenet\.json: not a model card: .*{field}"):
        read_card(models / "mobilefacenet.json")


def test_pixels_are_centred_and_scaled_for_each_channel_in_the_networks_order(models: Path) -> None:
    rewrite(models, input={"shape": [1, 2, 2, 3], "mean": [1.0, 2.0, 3.0], "scale": [1.0, 2.0, 4.0], "order": "BGR"})
    pixels = np.broadcast_to(np.array([11, 6, 3], np.uint8), (2, 2, 3))  # red, green, blue
    tensor = read_card(models / "mobilefacenet.json").input.tensor(pixels)
    assert (tensor.shape, tensor.dtype) == ((1, 2, 2, 3), np.float32)
    assert tensor[0, 0, 0].tolist() == [2.0, 2.0, 2.0]


def test_one_number_is_for_all_channels(models: Path) -> None:
    tensor = read_card(models / "mobilefacenet.json").input.tensor(np.full((112, 112, 3), 255, np.uint8))
    assert np.unique(tensor).tolist() == [np.float32(127.5) / np.float32(128)]


def test_a_head_is_told_where_there_is_one_and_unknown_to_older_cards(models: Path) -> None:
    assert read_card(models / "mobilefacenet.json").head is msgspec.UNSET
    head = {"file": "mine.head.tflite", "sha256": "0" * 64, "bytes": 9, "layers": ["distance", "verdict"]}
    rewrite(models, head=head)
    assert read_card(models / "mobilefacenet.json").head == msgspec.convert(head, Head)
    rewrite(models, head=head | {"file": "../elsewhere.tflite"})
    with pytest.raises(ModelError, match="head"):
        read_card(models / "mobilefacenet.json")


def test_thresholds_that_contradict_each_other_are_refused(models: Path) -> None:
    rewrite(
        models,
        thresholds=[{"fmr": 1e-3, "similarity": 0.5, "data": ""}, {"fmr": 1e-4, "similarity": 0.4, "data": ""}],
    )
    with pytest.raises(ModelError, match="a smaller fmr must not have a smaller similarity"):
        read_card(models / "mobilefacenet.json")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'"card"', b"\xff\xfe", b"{" * 10_000, b'{"v": NaN}', b'{"accuracy": ' + b'{"a":' * 99_999]
)
def test_what_is_no_card_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"odd\.json: not a model card"):
        read_card(tmp_path / "odd.json")


def test_an_endless_card_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "long.json").write_bytes(b" " * (MAX_CARD_BYTES + 1))
    with pytest.raises(ModelError, match=r"long\.json: larger than"):
        read_card(tmp_path / "long.json")

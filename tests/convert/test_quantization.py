"""From a network and two faces, much altered, to files, cards, a record and its section of the page."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from convert.__main__ import main
from convert.embeddings import Device
from convert.models import FOLDER
from convert.quantization import NAME, Quantization, Request, quantize, release_chosen
from convert.quantization_section import PICTURE, drawings, section
from convert.quantize import to_tflite
from convert.recipes import Recipe
from convert.records import one_of, records_of, write_one
from convert.subjects import Subject
from edge.clock import SystemClock
from edge.vision.cards import verified_model

RECIPES = (Recipe("float32", "float32"), Recipe("float16", "float16"), Recipe("int8", "int8"))
Made = tuple[Quantization, Mapping[str, bytes]]


@pytest.fixture(scope="module")
def network() -> Subject:
    keras = pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")
    keras.utils.set_random_seed(8)
    pixels = keras.Input(batch_shape=(1, 112, 112, 3))
    x = keras.layers.AveragePooling2D(16)(pixels)
    model = keras.Model(pixels, keras.layers.Dense(8)(keras.layers.Flatten()(x)))
    return Subject(model, to_tflite(model, "float32"), to_tflite(model, "float16"), model.get_weights())


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory, faces: dict[str, Any]) -> Path:
    """105 pictures of each of two people: enough pairs for a false match rate of 1 in 10,000."""
    folder = tmp_path_factory.mktemp("album")
    random = np.random.default_rng(1)
    for name, image in faces.items():
        (folder / name).mkdir()
        side = min(image.shape[:2])
        small = cv2.resize(image[:side, :side], (160, 160), interpolation=cv2.INTER_AREA)
        for number in range(1, 106):
            picture = cv2.convertScaleAbs(small, alpha=random.uniform(0.6, 1.1), beta=random.uniform(0, 30))
            cv2.imwrite(str(folder / name / f"{name}_{number:04d}.jpg"), picture)
    (folder / "pairs.txt").write_text("1\nresident 1 2\nresident 1 stranger 1\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def device() -> Device:
    return Device(FOLDER)


@pytest.fixture(scope="module")
def made(network: Subject, album: Path, device: Device, tmp_path_factory: pytest.TempPathFactory) -> Made:
    others = shutil.copytree(album / "resident", tmp_path_factory.mktemp("others") / "faces")
    request = Request(album, album / "pairs.txt", others, RECIPES, "fastest", "two people")
    return quantize(network, device, request, SystemClock(), tmp_path_factory.getbasetemp() / "out")


def test_every_file_is_judged_and_lies_there_with_its_card(made: Made, tmp_path_factory: Any) -> None:
    record, files = made
    assert [verdict.name for verdict in record.verdicts] == ["float32", "float16", "int8"]
    assert record.impostors >= 10_000
    for name, content in files.items():
        card, read = verified_model(tmp_path_factory.getbasetemp() / "out", f"mobilefacenet-{name}")
        assert read == content
        assert (card.thresholds, card.selftest) == ((), ""), "what another file showed is never carried over"
        assert card.float32_sha256 == record.float32_sha256


def test_a_file_that_computes_in_integers_has_a_space_of_its_own(made: Made, tmp_path_factory: Any) -> None:
    out = tmp_path_factory.getbasetemp() / "out"
    spaces = [verified_model(out, f"mobilefacenet-{name}")[0].space for name in made[1]]
    assert spaces[0] == spaces[1] != spaces[2]


def test_the_chosen_file_takes_the_embedders_place_without_its_thresholds(
    made: Made, network: Subject, device: Device, tmp_path: Path
) -> None:
    models = Path(shutil.copytree(FOLDER, tmp_path / "models"))
    record, files = made
    card = release_chosen(network, device, record, files, RECIPES, models)
    assert (card.name, card.sha256, card.thresholds) == ("mobilefacenet", record.released, ())
    assert verified_model(models, "mobilefacenet")[1] in files.values()


def test_the_page_tells_what_passed_and_what_did_not(made: Made, tmp_path: Path) -> None:
    passed = made[0].verdicts[1]
    refused = msgspec.structs.replace(passed, name="plain", sha256="b" * 64, reasons=("3 crops below cosine 0.97",))
    record = msgspec.structs.replace(made[0], released=passed.sha256, verdicts=(passed, refused))
    write_one(tmp_path, NAME, record.released, record)
    records = records_of(tmp_path, record.released)
    assert one_of(records, NAME, Quantization) == record
    page = section(records)
    assert "| **`float16`** |" in page
    assert "passes, shipped |" in page
    assert "refused: 3 crops below cosine 0.97 |" in page
    assert section({}) == ""


def test_the_drift_of_each_precision_is_drawn(made: Made) -> None:
    drift = made[0].drift
    assert len(drift.float32) == 2 * drift.genuine == 300
    assert sorted(drift.files) == ["float16", "int8"]
    apart = {name: np.abs(np.subtract(found, drift.float32)).max() for name, found in drift.files.items()}
    assert apart["float16"] < 0.001
    assert apart["int8"] < 0.05
    drawn = drawings({NAME: msgspec.to_builtins(made[0])})[PICTURE]
    assert (drawn.count("<path"), drawn.count("h0")) == (2, 600)
    assert "150 pairs of one person, 150 of two" in drawn
    assert drawings({}) == {}


def test_without_pictures_both_commands_say_what_to_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIMEN_DATA", str(tmp_path))
    model = str(FOLDER / "mobilefacenet.tflite")
    for arguments in (["quantize"], ["compare", model, model]):
        assert main(arguments) == 1
        assert "no folder of pictures; name one with --images" in capsys.readouterr().err


def test_a_file_without_a_card_is_not_compared(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["compare", str(tmp_path / "mine.tflite"), str(FOLDER / "mobilefacenet.tflite")]) == 1
    assert "has no card beside it, mine.json" in capsys.readouterr().err

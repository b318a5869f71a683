from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from convert import figures
from convert.compare import compare, lines
from convert.errors import ConversionError
from convert.gate import Difference, Loss, Panel, Reference, Verdict, cosines, fastest, reasons
from convert.models import FOLDER
from convert.quantization import choose
from convert.speed import Plan, milliseconds, plan
from edge.clock import SystemClock
from edge.vision.cards import read_card, verified_model
from edge.vision.runtime import load_network

EMBEDDER = FOLDER / "mobilefacenet.tflite"


def people(noise: float, seed: int = 1) -> figures.AllPairs:
    """60 people with 3 pictures each, around directions of their own; the same ones for every `noise`."""
    random = np.random.default_rng(seed)
    directions = np.repeat(random.normal(size=(60, 12)), 3, axis=0) + 0.3 * random.normal(size=(180, 12))
    vectors = directions + noise * np.random.default_rng(2).normal(size=directions.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return figures.all_pairs(vectors.astype(np.float32), np.repeat(np.arange(60), 3).tolist())


def verdict(name: str, times: float, *refused: str, size: int = 1) -> Verdict:
    return Verdict(name, "int8", (), "a" * 64, size, 1.0, 1.0, (), Plan(1, 1, {}), times, refused)


def loss(high: float) -> Loss:
    return Loss(1e-4, 0.5, 0.95, Difference(0.001, 0.0, high))


def test_a_file_loses_nothing_to_itself() -> None:
    for found in Reference.of(people(0)).losses(people(0)):
        assert found.loss == Difference(0, 0, 0)


def test_a_noisier_file_loses_and_the_interval_holds_the_loss() -> None:
    reference, noisy = Reference.of(people(0)), people(0.4)
    for found in reference.losses(noisy):
        assert found.loss.value > 0.05
        assert found.loss.low < found.loss.value < found.loss.high
        assert found.tar == pytest.approx(reference.tars[found.fmr] - found.loss.value, abs=1e-5)


def test_pairing_makes_the_interval_narrower_than_that_of_either_file() -> None:
    found = Reference.of(people(0)).losses(people(0.01))[0].loss
    alone = figures.tar_at(people(0), 1e-3)
    assert alone is not None
    assert found.high - found.low < (alone.tar.high - alone.tar.low) / 2


def test_a_file_that_accepts_nobody_loses_everything() -> None:
    reference = Reference.of(people(0))
    for found in reference.everything():
        assert found.loss.low == found.loss.high == pytest.approx(reference.tars[found.fmr], abs=1e-6)
        assert reasons(np.ones(1, np.float32), [found])


def test_too_few_people_cannot_judge() -> None:
    few = figures.all_pairs(np.eye(3, dtype=np.float32), (0, 1, 2))
    with pytest.raises(ConversionError, match=r"3 impostor pairs are too few for a false match rate of 0\.001"):
        Reference.of(few)


def test_the_gate_says_why() -> None:
    good = np.array([0.999, 0.98], np.float32)
    assert reasons(good, [loss(0.005)]) == ()
    assert reasons(good, [loss(0.0051)]) == ("TAR loss at FMR 0.0001 may be 0.51 points",)
    assert reasons(np.array([0.999, 0.9699], np.float32), [loss(0)]) == ("1 of 2 crops below cosine 0.97",)


def test_a_crop_without_a_face_is_not_compared() -> None:
    vectors = np.array([[1, 0], [np.nan, np.nan]], np.float32)
    assert cosines(vectors, vectors).tolist() == [1.0]


def test_a_crop_that_only_the_smaller_file_has_no_direction_for_is_as_far_off_as_can_be() -> None:
    own = np.array([[1, 0], [0, 1]], np.float32)
    assert cosines(np.array([[1, 0], [np.nan, np.nan]], np.float32), own).tolist() == [1.0, 0.0]


def test_the_fastest_that_passes_is_released_unless_told_otherwise() -> None:
    files = [verdict("float32", 1.2), verdict("float16", 1.0), verdict("int8", 0.6), verdict("plain", 0.5, "too far")]
    chosen = choose(files, "fastest")
    assert chosen is not None
    assert chosen.name == fastest(files).name == "int8"
    assert choose(files, "none") is None
    told = choose(files, "float32")
    assert told is not None
    assert told.name == "float32"


def test_of_two_about_as_fast_the_smaller_one_is_released() -> None:
    assert fastest([verdict("float32", 0.98, size=4), verdict("float16", 1.0, size=2)]).name == "float16"
    assert fastest([verdict("float32", 0.9, size=4), verdict("float16", 1.0, size=2)]).name == "float32"


def test_what_does_not_pass_is_not_released_even_when_told() -> None:
    with pytest.raises(ConversionError, match="plain does not pass the gate: too far"):
        choose([verdict("plain", 0.5, "too far")], "plain")
    with pytest.raises(ConversionError, match="int8 was not made"):
        choose([], "int8")
    with pytest.raises(ConversionError, match="no file passes"):
        choose([verdict("plain", 0.5, "too far")], "fastest")


@pytest.fixture
def panel() -> Panel:
    """Noise instead of faces: 75 `people`, two pictures each, and one without a face."""
    random = np.random.default_rng(4)
    crops = np.repeat(random.integers(0, 255, (75, 7, 7, 3)), 2, axis=0)
    crops = np.clip(crops + random.integers(-40, 40, crops.shape), 0, 255).repeat(16, axis=1).repeat(16, axis=2)
    crops[-1] = 0
    return Panel(crops.astype(np.uint8), np.repeat(np.arange(75), 2).tolist(), read_card(FOLDER / "mobilefacenet.json"))


def test_a_black_crop_has_no_embedding(panel: Panel) -> None:
    found = panel.embed(load_network(EMBEDDER.read_bytes()), "a test")
    assert np.isnan(found[-1]).all()
    assert np.linalg.norm(found[:-1], axis=1) == pytest.approx(1, abs=1e-5)


def test_a_file_beside_itself_shows_no_difference(panel: Panel) -> None:
    found = compare(EMBEDDER, EMBEDDER, panel, SystemClock())
    assert found.cosine == (1.0, 1.0)
    assert {part.loss for part in found.losses} == {Difference(0, 0, 0)}
    assert found.crops == 149
    assert any("0.00 points" in line for line in lines(found))


def test_only_embedders_of_the_same_crops_are_compared(panel: Panel) -> None:
    with pytest.raises(ConversionError, match=r"blazeface\.tflite: is a model for detector, not an embedder"):
        compare(EMBEDDER, FOLDER / "blazeface.tflite", panel, SystemClock())
    card = msgspec.structs.replace(panel.card, template="another")
    with pytest.raises(ConversionError, match="eats other crops"):
        compare(EMBEDDER, EMBEDDER, Panel(panel.crops, panel.people, card), SystemClock())


@pytest.mark.parametrize("name", ["blazeface", "facemesh", "mobilefacenet"])
def test_xnnpack_takes_every_shipped_file_whole(name: str) -> None:
    _, content = verified_model(FOLDER, name)
    found = plan(load_network(content))
    assert (found.partitions, found.fell_off) == (1, {})
    assert found.operators > 50


def test_times_are_taken_in_turn() -> None:
    class Ticks:
        at = 0.0

        def now(self) -> float:
            self.at += 0.001
            return self.at

    network = load_network(EMBEDDER.read_bytes())
    clock: Any = Ticks()
    assert milliseconds({"a": network, "b": network}, clock, rounds=3) == pytest.approx({"a": 1.0, "b": 1.0})

"""Trainings, small enough to watch: they learn, go on after kill -9, stop for a reason, and reach the door."""

from __future__ import annotations

import csv
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from convert.__main__ import main
from convert.errors import ConversionError
from edge.clock import SystemClock
from edge.vision.cards import verified_model
from edge.vision.embedder import Embedder
from edge.vision.runtime import load_network
from tests.convert.networks import QUIET

keras = pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")

from convert.siamese import checkpoint  # noqa: E402
from convert.siamese.features import features  # noqa: E402
from convert.siamese.learner import Learner  # noqa: E402
from convert.siamese.released import read_result, release_run  # noqa: E402
from convert.siamese.run import Run, read_run  # noqa: E402
from convert.siamese.train import train  # noqa: E402

pytestmark = QUIET

CLOCK = SystemClock()
TINY: dict[str, Any] = {
    "detector": "none", "size": 32, "embedding": 16, "batch": 8, "steps": 6, "epochs": 2, "judge_pairs": 100
}  # fmt: skip


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn(tmp_path_factory.mktemp("album"))


def drawn(folder: Path) -> Path:
    """Twelve people whose faces are coarse patterns, six noisy pictures of each."""
    random = np.random.default_rng(1)
    for person in range(12):
        (folder / f"p{person:02d}").mkdir()
        face = np.kron(random.integers(40, 216, (4, 4, 3)), np.ones((8, 8, 1)))
        for number in range(6):
            pixels = (face + random.normal(0, 12, face.shape)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"p{person:02d}" / f"{number}.png"), pixels)
    return folder


def run_of(album: Path, **knobs: Any) -> Run:
    return msgspec.convert({**TINY, "pictures": str(album), **knobs}, Run)


RECIPES: dict[str, dict[str, Any]] = {
    "contrastive": {"augment": "light"},
    "triplet": {"margin": 0.2, "batch": 16},
    "siamese-bce": {"steps": 20},
    "features": {"head": "three", "standardise": True, "negatives": 1.5},
}


@pytest.fixture(scope="module")
def runs(album: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A finished run of each recipe. No test changes them."""
    folders = {recipe: tmp_path_factory.mktemp(recipe) for recipe in RECIPES}
    for recipe, folder in folders.items():
        train(run_of(album, recipe=recipe, **RECIPES[recipe]), folder, CLOCK)
    return folders


def tower_of(folder: Path) -> Any:
    return keras.saving.load_model(folder / "tower.keras", compile=False)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_learns_and_keeps_what_it_learned(album: Path, runs: dict[str, Path], recipe: str) -> None:
    folder = runs[recipe]
    result = read_result(folder)
    assert result.figures.auc > 0.6
    assert read_run(folder) == run_of(album, recipe=recipe, **RECIPES[recipe])
    rows = list(csv.DictReader((folder / "metrics.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"loss", "precision", "recall", "auc"} <= set(rows[0])
    assert all(0 <= float(row[name]) <= 1 for row in rows for name in ("precision", "recall", "auc"))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 5
    assert "Two people, most alike" in page
    assert (folder / "siamese.keras").exists() == (recipe in {"siamese-bce", "features"})
    assert not set(result.people["train"]) & set(result.people["test"])


def test_the_weights_that_are_kept_are_those_of_the_best_epoch(album: Path, tmp_path: Path) -> None:
    result = train(run_of(album, learning_rate=0.02, epochs=3), tmp_path, CLOCK)
    state = checkpoint.load(tmp_path)
    assert state is not None
    assert result.best_epoch == max(state.history, key=lambda epoch: epoch.auc).epoch
    kept = tower_of(tmp_path).variables
    assert all((np.asarray(a) == b).all() for a, b in zip(kept, state.best, strict=True))


def test_it_stops_early_when_nothing_gets_better(album: Path, tmp_path: Path) -> None:
    result = train(run_of(album, learning_rate=1e-9, epochs=30, patience=2), tmp_path, CLOCK)
    assert result.epochs == result.best_epoch + 2


def command(album: Path, out: Path, *more: str) -> list[str]:
    words = "--detector none --size 32 --embedding 16 --batch 8 --steps 4 --epochs 8 --patience 8 --judge-pairs 50"
    asked = f"{words} --threads 1".split()
    return [sys.executable, "-m", "convert", "train", str(album), *asked, "--out", str(out), *more]


def told(folder: Path) -> list[dict[str, str]]:
    rows = list(csv.DictReader((folder / "metrics.csv").read_text(encoding="utf-8").splitlines()))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.mark.parametrize("taught", [False, True])
def test_killed_it_goes_on_as_if_nothing_had_been(album: Path, runs: Any, tmp_path: Path, *, taught: bool) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    more = f"--distil 1 --lookalikes 2 --weights {runs['contrastive'] / 'tower.keras'}".split() if taught else []
    undisturbed = subprocess.Popen(command(album, whole, *more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    disturbed = subprocess.Popen(
        command(album, killed, *more), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert disturbed.stdout is not None
    for line in disturbed.stdout:
        if line.startswith("epoch   2/"):
            os.kill(disturbed.pid, signal.SIGKILL)
            break
    disturbed.stdout.close()
    assert disturbed.wait() == -signal.SIGKILL
    assert not (killed / "result.json").exists()
    again = subprocess.run(command(album, killed, *more), capture_output=True, text=True, check=True)
    assert "Going on after epoch" in again.stdout
    assert undisturbed.wait() == 0
    assert told(killed) == told(whole)
    towers = [tower_of(folder).get_weights() for folder in (whole, killed)]
    assert all((a == b).all() for a, b in zip(*towers, strict=True))


def test_another_training_does_not_go_on_in_the_same_folder(album: Path, runs: dict[str, Path]) -> None:
    with pytest.raises(ConversionError, match=r"holds another training .*epochs 2"):
        train(run_of(album, augment="light", epochs=3), runs["contrastive"], CLOCK)


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ConversionError, match=r"state\.npz: is damaged"):
        checkpoint.load(tmp_path)


def test_a_loss_that_is_no_number_stops_at_its_batch_and_names_files(album: Path, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"epoch \d+, batch \d+: the loss is no number, with p\d\d/\d\.png"):
        train(run_of(album, learning_rate=1e30), tmp_path, CLOCK)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--size", "8"], "size"),
        (["--backbone", "small", "--weights", "imagenet"], "there are none for the backbone small"),
        (["--backbone", "inception_resnet_v2", "--size", "64"], "at least 75"),
        (["--backbone", "mobilefacenet"], "takes 112 x 112"),
        (["--weights", "nothing.keras"], "there is no such file"),
        (["--recipe", "features", "--augment", "light"], "features are computed once"),
        (["--distil", "1"], "--distil: a network from scratch knows nobody yet"),
        (["--lookalikes", "3"], "--lookalikes: a network from scratch knows nobody yet"),
        (["--recipe", "features", "--distil", "1"], "for a tower that learns"),
        (["--recipe", "siamese-bce", "--head-first", "1"], "a tower that begins with --weights"),
        (["--recipe", "triplet", "--head-first", "1"], "is for a head"),
    ],
)
def test_knobs_that_do_not_fit_are_told(
    album: Path, tmp_path: Path, words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["train", str(album), "--detector", "none", "--out", str(tmp_path / "run"), *words]
    assert main(asked) == 1
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_was_left_out_is_told_before_it_learns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    album = drawn(tmp_path)
    (album / "p03" / "notes.txt").write_text("hello", encoding="utf-8")
    train(run_of(album, epochs=1, steps=1), tmp_path / "run", CLOCK)
    told = capsys.readouterr().out
    assert told.startswith("note: p03/notes.txt: not a picture by its name; left out")
    assert told.index("note:") < told.index("epoch   1/1")


def test_learning_can_go_on_from_a_tower_of_before(album: Path, runs: dict[str, Path]) -> None:
    learner = Learner(run_of(album, weights=str(runs["contrastive"] / "tower.keras")))
    before = tower_of(runs["contrastive"]).get_weights()
    assert all((a == b).all() for a, b in zip(learner.tower.get_weights(), before, strict=True))


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 20,000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_nothing_is_half_written(album: Path, tmp_path: Path, full_disk: None) -> None:
    assert full_disk is None
    learner = Learner(run_of(album))
    values = checkpoint.values_of(learner.variables)
    with pytest.raises(ConversionError, match=r"tower\.keras: cannot be written"):
        learner.write(tmp_path)
    with pytest.raises(ConversionError, match=r"features-\w+\.npy: cannot be written"):
        features(learner.tower, learner.eats, np.zeros((400, 32, 32, 3), np.uint8), tmp_path)
    with pytest.raises(ConversionError, match="nothing was written"):
        checkpoint.save(tmp_path, checkpoint.State(values, values, ()))
    assert {path.name for path in tmp_path.iterdir()} <= {"metrics.csv"}


def test_a_run_in_bfloat16_leaves_a_float32_network(album: Path, tmp_path: Path) -> None:
    try:
        train(run_of(album, epochs=1, precision="bfloat16"), tmp_path, CLOCK)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    tower = tower_of(tmp_path)
    assert {layer.dtype_policy.name for layer in tower.layers} == {"float32"}
    assert np.asarray(tower(np.zeros((1, 32, 32, 3), np.float32))).dtype == np.float32


@pytest.mark.parametrize("recipe", ["triplet", "siamese-bce", "features"])
def test_the_door_gets_the_same_vectors_as_the_training_had(runs: dict[str, Path], tmp_path: Path, recipe: str) -> None:
    card = release_run(runs[recipe], tmp_path / "models", "mine")
    _, content = verified_model(tmp_path / "models", "mine")
    embedder = Embedder(load_network(content), card)
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    wanted = np.asarray(tower_of(runs[recipe])((pixels.astype(np.float32) / 127.5 - 1)[np.newaxis]))[0]
    found = embedder.embed(pixels)
    assert found is not None
    assert found.vector @ wanted / np.linalg.norm(wanted) == pytest.approx(1, abs=1e-3)


def test_an_unfinished_run_is_not_released(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((runs["triplet"] / "config.json").read_bytes())
    with pytest.raises(ConversionError, match="not a finished run"):
        release_run(tmp_path, tmp_path / "models")
    with pytest.raises(ConversionError, match="is no run of"):
        release_run(tmp_path / "elsewhere", tmp_path / "models")

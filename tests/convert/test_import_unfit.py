"""What is no embedder is refused with a reason, and nothing is half written."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.__main__ import main
from convert.models import FOLDER
from convert.sources.imported import Wish
from convert.sources.keras_file import import_keras
from edge.vision.heads import encoded
from tests.convert.networks import QUIET, SIDE, apart, embedder, keras, siamese
from tests.edge.heads import a_head

pytestmark = QUIET
RANGE = ("--mean", "127.5", "--scale", "127.5")


def refused(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Why `path` was not taken; nothing may have been written beside the models that were there."""
    models = path.parent / "models"
    before = sorted(models.iterdir()) if models.exists() else []
    assert main(["import", "keras", str(path), *RANGE, "--models", str(models), *options]) == 1
    assert (sorted(models.iterdir()) if models.exists() else []) == before
    return capsys.readouterr().err


def saved(model: Any, path: Path) -> Path:
    model.save(path)
    return path


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("content", [b"", b"a letter", b"PK\x03\x04 and no more", b"\x89HDF\r\n\x1a\n and no more"])
def test_a_file_that_is_no_model_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str, content: bytes
) -> None:
    (tmp_path / f"odd.{suffix}").write_bytes(content)
    assert f"odd.{suffix}: not a whole .keras or .h5 file" in refused(tmp_path / f"odd.{suffix}", capsys)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("part", [0.2, 0.6, 0.99])
def test_a_truncated_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str, part: float) -> None:
    path = saved(embedder(), tmp_path / f"cut.{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    assert "limen-convert: cut." in refused(path, capsys)


def test_what_is_not_there_and_what_is_a_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No such file" in refused(tmp_path / "none.keras", capsys)
    (tmp_path / "folder.keras").mkdir()
    assert "folder.keras: not a whole .keras or .h5 file" in refused(tmp_path / "folder.keras", capsys)


def test_weights_alone_are_no_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    embedder().save_weights(tmp_path / "only.weights.h5")
    assert "save it with model.save(), not save_weights()" in refused(tmp_path / "only.weights.h5", capsys)


def test_a_keras_file_of_keras_2_is_told_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "old.keras", "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "2.15.0"}')
        archive.writestr("config.json", '{"class_name": "Functional", "config": {}}')
    assert "of Keras 2.15.0: save it there as .h5 or as a SavedModel" in refused(tmp_path / "old.keras", capsys)


def flat(*shape: int | None) -> Any:
    pixels = keras.Input(shape)
    return keras.Model(pixels, keras.layers.Dense(8)(keras.layers.Flatten()(pixels)))


def constant() -> Any:
    model = embedder()
    last = model.get_layer("vector")
    last.set_weights([np.zeros_like(last.get_weights()[0]), np.ones(8, np.float32)])
    return model


def with_weight(layer: str, value: float) -> Any:
    model = embedder()
    kernel, bias = model.get_layer(layer).get_weights()
    kernel[..., :2] = (value, value / 10)
    model.get_layer(layer).set_weights([kernel, bias])
    return model


def ended(layer: Any) -> Any:
    model = embedder()
    return keras.Model(model.inputs, layer(model.outputs[0]))


def two_branches() -> Any:
    inputs = [keras.Input((SIDE, SIDE, 3)) for _ in range(2)]
    towers = [embedder(seed, name=f"tower_{seed}") for seed in (1, 2)]
    return keras.Model(inputs, apart(*(tower(pixels) for tower, pixels in zip(towers, inputs, strict=True))))


def two_towers() -> Any:
    inputs = [keras.Input((SIDE, SIDE, 3)) for _ in range(2)]
    towers = [embedder(seed, name=f"tower_{seed}") for seed in (1, 2)]
    ends = [tower(pixels) for pixels in inputs for tower in towers]
    return keras.Model(inputs, keras.layers.Concatenate()(ends))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: flat(48), "its input has shape [any, 48]: a picture [batch, height, width, channels] is meant"),
        (lambda: flat(4, SIDE, SIDE, 3), "a picture [batch, height, width, channels] is meant"),
        (lambda: flat(3, SIDE, SIDE), "the channels must come last and be 3, or 1 for grey"),
        (lambda: flat(SIDE, 12, 3), "its input has shape [any, 16, 12, 3]: faces are cut square"),
        (lambda: keras.Sequential([keras.layers.Dense(8)]), "its input has no shape yet"),
        (lambda: ended(keras.layers.Dense(1)), "one number is a score and no embedding"),
        (lambda: ended(keras.layers.Reshape((2, 2, 2))), "its output has shape [1, 2, 2, 2]: one vector is meant"),
        (lambda: ended(keras.layers.Dense(5, activation="softmax")), "it gives probabilities, as a classifier does"),
        (lambda: with_weight("first", np.nan), "first/kernel: holds numbers that are not finite"),
        (lambda: with_weight("first", np.inf), "first/kernel: holds numbers that are not finite"),
        (lambda: with_weight("vector", 1e6), "float16 does not hold it"),
        (constant, "its embedding is constant: every picture gives the same one"),
        (two_branches, "no shared tower: the branches have weights of their own; nothing is shared by all inputs"),
        (two_towers, "name it with --tower: tower_2 [8], tower_1 [8]"),
        (lambda: ended(keras.layers.Lambda(lambda x: x * 2, name="twice")), "twice: Python code inside a Lambda layer"),
    ],
)
def test_an_unfit_network_is_told_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[], Any], reason: str
) -> None:
    said = refused(saved(make(), tmp_path / "unfit.keras"), capsys)
    assert said.startswith("limen-convert: unfit.keras: ")
    assert reason in said


def test_what_tflite_cannot_say_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = embedder()
    path = saved(keras.Model(model.inputs, keras.ops.erfinv(model.outputs[0])), tmp_path / "odd.keras")
    assert "TFLite has no way to say what it does" in refused(path, capsys)


def test_a_lambda_inside_the_tower_is_refused_with_a_cure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(siamese(apart, ended(keras.layers.Lambda(lambda x: x * 2, name="twice"))), tmp_path / "inside.keras")
    said = refused(path, capsys)
    assert "twice: Python code inside a Lambda layer" in said
    assert 'model.get_layer("NAME").save("tower.keras")' in said


def test_a_layer_whose_code_is_elsewhere_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Homemade(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    path = saved(ended(Homemade()), tmp_path / "own.keras")
    assert "Keras cannot rebuild it" in refused(path, capsys)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--tower", "nothing"), "--tower nothing: is not in the model"),
        (("--size", "32"), "--size 32: the network takes pictures of 16 x 16"),
        (("--scale", "0"), "not an input that the door can make"),
        (("--name", "Ada's net"), "up to 64 of a-z 0-9 _ - are meant"),
    ],
)
def test_options_that_do_not_fit_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, str], reason: str
) -> None:
    assert reason in refused(saved(embedder(), tmp_path / "fine.keras"), capsys, *options)


def test_an_embedder_does_not_take_the_detectors_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models").mkdir()
    shutil.copy(FOLDER / "blazeface.json", tmp_path / "models")
    said = refused(saved(embedder(), tmp_path / "fine.keras"), capsys, "--name", "blazeface")
    assert "there is a model for detector of that name" in said


def test_the_range_of_the_pixels_must_be_said(tmp_path: Path) -> None:
    for wrong in ([], ["--mean", "0"], ["--mean", "0", "--scale", "1,2"], ["--mean", "no", "--scale", "1"]):
        with pytest.raises(SystemExit) as left:
            main(["import", "keras", str(tmp_path / "any.keras"), *wrong])
        assert left.value.code == 2


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the parts of a network that is ready to be written, head and all."""
    folder = tmp_path_factory.mktemp("whole")
    network = import_keras(saved(siamese(apart), folder / "siamese.keras"), Wish())
    for name in ("exact", "small"):
        (folder / name).write_bytes(getattr(network, name))
    (folder / "head").write_bytes(encoded(a_head(8)))
    return folder


SCRIPT = """
import os, resource, signal, sys
from pathlib import Path
from convert.bring import Description, bring
from convert.sources.imported import Imported
from edge.vision.heads import decoded
exact, small, head = ((Path(sys.argv[1]) / name).read_bytes() for name in ("exact", "small", "head"))
network = Imported(exact, small, (), head=decoded(head), head_layers=("verdict",))
opened = []
def interfere(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".partial"):
        opened.append(arguments[0])
        {at_the_write}
sys.addaudithook(interfere)
try:
    card = bring(Path(sys.argv[2]), network, Description("mine", 0, 255, "RGB", "arcface112", "", ""), "0" * 64)
    print(card.name)
except (KeyboardInterrupt, Exception) as error:
    print(type(error).__name__, error)
"""


def brought(whole: Path, models: Path, at_the_write: str = "pass") -> str:
    """What a process of its own said that wrote the network into `models` while something happened."""
    script = SCRIPT.replace("{at_the_write}", at_the_write)
    command = [sys.executable, "-c", script, str(whole), str(models)]
    return subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.parametrize("file", [1, 2, 3])
def test_ctrl_c_leaves_no_half_written_model(tmp_path: Path, whole: Path, file: int) -> None:
    press = f"os.kill(os.getpid(), signal.SIGINT) if len(opened) == {file} else None"
    assert brought(whole, tmp_path / "models", press).startswith("KeyboardInterrupt")
    assert list((tmp_path / "models").iterdir()) == []


def test_a_full_disk_leaves_the_old_model_whole(tmp_path: Path, whole: Path) -> None:
    models = tmp_path / "models"
    assert brought(whole, models) == "mine\n"
    before = {file.name: file.read_bytes() for file in models.iterdir()}
    assert sorted(before) == ["mine.head.npz", "mine.json", "mine.tflite"]
    # A limit on the size of files stops a write half way, as a full disk does.
    fill = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))"
    assert "nothing was written" in brought(whole, models, fill)
    assert {file.name: file.read_bytes() for file in models.iterdir()} == before


def test_a_terminal_gets_the_exit_code_of_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(embedder(), tmp_path / "fine.keras")

    def pressed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convert.sources.keras_file.to_tflite", pressed)
    assert main(["import", "keras", str(path), *RANGE, "--models", str(tmp_path / "models")]) == 130
    assert not (tmp_path / "models").exists()

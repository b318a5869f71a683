"""The README's way of a network of one's own to the door, line by line as it is printed there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from convert.__main__ import main
from convert.models import FOLDER
from convert.record import read_records
from convert.records import records_of
from edge.vision.cards import read_card, verified_model
from tests.convert.networks import QUIET, keras, one_sided, siamese
from tests.convert.test_import_onnx import made as write_onnx
from tests.convert.test_import_onnx import with_converter

pytestmark = QUIET
PROJECT = FOLDER.parent
BLOCKS = re.findall(r"```sh\n(.*?)```", (PROJECT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
(LINES,) = (block.splitlines() for block in BLOCKS if "import keras" in block)
PRECISIONS = ["float32", "float16", "dynamic", "int8"]


def tower(seed: int = 6) -> Any:
    """A small network as people train them: convolutions, normalisation, ReLU; [32, 32, 3] -> 16."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    x = pixels = keras.Input((32, 32, 3))
    for channels in (8, 16):
        x = layers.Conv2D(channels, 3, strides=2, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(pixels, layers.Dense(16)(layers.Flatten()(x)), name="tower")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, faces: dict[str, Any]) -> Iterator[Path]:
    """A folder as the README's reader has it: the models, the configuration, a .h5 file and pictures in ~/data/lfw.

    105 pictures of each of two people for the thresholds and of two for the figures: enough for a false match rate of
    1 in 10,000. The two are the same in both halves, if under other names.
    """
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(FOLDER, folder / "models", ignore=shutil.ignore_patterns("records"))
    shutil.copy(PROJECT / "config.yaml", folder)
    siamese(one_sided, tower()).save(folder / "my_siamese.h5")
    random = np.random.default_rng(1)
    for half in ("Train", "Test"):
        people = [f"{name}{half}" for name in faces]
        for name, image in zip(people, faces.values(), strict=True):
            (folder / "data" / "lfw" / name).mkdir(parents=True)
            side = min(image.shape[:2])
            small = cv2.resize(image[:side, :side], (160, 160), interpolation=cv2.INTER_AREA)
            for number in range(1, 106):
                picture = cv2.convertScaleAbs(small, alpha=random.uniform(0.6, 1.1), beta=random.uniform(0, 30))
                cv2.imwrite(str(folder / "data" / "lfw" / name / f"{name}_{number:04d}.jpg"), picture)
        one, other = people
        pairs = ["2", f"{one} 1 2", f"{other} 1 2", f"{one} 1 {other} 1", f"{one} 2 {other} 2"]
        (folder / "data" / "lfw" / f"pairsDev{half}.txt").write_text("\n".join(pairs), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def done(line: str, patch: pytest.MonkeyPatch) -> None:
    """Do what a line of the README says, in the folder that is here instead of the project's."""
    words = shlex.split(line, comments=True)
    if "=" in words[0]:
        name, value = words.pop(0).split("=")
        patch.setenv(name, value.replace("~", str(Path.cwd())))
    if not words[0].endswith("limen-convert"):
        subprocess.run(words, check=True)
        return
    assert words[0] == ".venv-convert/bin/limen-convert", "the only environment that the lines before have made"
    elsewhere = ["--models", "models", *(["--out", "made"] if words[1] == "quantize" else [])]
    assert main([*words[1:], *elsewhere]) == 0, line


OWN = ["quantize", "my_siamese.h5", "--model", "models/mine.json", "--models", "models", "--out", "made"]


def in_a_process(command: list[str], folder: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run `command` in `folder`, whatever environment it is installed in, with the pictures there."""
    env = {**os.environ, "PYTHONPATH": str(PROJECT), "LIMEN_DATA": str(folder / "data")}
    return subprocess.run(
        command, cwd=folder, env=env, input=given, capture_output=True, text=True, timeout=120, check=True
    )


def everything(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for name in ("models", "made") for path in (home / name).rglob("*.*")}


@pytest.fixture(scope="module")
def brought(home: Path) -> Path:
    """The home after the README's five lines."""
    assert len(LINES) == 5
    assert LINES[0].startswith("make .venv-convert/ready ")
    with pytest.MonkeyPatch.context() as patch:
        for line in LINES[1:]:
            done(line, patch)
    return home


def test_the_page_about_it_shows_the_same_lines() -> None:
    assert "\n".join(LINES) in (PROJECT / "docs" / "models.md").read_text(encoding="utf-8")


def test_five_lines_bring_a_network_of_ones_own_to_the_door(brought: Path) -> None:
    card, _ = verified_model(brought / "models", "mine")
    assert card.score == "cosine"
    assert "its head is left behind: the door runs |a - b| and dense layers, and not distance" in card.source
    judged = records_of(brought / "models", card.sha256)["quantization"]
    assert [verdict["name"] for verdict in judged["verdicts"]] == PRECISIONS
    fastest = min(verdict["times_float16"] for verdict in judged["verdicts"] if not verdict["reasons"])
    (chosen,) = (verdict for verdict in judged["verdicts"] if verdict["sha256"] == card.sha256)
    assert chosen["times_float16"] <= 1.05 * fastest
    assert judged["float32_sha256"] == card.float32_sha256 == read_card(brought / "made" / "mine-float32.json").sha256
    measured = read_records(brought / "models")[card.sha256]
    assert card.thresholds == measured.thresholds(), "derived on the very file that was released"
    assert [step.fmr for step in card.thresholds] == [1e-2, 1e-3, 1e-4]
    assert card.selftest, "limen doctor asks the runtime for it"


def test_the_door_decides_with_it(brought: Path) -> None:
    def limen(*words: str, given: str = "") -> str:
        return in_a_process([sys.executable, "-m", "edge", *words], brought, given).stdout

    balanced = read_card(brought / "models" / "mine.json").thresholds[-1].similarity
    assert f"it reaches similarity {balanced:.3f}" in limen("check-config")
    picture = brought / "data" / "lfw" / "residentTest" / "residentTest_0001.jpg"
    told = json.loads(limen("probe", "--stdin", given=f"{picture}\n").splitlines()[-1])
    assert len(told["faces"][told["chosen"]]["vector"]) == 16


def test_two_of_its_files_stand_side_by_side(
    brought: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIMEN_DATA", str(brought / "data"))
    assert main(["compare", "made/mine-float16.tflite", "made/mine-int8.tflite", "--models", "models"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"precision +float16 +int8", said)
    assert "references do not carry over" in said


@pytest.mark.parametrize("source", ["savedmodel", pytest.param("onnx", marks=with_converter)])
def test_other_sources_come_in_four_precisions_too(
    brought: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setenv("LIMEN_DATA", str(brought / "data"))
    network = tmp_path / f"other.{source}"
    if source == "onnx":
        write_onnx(network, "siamese")
    else:
        tower().export(network, verbose=False)
    models, name = ["--models", "models"], ["--name", f"of-{source}"]
    size = ["--size", "16"] if source == "onnx" else []
    assert main(["import", source, str(network), "--mean", "0", "--scale", "255", *size, *name, *models]) == 0
    own = ["quantize", str(network), "--model", f"models/of-{source}.json", *models, "--out", str(tmp_path / "made")]
    assert main([*own, "--release", "none", "--calibration", "data/lfw/strangerTrain"]) == 0
    assert verified_model(brought / "models", f"of-{source}")[0].quantization == "float16"
    assert {path.stem for path in (tmp_path / "made").glob("*.tflite")} == {
        f"of-{source}-{name}" for name in PRECISIONS
    }


def edited(**changes: Any) -> Callable[[Path], None]:
    def edit(home: Path) -> None:
        card = json.loads((home / "models" / "mine.json").read_text(encoding="utf-8"))
        (home / "models" / "mine.json").write_text(json.dumps(card | changes), encoding="utf-8")

    return edit


def another_network(home: Path) -> None:
    siamese(one_sided, tower(seed=7)).save(home / "my_siamese.h5")


def without_a_face(home: Path) -> None:
    (home / "faces").mkdir()
    cv2.imwrite(str(home / "faces" / "wall.png"), np.full((200, 200, 3), 90, np.uint8))


def of_texts(home: Path) -> None:
    (home / "faces").mkdir()
    (home / "faces" / "poem.txt").write_text("no face", encoding="utf-8")


def cut(name: str) -> Callable[[Path], None]:
    def spoil(home: Path) -> None:
        (home / name).write_bytes((home / name).read_bytes()[:1000])

    return spoil


@pytest.mark.parametrize(
    ("spoil", "options", "said"),
    [
        (cut("my_siamese.h5"), [], "my_siamese.h5: not a whole .keras or .h5 file"),
        (cut("models/mine.tflite"), [], "mine.tflite: is not the file its card describes"),
        (cut("models/mine.json"), [], "mine.json: not a model card"),
        (another_network, [], "my_siamese.h5: is not what the card of mine was made of"),
        (edited(space="0" * 12), [], "mine.json: its space is not that of its network and its input"),
        (edited(name="other"), [], "other.json: not found"),
        (of_texts, ["--calibration", "faces"], "faces: no pictures (jpg or png) to calibrate with; it holds poem.txt"),
        (without_a_face, ["--calibration", "faces"], "faces: none of the 1 pictures drawn has a face"),
        (None, ["--calibration", "nowhere"], "nowhere: no folder of pictures to calibrate with"),
        (None, ["--tower", "nothing"], "--tower nothing: is not in the model"),
        (None, ["--test", "data/lfw/none.txt"], "none.txt: cannot be read"),
    ],
)
def test_what_cannot_be_quantized_is_told_and_everything_stays(
    brought: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None] | None,
    options: list[str],
    said: str,
) -> None:
    home = tmp_path / "home"
    shutil.copytree(brought, home, ignore=shutil.ignore_patterns("data"))
    (home / "data").symlink_to(brought / "data")
    monkeypatch.chdir(home)
    monkeypatch.setenv("LIMEN_DATA", str(home / "data"))
    if spoil is not None:
        spoil(home)
    before = everything(home)
    assert main([*OWN, *options]) == 1
    assert said in capsys.readouterr().err
    assert everything(home) == before


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (["my_siamese.h5"], "a network of your own needs both"),
        (["--model", "models/mine.json"], "a network of your own needs both"),
    ],
)
def test_what_is_not_enough_to_quantize_is_told(
    brought: Path, capsys: pytest.CaptureFixture[str], network: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMEN_DATA", str(brought / "data"))
    assert main(["quantize", *network, "--models", "models"]) == 1
    assert said in capsys.readouterr().err


# Twice the same: when the released file is written the disk is full, and the next time somebody presses ctrl-C.
SCRIPT = r"""
import os, re, resource, signal, sys
from pathlib import Path
from convert.__main__ import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
fill = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
press = lambda: os.kill(os.getpid(), signal.SIGINT)
waiting = [fill, press]
def interfere(event, arguments):
    if event == "open" and re.fullmatch(r"models/mine\.tflite\.\w+\.partial", str(arguments[0])) and waiting:
        waiting.pop(0)()
sys.addaudithook(interfere)
for _ in range(2):
    print(main(sys.argv[1:]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
"""


def test_a_full_disk_and_ctrl_c_leave_the_old_model_whole(brought: Path) -> None:
    before = verified_model(brought / "models", "mine")
    another = next(name for name in PRECISIONS if name != before[0].quantization)
    ended = in_a_process([sys.executable, "-c", SCRIPT, *OWN, "--release", another], brought)
    assert [line for line in ended.stdout.splitlines() if line.isdecimal()] == ["1", "130"]
    assert "models: nothing was written: " in ended.stderr
    assert verified_model(brought / "models", "mine") == before
    assert not [path for path in everything(brought) if path.suffix == ".partial"]
    assert {verified_model(brought / "made", f"mine-{name}")[0].name for name in PRECISIONS}

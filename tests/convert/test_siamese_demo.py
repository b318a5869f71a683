"""The demo's second half, with the shipped network in place of a trained one: enrol, film, and run a door."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from convert.embeddings import Device
from convert.models import FOLDER
from convert.release import write_file
from convert.siamese.crops import CUT
from convert.siamese.demo import NAME, Shown, run_door, stage, summary
from convert.siamese.faces import good_face
from convert.siamese.made_up import make_up
from edge.clock import SystemClock
from tests.convert.networks import QUIET

pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")

from convert.siamese.released import release_run
from convert.siamese.run import Run
from convert.siamese.train import train

pytestmark = QUIET


@pytest.fixture
def album(tmp_path: Path, faces: dict[str, Any]) -> Path:
    """Nine pictures of each of the two, as nine moments: turned, nearer, darker."""
    random = np.random.default_rng(3)
    for name, face in faces.items():
        folder = tmp_path / "album" / name
        folder.mkdir(parents=True)
        height, width = face.shape[:2]
        for number in range(9):
            turned = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-5, 5), random.uniform(0.9, 1.0))
            moved = cv2.warpAffine(face, turned, (width, height), borderMode=cv2.BORDER_REPLICATE)
            cv2.imwrite(str(folder / f"{number}.jpg"), (moved * random.uniform(0.8, 1.0)).astype(np.uint8))
    return tmp_path / "album"


def test_a_door_runs_with_the_network_and_decides_on_both(album: Path, tmp_path: Path) -> None:
    home = tmp_path / "door"
    shutil.copytree(FOLDER, home / "models", ignore=shutil.ignore_patterns("*.md"))
    card = json.loads((FOLDER / "mobilefacenet.json").read_text(encoding="utf-8"))
    (home / "models" / f"{NAME}.json").write_text(json.dumps({**card, "name": NAME}), encoding="utf-8")
    shutil.copy(FOLDER / "mobilefacenet.tflite", home / "models" / f"{NAME}.tflite")
    assert stage(home, album, ["resident", "stranger"]) == ("resident", "stranger", 1)
    assert run_door(home, SystemClock()) == ["granted", "refused"]


def test_made_up_people_are_made_once_and_the_door_takes_their_faces(faces: dict[str, Any], tmp_path: Path) -> None:
    made = make_up(FOLDER.parent / ".demo", tmp_path / "people")
    pictures = sorted(made.glob("*/*.jpg"))
    assert len(faces) == 2
    assert len(pictures) == 10 * len(list(made.glob("nobody*"))) == 400
    device = Device(FOLDER)
    some = [cv2.imread(str(path)) for path in pictures[::20]]
    assert sum(good_face(image, device, 112)[0] is not None for image in some if image is not None) >= 18
    written = pictures[0].stat().st_mtime_ns
    assert make_up(FOLDER.parent / ".demo", made) == made
    assert pictures[0].stat().st_mtime_ns == written


def test_faces_that_the_doors_code_cut_give_a_network_its_thresholds(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for person in range(12):
        face = np.kron(random.integers(40, 216, (4, 4, 3)), np.ones((8, 8, 1)))
        for number in range(6):
            pixels = (face + random.normal(0, 12, face.shape)).clip(0, 255).astype(np.uint8)
            write_file(tmp_path / "people" / f"p{person}" / f"{number}.png", cv2.imencode(".png", pixels)[1].tobytes())
    knobs = {"detector": "none", "size": 32, "embedding": 16, "batch": 8, "steps": 6, "epochs": 1, "judge_pairs": 50}
    run = msgspec.convert({**knobs, "pictures": str(tmp_path / "people"), "shares": (0.4, 0.4, 0.2)}, Run)
    train(run, tmp_path / "run", SystemClock())
    models = shutil.copytree(FOLDER, tmp_path / "models", ignore=shutil.ignore_patterns("records"))
    assert release_run(tmp_path / "run", models, "mine").thresholds == (), "nobody knows how these were cut"
    (tmp_path / "people" / CUT).write_text("{}", encoding="utf-8")
    card = release_run(tmp_path / "run", models, "mine")
    assert [step.fmr for step in card.thresholds] == [0.01]
    assert card.selftest


def test_what_came_of_several_seeds_is_counted() -> None:
    shown = [Shown(1, ("granted", "refused")), None, Shown(3, ("granted", "granted")), Shown(2, ())]
    assert summary(shown) == (
        "Of 4 seeds, 3 came to a door with somebody enrolled, after asking 6 people. There the resident was let in 2 "
        "times, and the stranger refused 1 times."
    )

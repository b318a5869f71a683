"""`limen enroll --photos`: a folder as people have them, with what should not be in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.edge.doors import CONFIG
from tests.edge.test_camera_photographs import archive, held, png_of
from tests.edge.test_commands import limen


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "config.yaml").chmod(0o600)
    return tmp_path


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (lambda folder: folder.rmdir(), "is not a folder"),
        (lambda folder: (folder / ".hidden").write_text("x"), "no photographs"),
        (lambda folder: (folder / "a.jpg").write_text("not a picture"), "no face in any photograph"),
        (
            lambda folder: cv2.imwrite(str(folder / "a.png"), np.zeros((99, 99, 3), np.uint8)),
            "no face in any photograph",
        ),
    ],
)
def test_photographs_that_cannot_be_used_enrol_nobody(home: Path, prepare: Any, told: str) -> None:
    folder = home / "photographs"
    folder.mkdir()
    prepare(folder)
    done = limen("enroll", "Ada", "--photos", folder, home=home)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert limen("people", "--json", home=home).stdout == ""


def test_a_folder_with_good_and_hostile_files_enrols_from_the_good_ones_and_names_the_others(
    home: Path, faces: dict[str, Any]
) -> None:
    folder = home / "photographs"
    folder.mkdir()
    for number, ending in enumerate((".jpg", ".png", ".webp", ".jpg", ".jpeg")):
        cv2.imwrite(str(folder / f"{number}{ending}"), faces["resident"])
    on_its_side = cv2.imencode(".jpg", cv2.rotate(faces["resident"], cv2.ROTATE_90_COUNTERCLOCKWISE))[1].tobytes()
    (folder / "held.jpg").write_bytes(held(on_its_side, 6))
    (folder / "bomb.png").write_bytes(png_of(60_000, 60_000, b""))
    (folder / "both.jpg").write_bytes(on_its_side + archive())
    (folder / "link.jpg").symlink_to(folder / "0.jpg")
    (folder / "notes.txt").write_text("x")
    cv2.imwrite(str(folder / "empty.png"), np.full((400, 400, 3), 120, np.uint8))
    done = limen("enroll", "Eileen", "--photos", folder, "--references", "10", "--consent", "--minor", home=home)
    assert done.returncode == 0, done.stderr
    assert "Eileen is enrolled as `eileen` with 6 references." in done.stdout
    assert "needs a second factor: minor" in done.stdout
    named = {
        "bomb.png was left out: too_many_pixels",
        "both.jpg was left out: something_else_too",
        "link.jpg was left out: not_a_file",
        "notes.txt was left out: not_a_photograph",
        "empty.png was left out: no_face",
    }
    told = (done.stderr + done.stdout).splitlines()
    assert named <= {line.removeprefix("  note: ") for line in told}
    (person,) = map(json.loads, limen("people", "--json", home=home).stdout.splitlines())
    assert (person["references"], person["consent"], person["minor"]) == (6, True, True)
    assert "second factor (minor)" in limen("people", home=home).stdout


def test_the_same_photograph_many_times_is_one_reference(home: Path, faces: dict[str, Any]) -> None:
    config = home / "config.yaml"
    config.write_text(config.read_text().replace("require_variety: false", "require_variety: true"), encoding="utf-8")
    folder = home / "photographs"
    folder.mkdir()
    for number in range(8):
        cv2.imwrite(str(folder / f"{number}.png"), faces["resident"])
    done = limen("enroll", "Eileen", "--photos", folder, home=home)
    assert done.returncode == 1
    assert "1 usable reference" in done.stderr
    assert done.stderr.count("left out: same_picture") == 7

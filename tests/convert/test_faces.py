"""Pictures and recordings become faces, cut by the door's own code; what the gate refuses is told by its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from convert.__main__ import main
from convert.siamese.album import scan


@pytest.fixture
def portraits(tmp_path: Path, faces: dict[str, Any]) -> Path:
    """A folder of two people, and what a phone's folder has in it besides."""
    folder = tmp_path / "portraits"
    for name, person in (("Élise", "resident"), ("Bob", "stranger")):
        (folder / name).mkdir(parents=True)
        for number, gain in enumerate((1.0, 0.8)):
            lit = np.clip(faces[person] * gain, 0, 255).astype(np.uint8)
            cv2.imencode(".jpg", lit)[1].tofile(folder / name / f"{number}.jpg")
    cv2.imencode(".png", (faces["resident"] * 0.02).astype(np.uint8))[1].tofile(folder / "Bob" / "night.png")
    cv2.imencode(".png", np.full((90, 90, 3), 90, np.uint8))[1].tofile(folder / "Bob" / "wall.png")
    (folder / "Bob" / "broken.jpg").write_text("no picture", encoding="utf-8")
    (folder / "Bob" / "notes.txt").write_text("no picture", encoding="utf-8")
    return folder


def test_a_folder_of_pictures_becomes_a_folder_of_faces(
    portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "faces"
    assert main(["faces", str(portraits), "--out", str(out), "--size", "64"]) == 0
    told = capsys.readouterr().out
    assert "4 faces in" in told
    assert "1 left out, unreadable: Bob/broken.jpg" in told
    assert "1 left out, not a picture by its name: Bob/notes.txt" in told
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert found == ["Bob/0-jpg.png", "Bob/1-jpg.png", "Élise/0-jpg.png", "Élise/1-jpg.png"]
    assert cv2.imdecode(np.fromfile(out / "Élise" / "0-jpg.png", np.uint8), cv2.IMREAD_COLOR).shape == (64, 64, 3)
    assert (out / "sheet.jpg").exists()
    assert scan(out).people.names == ("Bob", "Élise")


@pytest.mark.parametrize(
    ("inside", "problem"),
    [("nothing", "no pictures"), ("wall", "no face that the door would take"), ("missing", "cannot be read")],
)
def test_a_folder_without_faces_is_told(
    tmp_path: Path, inside: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if inside != "missing":
        (tmp_path / "in").mkdir()
    if inside == "wall":
        cv2.imwrite(str(tmp_path / "in" / "wall.png"), np.full((90, 90, 3), 90, np.uint8))
    assert main(["faces", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 1
    assert problem in capsys.readouterr().err


def test_faces_are_not_written_among_the_pictures(portraits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faces", str(portraits), "--out", str(portraits / "cut")]) == 1
    assert "name another --out" in capsys.readouterr().err


@pytest.fixture
def clip(tmp_path: Path, faces: dict[str, Any]) -> Path:
    """Three seconds of a face that moves through the picture."""
    path = tmp_path / "clip.avi"
    face = cv2.resize(faces["resident"], (360, 360))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (640, 480))
    for number in range(30):
        frame = np.full((480, 640, 3), 90, np.uint8)
        frame[60:420, 20 + 8 * number : 380 + 8 * number] = np.clip(face * (0.7 + 0.01 * number), 0, 255)
        writer.write(frame)
    writer.release()
    return path


def test_capture_takes_faces_from_a_recording_and_goes_on_counting(clip: Path, tmp_path: Path) -> None:
    asked = ["capture", "Ada", "--source", f"file:{clip}", "--count", "2", "--out", str(tmp_path / "people")]
    assert main(asked) == 0
    assert main(asked) == 0
    taken = sorted(path.name for path in (tmp_path / "people" / "Ada").iterdir())
    assert taken == ["0001.png", "0002.png", "0003.png", "0004.png"]


def test_capture_takes_every_picture_of_a_folder(portraits: Path, tmp_path: Path) -> None:
    for number in range(2, 8):
        (portraits / "Élise" / f"{number}.jpg").write_bytes((portraits / "Élise" / f"{number % 2}.jpg").read_bytes())
    out = tmp_path / "people"
    assert main(["capture", "Élise", "--source", f"dir:{portraits / 'Élise'}", "--out", str(out)]) == 0
    assert len(list((out / "Élise").iterdir())) == 8


@pytest.mark.parametrize(
    ("name", "source", "problem"),
    [
        ("../Ada", "usb:0", "NAME is that of one folder"),
        ("Ada", "file:none.avi", "no such file"),
        ("Ada", "tape:1", "tape:1"),
    ],
)
def test_a_capture_that_cannot_be_is_told(
    tmp_path: Path, name: str, source: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["capture", name, "--source", source, "--out", str(tmp_path)]) == 1
    assert problem in capsys.readouterr().err

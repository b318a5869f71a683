from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from convert.calibration import aligned_crops, calibration_crops
from convert.embeddings import Device
from convert.errors import ConversionError
from convert.models import FOLDER


@pytest.fixture(scope="module")
def device() -> Device:
    return Device(FOLDER)


@pytest.fixture
def album(tmp_path: Path, faces: dict[str, Any]) -> Path:
    """Two people and a wall, four pictures each."""
    for name, image in {**faces, "wall": np.full((200, 200, 3), 90, np.uint8)}.items():
        (tmp_path / "album" / name).mkdir(parents=True)
        side = min(image.shape[:2])
        for number in range(1, 5):
            picture = cv2.convertScaleAbs(image[:side, :side], alpha=1 - 0.05 * number)
            cv2.imwrite(str(tmp_path / "album" / name / f"{name}_{number:04d}.jpg"), picture)
    (tmp_path / "album" / "notes.txt").write_text("not a picture", encoding="utf-8")
    return tmp_path / "album"


def test_the_same_folder_gives_the_same_crops(album: Path, device: Device, tmp_path: Path) -> None:
    first = calibration_crops(album, device, (), 6, tmp_path / "one")
    assert np.array_equal(first, calibration_crops(album, device, (), 6, tmp_path / "two"))
    assert first.shape[1:] == (112, 112, 3)
    assert 0 < len(first) <= 6


def test_pictures_without_a_face_are_left_out(album: Path, device: Device, tmp_path: Path) -> None:
    assert len(calibration_crops(album, device, cache=tmp_path / "cache")) == 8


def test_who_is_judged_on_is_not_calibrated_with(album: Path, device: Device, tmp_path: Path) -> None:
    assert len(calibration_crops(album, device, ("stranger", "wall"), cache=tmp_path / "cache")) == 4
    with pytest.raises(ConversionError, match="only pictures of the people that are judged on"):
        calibration_crops(album, device, ("stranger", "resident", "wall"))


def test_crops_are_kept_for_the_next_network(album: Path, device: Device, tmp_path: Path) -> None:
    pictures = sorted(album.rglob("*.jpg"))
    crops = aligned_crops(pictures, device, "a test", tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    np.savez(kept, crops=np.zeros_like(crops))
    assert not aligned_crops(pictures, device, "a test", tmp_path / "cache").any(), "what was kept is taken"


def test_a_folder_that_will_not_do_is_named(tmp_path: Path, album: Path, device: Device) -> None:
    with pytest.raises(ConversionError, match="nowhere: no folder of pictures"):
        calibration_crops(tmp_path / "nowhere", device)
    (tmp_path / "texts").mkdir()
    with pytest.raises(ConversionError, match=r"no pictures .* it holds nothing"):
        calibration_crops(tmp_path / "texts", device)
    (tmp_path / "texts" / "poem.txt").write_text("no face", encoding="utf-8")
    with pytest.raises(ConversionError, match=r"no pictures .* it holds poem\.txt"):
        calibration_crops(tmp_path / "texts", device)
    (tmp_path / "texts" / "poem.txt").rename(tmp_path / "texts" / "poem.jpg")
    with pytest.raises(ConversionError, match=r"poem\.jpg: not a picture"):
        calibration_crops(tmp_path / "texts", device)
    with pytest.raises(ConversionError, match="none of the 4 pictures drawn has a face"):
        calibration_crops(album / "wall", device, cache=tmp_path / "cache")

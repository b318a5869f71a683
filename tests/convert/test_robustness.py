from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from convert.alterations import ALTERATIONS
from convert.datasets import Pair, identities
from convert.embeddings import NOT_ACQUIRED, Device, Embedded
from convert.models import FOLDER
from convert.robustness import Pool, altered, judged


@pytest.fixture(scope="module")
def device() -> Device:
    return Device(FOLDER)


@pytest.mark.parametrize("name", ALTERATIONS)
def test_a_person_stays_the_same_person_only_more_or_less(name: str, device: Device, faces: dict[str, Any]) -> None:
    image = cv2.resize(faces["resident"], None, fx=0.6, fy=0.6)
    crop = device.crop(image)
    assert crop is not None
    changed = ALTERATIONS[name](image, crop.face, np.random.default_rng(1))
    assert changed.dtype == np.uint8
    assert (changed.shape == image.shape) == (name != "half size")
    before, after = device(image)[0], device(changed)[0]
    assert before is not None
    assert after is not None
    similarity = float(before @ after)
    if name == "as it is":
        assert np.array_equal(changed, image)
    else:
        assert 0.3 < similarity < 0.9999


def test_the_altered_pictures_are_kept(tmp_path: Path, device: Device, faces: dict[str, Any]) -> None:
    files = [tmp_path / "resident.png", tmp_path / "wall.png"]
    cv2.imwrite(str(files[0]), faces["resident"])
    cv2.imwrite(str(files[1]), np.full((120, 160, 3), 90, np.uint8))
    first = altered(files, device, "JPEG quality 30", tmp_path / "cache")
    assert first.words.tolist() == ["", NOT_ACQUIRED]
    again = altered(files, device, "JPEG quality 30", tmp_path / "cache")
    assert np.array_equal(first.vectors, again.vectors, equal_nan=True)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_what_an_alteration_costs_and_whom_it_lets_in(tmp_path: Path) -> None:
    for name in ("Ann", "Bob"):
        (tmp_path / name).mkdir()
        for number in (1, 2):
            (tmp_path / name / f"{number}.png").touch()
    people = identities(tmp_path, ["Ann", "Bob"])
    ann, ann_2, bob, bob_2 = people.pictures
    plain = Embedded(np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32), np.array([""] * 4))
    pairs = (Pair(ann, ann_2, same=True), Pair(bob, bob_2, same=True), Pair(bob, ann_2, same=False))
    pool = Pool(people, plain, (ann_2, bob_2), pairs)
    # Altered, Ann's second picture looks like Bob and is blurred, and Bob's has no face left.
    found = Embedded(np.array([[0.1, 0.9], [np.nan, np.nan]], np.float32), np.array(["blurred", NOT_ACQUIRED]))
    row = judged("a test", pool, found, 0.5, {"0.0001": 0.6})
    assert (row.lost, row.refused) == (1, {"blurred": 1})
    assert row.accuracy.value == 0.0, "one taken for another, one lost, one told wrong"
    assert row.tar["0.0001"].value == 0.0
    assert (row.passing_tar["0.0001"].low, row.passing_tar["0.0001"].high) == (0.0, 1.0), "nobody passes the gate"
    assert row.fmr["0.0001"] == 0.5, "two of four comparisons with others, two of which could not be made"

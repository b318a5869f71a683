"""`limen-convert evaluate --json`: one folder of people, with made-up faces and with the device's own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from convert.datasets import Identities, identities, pictured, read_groups, read_pairs
from convert.embedders import by_program, device_with, through
from convert.embeddings import NOT_ACQUIRED, Embedded
from convert.errors import ConversionError
from convert.extremes import extremes
from convert.measurement import Judged, by_everybody, by_pairs, pairs_result
from convert.models import FOLDER
from convert.openset import open_set
from edge.vision.cards import Threshold

JUDGED = Judged("a test", "by hand")
CARD = (Threshold(1e-2, 0.5, "a test"),)


def people_of(*counts: int) -> Identities:
    names = tuple(f"p{number:02}" for number in range(len(counts)))
    owners = tuple(np.repeat(np.arange(len(counts)), counts).tolist())
    return Identities(names, tuple(Path(names[owner], f"{row}.jpg") for row, owner in enumerate(owners)), owners)


def faces_of(people: Identities, noise: float = 0.15) -> Embedded:
    random = np.random.default_rng(5)
    vectors = np.eye(len(people.names))[list(people.people)]
    vectors = vectors + random.normal(0, noise, vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Embedded(vectors.astype(np.float32), np.full(len(vectors), "", "<U16"))


def test_everybody_against_everybody() -> None:
    people = people_of(*[4] * 20)
    found = faces_of(people)
    measured = by_everybody(people, found, JUDGED, Path("album"), CARD)
    assert measured.everybody is not None
    assert measured.everybody.genuine == 20 * 6
    assert measured.everybody.impostors == 80 * 79 // 2 - 120
    assert [point.fmr for point in measured.everybody.points] == [1e-2, 1e-3]
    assert measured.everybody.card[0].similarity == 0.5
    assert measured.open_set is not None
    assert (measured.open_set.enrolled, measured.open_set.probes, measured.open_set.others) == (10, 30, 40)
    assert len(measured.worst_genuine) == len(measured.worst_impostors) == 20
    assert measured.worst_genuine[0].similarity <= measured.worst_genuine[-1].similarity


def test_a_picture_without_a_face_counts_against_the_result() -> None:
    people = people_of(*[4] * 20)
    found = faces_of(people, noise=0.01)
    found.vectors[1], found.words[1] = np.nan, NOT_ACQUIRED
    measured = by_everybody(people, found, JUDGED, Path("album"))
    assert measured.acquisition.not_acquired == 1
    assert measured.acquisition.failure_to_acquire.value == pytest.approx(1 / 80)
    assert measured.everybody is not None
    assert measured.everybody.points[0].tar.value == pytest.approx(117 / 120, abs=1e-6)


def test_each_group_is_measured_by_itself() -> None:
    people = people_of(*[4] * 20)
    groups = {name: "odd" if number % 2 else "even" for number, name in enumerate(people.names[:18])}
    measured = by_everybody(people, faces_of(people), JUDGED, Path("album"), CARD, groups)
    assert [(group.name, group.people, group.genuine) for group in measured.groups] == [("even", 9, 54), ("odd", 9, 54)]
    assert measured.ungrouped == 2
    with pytest.raises(ConversionError, match="group few: fewer than two pictures"):
        by_everybody(people_of(1, 4), faces_of(people_of(1, 4)), JUDGED, Path("album"), CARD, {"p00": "few"})


def test_in_an_open_set_the_unknown_are_nobody() -> None:
    people = people_of(*[3] * 40)
    found = open_set(people, faces_of(people, noise=0.02))
    assert found is not None
    assert all(point.tpir.value == 1.0 for point in found.points)
    assert open_set(people_of(*[1] * 9), faces_of(people_of(*[1] * 9))) is None


def test_precision_recall_and_f1() -> None:
    fold = (np.array([0.9, 0.8, 0.2, np.nan, 0.7, 0.1]), np.array([True, True, True, True, False, False]))
    easy = (np.array([0.6, 0.5]), np.array([True, False]))
    found = pairs_result([fold, easy])
    # The fold is told with 0.6: two found, two missed, one wrongly accepted. The easy one with 0.8: its pair is missed.
    assert (found.precision, found.recall) == (pytest.approx(2 / 3, abs=1e-6), pytest.approx(2 / 5, abs=1e-6))
    assert found.f1 == pytest.approx(0.5, abs=1e-6)
    assert found.not_acquired == 1


def test_the_worst_pairs_are_named_once_a_couple() -> None:
    people = people_of(3, 3, 3)
    vectors = np.eye(3, dtype=np.float32)[list(people.people)]
    vectors[1] = vectors[4] = np.float32([0.6, 0.8, 0])  # one picture of each of two people is the same
    lowest, highest = extremes(people, Embedded(vectors, np.full(9, "")))
    assert (lowest[0].similarity, lowest[0].first) == (pytest.approx(0.6), "p00/0.jpg")
    assert (highest[0].similarity, highest[0].first, highest[0].second) == (1.0, "p00/1.jpg", "p01/4.jpg")
    assert len(highest) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("who,group\n", "line 1: expected `name,group`"),
        ("name,group\nAnn\n", "line 2: expected a name and a group"),
        ("name,group\nEve,x\n", "line 2: Eve has no folder"),
        ("name,group\nAnn,x\nAnn,y\n", "line 3: Ann is in x already"),
    ],
)
def test_a_file_of_groups_is_read_strictly(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "groups.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConversionError, match=said):
        read_groups(file, ["Ann", "Bob"])


@pytest.fixture
def album(tmp_path: Path, faces: dict[str, Any]) -> Path:
    """Two people, two pictures each, as LFW would have them."""
    for name, image in faces.items():
        (tmp_path / "album" / name).mkdir(parents=True)
        for number, gain in enumerate((1.0, 0.8), 1):
            darker = cv2.convertScaleAbs(image, alpha=gain)
            cv2.imwrite(str(tmp_path / "album" / name / f"{name}_{number:04d}.jpg"), darker)
    (tmp_path / "pairs.txt").write_text(
        "2\nresident 1 2\nstranger 1 2\nresident 1 stranger 1\nresident 2 stranger 2\n", encoding="utf-8"
    )
    return tmp_path / "album"


PROBE = f"{sys.executable} -m edge probe --stdin --rule centre"


def test_a_program_is_asked_picture_by_picture_and_says_what_the_device_says(album: Path) -> None:
    people = identities(album, ["resident", "stranger"])
    found = by_program(PROBE, people.pictures)
    device = device_with(FOLDER, detector="blazeface")
    own = [device(cv2.imread(str(path)))[0] for path in people.pictures]
    assert np.abs(found.vectors - np.stack([one for one in own if one is not None])).max() < 1e-5
    folds = read_pairs(album.parent / "pairs.txt", album)
    measured = by_pairs(folds, pictured(folds), found, JUDGED, album)
    assert measured.pairs is not None
    assert (measured.pairs.pairs, measured.pairs.precision) == (4, 1.0)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-program-anywhere", "cannot be started"),
        (f"{sys.executable} -c ''", "no JSON line about ready"),
        (f"{sys.executable} -c 'print(1)'", "not a JSON object"),
        (f"""{sys.executable} -c 'print("{{\\"ready\\": true}}")'""", r"no JSON line about|ended before"),
        (f"""{sys.executable} -c 'print("{{\\"ready\\": true}}"); input(); print("{{}}")'""", "cannot be understood"),
    ],
)
def test_a_program_that_does_not_answer_is_named(album: Path, command: str, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        by_program(command, identities(album, ["resident"]).pictures)


def test_any_network_can_be_measured_on_the_devices_crops(faces: dict[str, Any]) -> None:
    device = device_with(FOLDER)
    mean = through(device, lambda pixels: pixels.reshape(-1, 3).mean(axis=0, dtype=np.float32))
    vector, word = mean(faces["resident"])
    assert vector is not None
    assert (vector.shape, word) == ((3,), "")
    assert np.linalg.norm(vector) == pytest.approx(1.0)
    assert mean(np.full((120, 160, 3), 127, np.uint8)) == (None, NOT_ACQUIRED)
    assert through(device, lambda _: np.full(4, np.nan, np.float32))(faces["resident"]) == (None, NOT_ACQUIRED)


def test_a_card_elsewhere_brings_its_own_embedder(tmp_path: Path) -> None:
    for suffix in ("json", "tflite"):
        (tmp_path / f"mine.{suffix}").write_bytes((FOLDER / f"mobilefacenet.{suffix}").read_bytes())
    card = json.loads((tmp_path / "mine.json").read_text(encoding="utf-8")) | {"name": "mine"}
    (tmp_path / "mine.json").write_text(json.dumps(card), encoding="utf-8")
    assert device_with(FOLDER, tmp_path / "mine.json").embedder.name == "mine"
    with pytest.raises(ConversionError, match="Invalid enum value 'viola'"):
        device_with(FOLDER, detector="viola")

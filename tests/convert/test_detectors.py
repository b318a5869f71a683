"""The comparison of the detectors, on portraits made here of the two packaged faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from convert.detectors import CHAINS, NAME, DetectorsRecord, frames_of, measure_detectors, time_each
from convert.detectors_section import section
from convert.models import FOLDER
from convert.records import records_of, write_one
from convert.scattered import SIZE, Place, Scatter, scattered
from edge.clock import SystemClock
from edge.values import Box
from edge.vision.cards import read_card

PORTRAITS = 4


@pytest.fixture(scope="module")
def album(faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Portraits like LFW's, 250 pixels wide with a face of 90 in the middle, and a pairs file of two folds."""
    folder = tmp_path_factory.mktemp("album")
    middles = {"resident": ((220, 135), 105), "stranger": ((245, 240), 165)}
    for name, ((x, y), width) in middles.items():
        (folder / name).mkdir()
        for number in range(1, PORTRAITS + 1):
            turn = cv2.getRotationMatrix2D((x, y), 3 * number - 7, 90 / width)
            turn[:, 2] += 125 - x, 125 - y
            portrait = cv2.warpAffine(faces[name], turn, (250, 250), flags=cv2.INTER_AREA)
            cv2.imwrite(str(folder / name / f"{name}_{number:04d}.jpg"), portrait)
    same = ["resident 1 2", "stranger 3 4"], ["resident 3 4", "stranger 1 2"]
    other = ["resident 1 stranger 1", "resident 2 stranger 4"], ["resident 3 stranger 2", "resident 4 stranger 3"]
    lines = [line.replace(" ", "\t") for fold in zip(same, other, strict=True) for part in fold for line in part]
    (folder / "pairs.txt").write_text("\n".join(["2\t2", *lines]) + "\n")
    return folder


@pytest.fixture(scope="module")
def record(album: Path) -> DetectorsRecord:
    gently = Scatter(face=(100, 140), tilt=(-5, 5), blur=(0, 1), light=(0.8, 1), noise=(0, 2))
    return measure_detectors(album, album / "pairs.txt", FOLDER, "two people", gently, album / "cache")


def test_every_chain_is_judged_on_the_same_pictures(record: DetectorsRecord) -> None:
    assert [(chain.detector, chain.points) for chain in record.chains] == [(one.detector, one.points) for one in CHAINS]
    assert (record.pictures, record.pairs, record.timed) == (2 * PORTRAITS, 8, 2 * PORTRAITS)
    assert record.chains[0].ratio == 1
    assert all(chain.milliseconds > 0 for chain in record.chains)


def test_upright_portraits_are_found_by_all_and_told_apart(record: DetectorsRecord) -> None:
    assert [chain.plain.lost for chain in record.chains] == [0] * len(CHAINS)
    assert [chain.plain.tar.value for chain in record.chains] == [1.0] * len(CHAINS)
    assert [chain.plain.fmr.value for chain in record.chains] == [0.0] * len(CHAINS)


def test_the_page_says_what_the_record_says(record: DetectorsRecord, tmp_path: Path) -> None:
    sha256 = read_card(FOLDER / "mobilefacenet.json").sha256
    write_one(tmp_path, NAME, sha256, record)
    text = section(records_of(tmp_path, sha256))
    assert all(word in text for word in ("`haar`", "`mtcnn`, own points", f"{record.chains[3].ratio:.2f}", "100.00%"))
    assert max(map(len, (line for line in text.splitlines() if not line.startswith("|")))) <= 120
    assert section({}) == ""


def test_a_scattered_face_is_where_it_is_said_to_be() -> None:
    portrait = np.zeros((250, 250, 3), np.uint8)
    portrait[120:131, 120:131] = 255
    for name in "abcdefgh":
        frame, place = scattered(portrait, name, Scatter(blur=(0, 0), noise=(0, 0), light=(1, 1), grey=0))
        assert frame.shape == (SIZE[1], SIZE[0], 3)
        down, across = np.nonzero(frame[..., 0] > 127)
        assert (across.mean(), down.mean()) == pytest.approx((place.x, place.y), abs=1.5)
        assert np.ptp(across) == pytest.approx(11 * place.width / 90, rel=0.5)


def test_scattering_is_seeded_by_name() -> None:
    portrait = np.full((250, 250, 3), 200, np.uint8)
    first, again, other = (scattered(portrait, name, Scatter())[0] for name in ("a", "a", "b"))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize(
    ("box", "around"),
    [((50, 50, 100, 100), True), ((95, 50, 100, 100), True), ((160, 50, 100, 100), False), ((80, 80, 40, 40), False)],
)
def test_a_box_is_around_a_face_or_is_not(box: tuple[float, ...], around: bool) -> None:  # noqa: FBT001
    assert Place(100, 100, 100).has(Box(*box)) is around


def test_clips_that_are_not_there_have_no_frames(tmp_path: Path) -> None:
    assert list(frames_of(tmp_path, "a.mkv b*.gif", 1)) == []


class Ticking(SystemClock):
    """A clock that only the eyes move."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0.0

    def now(self) -> float:
        return self.at


class Slow:
    def __init__(self, clock: Ticking, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds

    def detect(self, _: object) -> None:
        self.clock.at += self.seconds


def test_each_detectors_own_time_is_taken() -> None:
    clock = Ticking()
    eyes: Any = [Slow(clock, 0.01), Slow(clock, 0.03)]
    assert time_each(eyes, [np.zeros((1, 1, 3), np.uint8)] * 3, clock) == pytest.approx([10, 30])

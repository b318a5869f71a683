"""`limen replay`: a recording decided under two configurations, in its own time, with nothing touched."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.__main__ import main
from edge.camera.recording import recorded
from edge.commands.replay_command import _notes
from edge.errors import CameraError
from edge.service.replaying import RecordedClock, Replay, side_by_side
from edge.settings import CameraSettings, QualitySettings, Settings
from edge.store.store import open_store
from edge.values import Decision, Hours, Person, Schedule, Terms
from tests.edge.doors import CLOCK, film
from tests.edge.eyes import an_eye, enrolled

WHEN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # a Monday
HERS = slice(0, 170)
MONDAYS = Terms(schedule=Schedule((Hours((0,), 8 * 60, 9 * 60),), "UTC"))


@pytest.fixture(scope="module")
def clip(faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eileen for two seconds, nobody, the other one, nobody."""
    path = tmp_path_factory.mktemp("film") / "scene.avi"
    film(path, [([(faces["resident"], 430)], 2), ([], 1.4), ([(faces["stranger"], 290)], 2), ([], 0.4)], fps=5)
    return path


@pytest.fixture(scope="module")
def home(faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "config.yaml").write_text("{}")
    with open_store(Settings().store, home / "state", CLOCK) as store:
        store.add_person(enrolled(faces["resident"], "eileen"))
        store.add_person(enrolled(faces["stranger"], "grace", MONDAYS))
    return home


def replayed(clip: Path, home: Path, new: str, *more: str) -> int:
    (home / "new.yaml").write_text(new)
    return main(["replay", str(clip), "--config", str(home / "new.yaml"), "--config", str(home / "config.yaml"), *more])


def test_what_would_change_is_shown_side_by_side(clip: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replayed(clip, home, "access: {second_factor: always, refuse_after_seconds: 4}") == 0
    told = capsys.readouterr().out
    assert "access.second_factor: as_needed -> always\naccess.refuse_after_seconds: 3.0 -> 4.0\n" in told
    first, second = (line for line in told.splitlines() if "refused  " in line)
    assert first.startswith("*")
    assert first.index("granted") < first.index("refused  swapped?")
    assert second.split().count("clock_untrusted") == 2
    assert "2 visits: 1 x granted eileen -> refused swapped?." in told, "somebody else came while her PIN was awaited"
    assert "?: refused while it waited for a PIN or a button." in told
    assert "29 pictures of scene.avi. Left out, for pictures do not hold it: PINs, buttons" in told
    assert "Nobody said when it was (--at)" in told


def test_the_same_configuration_changes_nothing_and_says_the_same_again(
    clip: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for _ in range(2):
        assert replayed(clip, home, "{}", "--at", "2026-11-23T09:30:00+01:00") == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    assert "Both configurations are the same." in told[0]
    assert "2 visits: nothing would change." in told[0]
    assert told[0].count("granted  verified           eileen") == 2
    assert "?" not in told[0]
    assert "lockout:" not in told[0]
    assert told[0].count("granted  verified           grace") == 2, "half past eight in her time zone, on a Monday"


def test_at_another_hour_it_would_have_been_otherwise(
    clip: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replayed(clip, home, "{}", "--at", "2026-11-23T12:00:00Z") == 0
    assert capsys.readouterr().out.count("refused  schedule           grace") == 2


def test_neither_store_nor_strike_is_touched_also_while_the_door_runs(
    clip: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_store(Settings().store, home / "state", CLOCK) as store:
        before = {path: path.read_bytes() for path in (home / "state").iterdir() if not path.name.endswith("-shm")}
        assert replayed(clip, home, "door: {driver: mock}") == 0
        after = {path: path.read_bytes() for path in (home / "state").iterdir() if not path.name.endswith("-shm")}
        assert before == after
        assert store.events(None, 10) == ()
    assert "eileen" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["nowhere.avi", "--config", "config.yaml"], "no such file or folder"),
        (["config.yaml", "--config", "config.yaml"], "not a video"),
        (["scene.avi", "--config", "bad.yaml"], "access.margin"),
        (["scene.avi", *["--config", "config.yaml"] * 3], "not more"),
        (["scene.avi", "--config", "config.yaml", "--config", "empty/config.yaml"], "has the door ever run"),
    ],
)
def test_what_cannot_be_replayed_is_said(
    words: list[str],
    problem: str,
    clip: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(home)
    (home / "empty").mkdir(exist_ok=True)
    (home / "empty" / "config.yaml").write_text("{}")
    (home / "bad.yaml").write_text("access: {margin: 0}")
    assert main(["replay", *[str(clip) if word == "scene.avi" else word for word in words]]) in {1, 78}
    assert problem in capsys.readouterr().err


def test_a_recording_keeps_its_own_time_and_its_camera_is_turned(clip: Path) -> None:
    clock = RecordedClock(WHEN)
    frames = list(recorded(clip, CameraSettings(rotate=90), clock))
    assert [frame.at for frame in frames] == pytest.approx([number / 5 for number in range(29)])
    assert frames[0].image.shape == (640, 480, 3)
    assert (clock.wall(), clock.trusted()) == (WHEN + timedelta(seconds=clock.now()), True)


def test_a_folder_of_pictures_is_a_recording_and_what_repeats_is_no_picture(tmp_path: Path) -> None:
    for number, shade in enumerate([10, 10, 90, 10]):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((120, 160, 3), shade, np.uint8))
    (tmp_path / "4.png").write_bytes(b"none")
    frames = list(recorded(tmp_path, CameraSettings(fps=5), RecordedClock(None)))
    assert [frame.number for frame in frames] == [0, 2, 3]
    assert [frame.at for frame in frames] == pytest.approx([0.0, 0.4, 0.6])
    with pytest.raises(CameraError, match="no pictures"):
        list(recorded(Path(__file__).parent, CameraSettings(), RecordedClock(None)))


def decision(started: float, at: float, reason: str = "unknown") -> Decision:
    return Decision("v", "refused", reason, at, at, started)


def test_a_lock_out_is_told_to_be_as_if_only_faces_could_end_it() -> None:
    locked, free = (Replay((decision(0, 3, reason),), 9, 0, 0) for reason in ("lockout", "unknown"))
    for pair in ((locked, free), (free, locked)):
        assert "lockout: as if nothing but a face had ended it." in _notes(Path("clip.avi"), *pair, clock_known=True)
    assert len(_notes(Path("clip.avi"), free, free, clock_known=True)) == 2


def test_visits_that_overlap_stand_side_by_side() -> None:
    one = [decision(0, 3), decision(5, 6), decision(20, 21)]
    other = [decision(0.5, 1), decision(7, 9), decision(19, 20)]
    pairs = [(a and a.at, b and b.at) for a, b in side_by_side(one, other)]
    assert pairs == [(3, 1), (6, None), (None, 9), (21, 20)]
    assert list(itertools.chain(*side_by_side(one, []))) == [one[0], None, one[1], None, one[2], None]


@pytest.mark.data
def test_a_woman_from_one_clip_is_let_in_in_another_and_a_stricter_door_would_refuse_her(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three people walk up in the second clip: its pictures are cut to the third where she does."""
    clips, pictures = data / "clips" / "preview", tmp_path / "pictures"
    text = "vision: {quality: {minimum_face_pixels: 30}}\naccess: {accept_lower_security: true%s}\ncamera: {fps: 12}"
    (tmp_path / "config.yaml").write_text(text % "")
    eye, camera = an_eye(quality=QualitySettings(minimum_face_pixels=30)), CameraSettings()
    frames = recorded(clips / "head-pose-face-detection-female.gif", camera, RecordedClock(None))
    seen = [one.embedding for one in map(eye.look, frames) if one.embedding is not None]
    with open_store(Settings().store, tmp_path / "state", CLOCK) as store:
        store.add_person(Person("woman", "Woman", tuple(seen[:: len(seen) // 5][:5]), WHEN))
    pictures.mkdir()
    for frame in recorded(clips / "face-demographics-walking-and-pause.gif", camera, RecordedClock(None)):
        cv2.imwrite(str(pictures / f"{frame.number:03d}.png"), frame.image[:, HERS])
    assert replayed(pictures, tmp_path, text % ", detection_threshold: 0.99") == 0
    told = capsys.readouterr().out
    assert "access.detection_threshold: None -> 0.99" in told
    assert "1 visits: 1 x granted woman -> refused unknown." in told

"""Real recordings on disk, made here; with LIMEN_DATA also the real clips."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.camera import make_source, open_camera
from edge.camera.source import Source
from edge.clock import Clock, SystemClock
from edge.errors import CameraError
from edge.settings import CameraSettings
from tests.edge.cameras import PATIENCE, ObedientClock, picture

FRAMES = 12


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "door step.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (64, 48))
    for number in range(FRAMES):
        writer.write(picture(number))
    writer.release()
    return path


def opened(value: str, home: Path, clock: Clock) -> Source:
    source = make_source(CameraSettings(source=value, fps=10), clock, home)
    source.open()
    return source


def pictures_of(source: Source, most: int = 10_000) -> list[NDArray[np.uint8]]:
    """What a source gives up to its end."""
    read: list[NDArray[np.uint8]] = []
    while len(read) < most and (image := source.read()) is not None:
        read.append(image)
    source.close()
    return read


def alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    return one.shape == other.shape and float(np.abs(one.astype(int) - other).mean()) < 6


def test_a_clip_is_shown_whole_once_at_its_own_rate(clip: Path) -> None:
    clock = ObedientClock()
    read = pictures_of(opened(f"file:{clip.name}", clip.parent, clock))
    assert len(read) == FRAMES
    assert all(alike(image, picture(number)) for number, image in enumerate(read))
    assert clock.now() - 1000 == pytest.approx(FRAMES / 20)


def test_a_clip_starts_again_only_when_it_is_told_to(clip: Path) -> None:
    read = pictures_of(opened(f"file:{clip}?loop=1", Path(), ObedientClock()), most=2 * FRAMES + 1)
    assert len(read) == 2 * FRAMES + 1
    assert np.array_equal(read[0], read[FRAMES])
    assert np.array_equal(read[-1], read[0])


def test_a_gif_is_a_clip(tmp_path: Path) -> None:
    animation = cv2.Animation()
    animation.frames = [cv2.cvtColor(picture(number), cv2.COLOR_BGR2BGRA) for number in range(3)]
    animation.durations = [80, 80, 80]
    assert cv2.imwriteanimation(str(tmp_path / "clip.gif"), animation)
    read = pictures_of(opened("file:clip.gif", tmp_path, ObedientClock()))
    assert len(read) == 3
    assert all(image.shape == (48, 64, 3) and image.dtype == np.uint8 for image in read)


def test_a_folder_is_shown_in_the_order_of_its_names_at_the_configured_rate(tmp_path: Path) -> None:
    for name, number in (("b.png", 2), ("a.PNG", 1), ("c.jpg", 3)):
        assert cv2.imwrite(str(tmp_path / name.lower()), picture(number))
    (tmp_path / "a.png").rename(tmp_path / "a.PNG")
    (tmp_path / "notes.txt").write_text("no picture")
    clock = ObedientClock()
    read = pictures_of(opened(f"dir:{tmp_path}", Path(), clock))
    assert [alike(image, picture(number)) for image, number in zip(read, (1, 2, 3), strict=True)] == [True] * 3
    assert clock.now() - 1000 == pytest.approx(2 / 10)


def test_a_camera_shows_a_folder_to_its_end_and_counts_torn_and_empty_files(tmp_path: Path) -> None:
    for number in range(4):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number, (480, 640)))
    torn = tmp_path / "1.png"
    torn.write_bytes(torn.read_bytes()[:40])
    (tmp_path / "2.png").write_bytes(b"")
    with open_camera(CameraSettings(source=f"dir:{tmp_path}", stall_seconds=10), SystemClock(), Path()) as camera:
        shown = []
        while camera.state != "ended":
            frame = camera.take(PATIENCE)
            shown += [] if frame is None else [frame]
        assert np.array_equal(shown[-1].image, picture(3, (480, 640)))
        assert (camera.frames, camera.dropped - (2 - len(shown))) == (2, 2)
        assert [notice.state for notice in camera.notices()] == ["live", "ended"]


@pytest.mark.parametrize("cut", [0, 7, 300, 3000])
def test_a_torn_clip_gives_what_it_has_or_an_error_and_never_a_crash(clip: Path, tmp_path: Path, cut: int) -> None:
    torn = tmp_path / "torn.avi"
    torn.write_bytes(clip.read_bytes()[:cut])
    read: list[NDArray[np.uint8]] = []
    with suppress(CameraError):
        read = pictures_of(opened(f"file:{torn}", Path(), ObedientClock()))
    assert len(read) < FRAMES


def test_a_folder_without_pictures_says_so(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="holds no pictures"):
        opened(f"dir:{tmp_path}", Path(), ObedientClock())


@pytest.mark.data
def test_every_real_clip_opens_and_gives_colour_pictures(data: Path) -> None:
    clips = [path for path in sorted((data / "clips").rglob("*")) if path.suffix in {".gif", ".mkv", ".mp4"}]
    assert clips
    for path in clips:
        read = pictures_of(opened(f"file:{path}", Path(), ObedientClock()), most=30)
        assert len(read) >= 20, path.name
        assert all(image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 for image in read)
        assert any(float(image[..., 0].mean()) != float(image[..., 2].mean()) for image in read)

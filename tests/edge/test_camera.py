"""The camera and its capture thread, fed by hand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.camera import open_camera
from edge.camera.camera import MOST_ABANDONED
from edge.camera.source import public_name
from edge.clock import SystemClock
from edge.errors import ConfigError
from edge.settings import CameraSettings
from tests.edge.cameras import PATIENCE, eventually, filming, picture


@pytest.fixture(autouse=True)
def _no_reader_is_left() -> Iterator[None]:
    yield
    eventually(lambda: not any(thread.name == "camera" for thread in threading.enumerate()))


def test_only_the_newest_picture_is_kept_and_the_others_are_counted() -> None:
    with filming() as film:
        film.feed(*(picture(number) for number in range(5)))
        frame = film.camera.take(0)
        assert frame is not None
        assert np.array_equal(frame.image, picture(4))
        assert (frame.number, film.camera.frames, film.camera.dropped) == (5, 5, 4)
        assert film.camera.take(0) is None


def test_a_frame_is_read_only_and_carries_the_time_it_was_read() -> None:
    with filming() as film:
        film.clock.sleep(1.5)
        film.feed(picture(1))
        film.clock.sleep(0.5)
        frame = film.camera.take(0)
        assert frame is not None
        assert frame.at == 1001.5
        assert not frame.image.flags.writeable


def test_take_waits_for_a_picture_that_is_still_to_come() -> None:
    with filming() as film:
        later = threading.Timer(0.05, film.lives[0].food.put, [picture(1)])
        later.start()
        assert film.camera.take(PATIENCE) is not None
        later.join()


@pytest.mark.parametrize(("rotate", "corner"), [(0, (0, 0)), (90, (0, 63)), (180, (47, 63)), (270, (47, 0))])
def test_pictures_are_turned_clockwise(rotate: int, corner: tuple[int, int]) -> None:
    marked = np.zeros((64, 48, 3) if rotate in {90, 270} else (48, 64, 3), np.uint8)
    marked[0, 0] = 255
    with filming(rotate=rotate) as film:
        film.feed(marked)
        frame = film.camera.take(0)
        assert frame is not None
        assert frame.image.shape == (48, 64, 3)
        assert frame.image[corner].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    "broken",
    [
        np.empty((0, 0, 3), np.uint8),
        np.empty((0, 5, 3), np.uint8),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.full((4, 4, 3), np.nan),
        np.broadcast_to(np.uint8(0), (3841, 2161, 3)),
    ],
    ids=["nothing", "no rows", "grey", "four channels", "float", "huge"],
)
def test_what_is_no_picture_is_dropped_and_counted(broken: np.ndarray) -> None:
    with filming() as film:
        film.feed(broken, picture(1), broken)
        assert film.camera.take(0) is not None
        assert film.camera.take(0) is None
        assert (film.camera.frames, film.camera.dropped, film.camera.state) == (1, 2, "live")


def test_an_unplugged_camera_is_lost_and_comes_back_by_itself() -> None:
    with filming() as film:
        film.feed(picture(1))
        film.fail("unplugged")
        eventually(lambda: film.camera.state == "lost")
        assert film.camera.take(0) is None
        film.wait(0.1)
        assert len(film.lives) == 1
        film.wait(0.11)
        film.feed(picture(2))
        assert film.camera.take(0) is not None
        assert [(n.state, n.detail) for n in film.camera.notices()] == [
            ("live", "pictures arrive"),
            ("lost", "unplugged"),
            ("live", "pictures arrive"),
        ]
        assert film.camera.notices() == ()


def test_a_stalled_reader_is_replaced_and_what_it_brings_later_is_ignored() -> None:
    with filming() as film:
        film.feed(picture(1))
        film.wait(3.0)
        assert film.camera.state == "stalled"
        assert film.camera.take(0) is None
        film.wait(0.2)
        first, second = film.lives
        first.food.put(picture(9))
        eventually(lambda: first.closed)
        assert (film.camera.state, film.camera.frames) == ("stalled", 1)
        second.food.put(picture(2))
        eventually(lambda: film.camera.state == "live")


def test_readers_that_hang_for_ever_are_never_more_than_three() -> None:
    with filming() as film:
        for _ in range(20):
            film.wait(10.0)
        assert len(film.lives) == MOST_ABANDONED
        assert film.camera.state == "stalled"
        film.lives[0].food.put("at last")
        eventually(lambda: film.camera.state == "stalled" and len(film.lives) == MOST_ABANDONED + 1)
        film.feed(picture(1))
        assert film.camera.state == "live"


def test_a_frozen_picture_is_withheld_until_it_moves_and_the_camera_is_opened_again() -> None:
    with filming() as film:
        film.feed(picture(1))
        film.clock.sleep(2.9)
        film.feed(picture(1))
        assert film.camera.take(0) is not None
        film.clock.sleep(0.1)
        film.feed(picture(1))
        assert film.camera.state == "frozen"
        assert film.camera.take(0) is None
        film.wait(0.2)
        assert len(film.lives) == 2
        film.feed(picture(1))
        assert film.camera.take(0) is None
        film.feed(picture(2))
        assert film.camera.take(0) is not None
        assert [notice.state for notice in film.camera.notices()] == ["live", "frozen", "live"]


def test_a_picture_that_repeats_is_handed_out_once() -> None:
    with filming() as film:
        film.feed(picture(1))
        assert film.camera.take(0) is not None
        film.feed(picture(1))
        assert film.camera.take(0) is None
        assert film.camera.state == "live"
        film.feed(picture(2))
        assert film.camera.take(0) is not None


def test_the_last_picture_of_a_recording_can_still_be_taken_and_then_it_has_ended() -> None:
    with filming() as film:
        film.feed(picture(1))
        film.fail(None)
        eventually(lambda: film.camera.state == "ended")
        film.wait(100.0)
        assert film.camera.take(0) is not None
        assert film.camera.take(0) is None
        assert (film.camera.state, len(film.lives)) == ("ended", 1)


def test_a_reader_that_cannot_be_ended_is_named_without_secrets_and_left_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with filming() as film, caplog.at_level(logging.WARNING):
        film.camera.__exit__(None, None, None)
        assert "camera usb:0: a reader hangs" in caplog.text
        assert film.camera.take(0) is None
        assert len(film.lives) == 1


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://admin:p@ss/w:rd@cam.lan:554/live?password=p@ss", "rtsp://…"),
        ("rtsp://admin:hunter2@cam.lan:554/live", "rtsp://cam.lan:554"),
        ("http://10.0.0.7/video.cgi?user=admin&pwd=hunter2", "http://10.0.0.7"),
        ("http://[fe80::1]:81/x", "http://[fe80::1]:81"),
        ("http:admin:hunter2@cam", "http://cam"),
        ("http://cam/?pwd=hunter2@x", "http://…"),
        ("file:/srv/a@b.mp4", "file:/srv/a@b.mp4"),
    ],
)
def test_only_the_address_of_a_network_camera_is_ever_shown(source: str, shown: str) -> None:
    assert public_name(source) == shown


@pytest.mark.parametrize(
    "source", ["usb:", "usb:front", "usb:-1", "csi:", "csi:x", "rtsp:", "http://", "http://u:p@/x", "http://[::1"]
)
def test_a_source_that_cannot_be_meant_is_a_configuration_error(source: str) -> None:
    with pytest.raises(ConfigError, match=r"^camera\.source: "):
        open_camera(CameraSettings(source=source), SystemClock(), Path())


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("usb:/dev/v4l/by-id/none", "/dev/v4l/by-id/none: no such camera"),
        ("usb:/dev/null", "/dev/null: not a camera"),
        ("csi:0", "sudo apt install python3-picamera2"),
        ("file:none.mp4", "none.mp4: no such file"),
        ("dir:none", "none: No such file or directory"),
        ("demo:none", "make pictures"),
    ],
)
def test_an_absent_camera_is_lost_with_a_cure_and_never_an_exception(source: str, told: str, tmp_path: Path) -> None:
    with open_camera(CameraSettings(source=source), SystemClock(), tmp_path) as camera:
        eventually(lambda: camera.state == "lost")
        assert told in camera.notices()[0].detail
        assert camera.take(0) is None

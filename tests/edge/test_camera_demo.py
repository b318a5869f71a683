"""The demo's play: who is there when, and that it looks as a camera would see it."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.camera import make_source
from edge.camera.demo import light_at, pose_at
from edge.settings import CameraSettings
from tests.conftest import PICTURES
from tests.edge.cameras import ObedientClock

TIMES = [number / 15 for number in range(15 * 70)]


def test_the_play_shows_a_resident_nobody_and_a_stranger_in_turn() -> None:
    actors = [pose.actor if pose else None for pose in map(pose_at, TIMES)]
    told = [(actor, round(len(list(stay)) / 15)) for actor, stay in itertools.groupby(actors)]
    one_round = [("resident", 7), (None, 3), ("stranger", 7), (None, 3)]
    assert told == [("resident", 22), (None, 3), *one_round, *one_round, ("resident", 5)]


def test_the_actors_come_close_enough_walk_in_from_outside_and_lean_no_further_than_eight_degrees() -> None:
    poses = [pose for pose in map(pose_at, TIMES) if pose]
    assert max(pose.face for pose in poses) <= 170
    assert all(abs(pose.roll) <= 8 for pose in poses)
    for _, visit in itertools.groupby(map(pose_at, TIMES[: 15 * 65]), key=lambda pose: pose and pose.actor):
        stay = [pose for pose in visit if pose]
        if stay:
            assert max(pose.face for pose in stay) >= 110
            assert min(stay[0].x, 640 - stay[0].x) < 0
            assert min(stay[-1].x, 640 - stay[-1].x) < 0
            assert sum(pose.face >= 60 for pose in stay) / 15 > 4
    assert 0.75 <= min(map(light_at, TIMES)) <= 0.76
    assert 1.14 <= max(map(light_at, TIMES)) <= 1.15


def test_the_pictures_are_drawn_fresh_by_the_clock_and_never_twice_the_same(
    faces: dict[str, NDArray[np.uint8]],
) -> None:
    assert faces
    clock = ObedientClock()
    demo = make_source(CameraSettings(source=f"demo:{PICTURES}"), clock, Path())
    demo.open()
    read = [demo.read() for _ in range(8)]
    clock.sleep(22)
    empty = [demo.read() for _ in range(2)]
    clock.sleep(13)
    stranger = demo.read()
    demo.close()
    shown = [image for image in (*read, *empty, stranger) if image is not None]
    assert len(shown) == 11
    assert all(image.shape == (480, 640, 3) and image.dtype == np.uint8 for image in shown)
    assert not any(np.array_equal(one, other) for one, other in itertools.combinations(shown, 2))
    assert float(cv2.absdiff(shown[8], shown[9]).mean()) < 5 < float(cv2.absdiff(shown[9], shown[10]).mean())


@pytest.mark.parametrize(("width", "height"), [(320, 240), (1280, 720), (480, 640)])
def test_the_play_fits_a_camera_of_any_size(width: int, height: int, faces: dict[str, NDArray[np.uint8]]) -> None:
    assert faces
    settings = CameraSettings(source=f"demo:{PICTURES.name}", width=width, height=height)
    demo = make_source(settings, ObedientClock(), PICTURES.parent)
    demo.open()
    image = demo.read()
    assert image is not None
    assert image.shape == (height, width, 3)

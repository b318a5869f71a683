"""A door at which nobody is writes nothing: a memory card has to last for years."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from edge.clock import SystemClock
from edge.errors import LimenError
from edge.service.wear import megabytes_a_day
from tests.edge.doors import CLOCK, RunningDoor

ON_DISK = Path(__file__).parents[2]  # the tests' own folder may be a disk in memory, where no write counts
WATCHED_SECONDS = 12.0  # longer than it takes until the next status is due
CONFIG = """
door: {driver: mock}
camera: {source: "file:nobody.avi?loop=1"}
mqtt: {broker: embedded, port: 0}
"""


def an_empty_doorstep(path: Path) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    noise = np.random.default_rng(1)
    for _ in range(40):
        writer.write(noise.integers(90, 120, (240, 320, 3)).astype(np.uint8))
    writer.release()


def written(door: RunningDoor) -> int:
    """Bytes that the door and all its children gave to disks so far."""
    assert door.process is not None
    main = psutil.Process(door.process.pid)
    return sum(one.io_counters().write_bytes for one in (main, *main.children(recursive=True)))


def test_an_idle_door_with_its_strike_and_broker_writes_nothing(tmp_path: Path) -> None:
    an_empty_doorstep(tmp_path / "nobody.avi")
    with RunningDoor(tmp_path, CONFIG) as door:
        door.start()
        door.ask("selftest")
        os.sync()
        CLOCK.sleep(2.0)
        before = written(door)
        log = (tmp_path / "door.log").stat().st_size
        CLOCK.sleep(WATCHED_SECONDS)
        after = written(door)
        assert (tmp_path / "door.log").stat().st_size == log, "and it says nothing either"
    assert after == before


def test_a_day_of_visits_writes_little() -> None:
    try:
        megabytes = megabytes_a_day(ON_DISK, SystemClock())
    except LimenError as error:
        pytest.skip(str(error))
    assert 0 < megabytes <= 50

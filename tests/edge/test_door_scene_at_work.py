"""Three people walk up to a running door; one was enrolled over MQTT from another clip. Pin and journal judge."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.edge.doors import CLOCK, RunningDoor
from tests.edge.eyes import Image
from tests.edge.test_door_scene import THIRDS, clip

pytestmark = pytest.mark.data

# The clips are 480 by 270 and their faces small: such a gate takes `accept_lower_security`.
CONFIG = """
door: {driver: mock, unlock_seconds: 1}
camera: {source: "file:scene.avi"}
vision: {quality: {minimum_face_pixels: 30}}
access: {accept_lower_security: true}
enrolment: {require_variety: false, references: 5, window_seconds: 60}
mqtt: {broker: embedded, port: 0, allow: [read, enroll]}
"""
LEAVING_SECONDS = 5.0


def show(door: RunningDoor, pictures: Iterable[Image]) -> None:
    """Make these pictures what the camera sees."""
    frames = list(pictures)
    size = (frames[0].shape[1], frames[0].shape[0])
    writer = cv2.VideoWriter(str(door.home / "scene.avi"), cv2.VideoWriter.fourcc(*"FFV1"), 12.5, size)
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()


def visits(door: RunningDoor) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(door.settings.state / "store.db")) as connection:
        rows = connection.execute("SELECT data FROM journal WHERE kind = 'access' ORDER BY seq")
        return [json.loads(text) for (text,) in rows]


def test_the_enrolled_one_of_three_people_is_let_in_and_each_is_one_event(tmp_path: Path, data: Path) -> None:
    preview = data / "clips" / "preview"
    door = RunningDoor(tmp_path, CONFIG.replace("file:scene.avi", "file:scene.avi?loop=1"))
    show(door, clip(preview / "head-pose-face-detection-female.gif"))
    with door.start():
        door.ask("enroll", name="Resident")
    before = len(visits(door))
    pulses = door.pin.story().count("unlocked")
    told = []
    for third in THIRDS:
        watched = RunningDoor(tmp_path, CONFIG)
        show(watched, clip(preview / "face-demographics-walking-and-pause.gif", third))
        with watched.start():
            watched.until(lambda: "camera ended" in watched.log().rpartition("the door is working")[2])  # noqa: B023
            CLOCK.sleep(LEAVING_SECONDS)  # the visit ends when the face has been gone
        told.append([(one["verdict"], one["reason"]) for one in visits(watched)[before:]])
        before += len(told[-1])
    assert sorted(told) == [[("granted", "verified")], [("refused", "unknown")], [("refused", "unknown")]]
    assert door.pin.story().count("unlocked") == pulses + 1

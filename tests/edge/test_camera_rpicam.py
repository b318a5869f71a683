"""`csi:0` without picamera2: pictures from a program's pipe, whatever that program does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera.csi import CsiSource
from edge.errors import CameraError
from edge.settings import CameraSettings

pytestmark = pytest.mark.skipif("picamera2" in sys.modules, reason="picamera2 is here: the pipe is not used")

SETTINGS = CameraSettings(source="csi:0", width=64, height=48)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a `rpicam-vid` of this text in the way of the real one, with two pictures beside it."""
    for name, colour in (("blue", (200, 0, 0)), ("green", (0, 200, 0))):
        cv2.imwrite(str(tmp_path / f"{name}.jpg"), np.full((48, 64, 3), colour, np.uint8))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> None:
        (tmp_path / "rpicam-vid").write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "rpicam-vid").chmod(0o755)

    return write


@contextmanager
def opened() -> Iterator[CsiSource]:
    source = CsiSource("0", SETTINGS)
    try:
        source.open()
        yield source
    finally:
        source.close()


def test_each_picture_of_the_pipe_comes_out_in_order_and_in_its_colours(program: Callable[[str], None]) -> None:
    program('echo "$@" >arguments; cat blue.jpg green.jpg blue.jpg; exec sleep 60')
    with opened() as source:
        colours = [tuple(int(value) for value in source.read()[20, 30] > 100) for _ in range(3)]
    assert colours == [(1, 0, 0), (0, 1, 0), (1, 0, 0)]
    assert "--codec mjpeg --width 64 --height 48" in Path("arguments").read_text()


def test_a_picture_that_comes_in_pieces_is_put_together(program: Callable[[str], None]) -> None:
    program("head -c 100 blue.jpg; sleep 0.2; tail -c +101 blue.jpg; exec sleep 60")
    with opened() as source:
        assert source.read().shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 1", "ended"),
        ("cat blue.jpg; exit 0", "ended"),
        ("head -c 20000000 /dev/zero; exec sleep 60", "writes no JPEG"),
        (r"printf '\377\330nonsense\377\331'; exec sleep 60", "no picture"),
    ],
)
def test_a_program_that_ends_or_writes_something_else_is_a_camera_that_is_gone(
    program: Callable[[str], None], text: str, said: str
) -> None:
    program(text)
    with opened() as source, pytest.raises(CameraError, match=said):
        all(source.read().size for _ in range(2))


def test_a_program_that_will_not_stop_is_ended(program: Callable[[str], None]) -> None:
    program("trap '' TERM; echo $$ >pid; cat blue.jpg; while :; do sleep 0.1; done")
    with opened() as source:
        source.read()
    assert not Path("/proc", Path("pid").read_text().strip()).exists()

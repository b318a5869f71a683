"""Photographs from strangers' hands: good ones are decoded upright, everything else is refused with a word."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera import photographs as room
from edge.camera.photograph_process import LONGEST_SIDE
from edge.camera.photographs import MOST_PHOTOGRAPHS, photographs, read_photograph
from edge.camera.picture_header import HeaderError, read_header
from edge.errors import LimenError
from tests.surfaces import surface

Image = np.ndarray[Any, np.dtype[np.uint8]]


def picture(width: int = 64, height: int = 48) -> Image:
    """Smooth, bright at the top, with a red corner at the top left: one can see which way up it is."""
    shade = np.linspace(220, 30, height)[:, None, None]
    shown = np.broadcast_to(shade, (height, width, 3)).astype(np.uint8).copy()
    shown[: height // 4, : width // 4] = (0, 0, 250)
    return shown


def coded(kind: str, shown: Image | None = None, *more: int) -> bytes:
    return cv2.imencode(kind, picture() if shown is None else shown, list(more))[1].tobytes()


def held(jpeg: bytes, orientation: int) -> bytes:
    """With a camera's note of how it was held."""
    entry = struct.pack(">HHII", 0x0112, 3, 1, orientation << 16)
    tiff = b"MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    segment = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(segment)) + segment + jpeg[2:]


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width: int, height: int, data: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr("payload.sh", "echo hello")
    return out.getvalue()


def in_a_comment(jpeg: bytes, said: bytes) -> bytes:
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", 2 + len(said)) + said + jpeg[2:]


def read(tmp_path: Path, content: bytes, name: str = "a.jpg") -> room.Photograph:
    path = tmp_path / name
    path.write_bytes(content)
    return read_photograph(path)


@pytest.mark.parametrize(
    "content",
    [
        coded(".jpg"),
        coded(".jpg", None, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        coded(".jpg", None, cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
        coded(".png"),
        coded(".webp", None, cv2.IMWRITE_WEBP_QUALITY, 80),
        coded(".webp", None, cv2.IMWRITE_WEBP_QUALITY, 101),
        coded(".jpg") + bytes(100),
        coded(".jpg") + coded(".jpg", picture(32, 32)),
        coded(".jpg") + b"\0\0\0\x18ftypmp42",
        coded(".jpg") + b"\0\0\x01\x0aImage_UTC_Data...SEFT",
    ],
    ids=["jpeg", "progressive", "restarts", "png", "webp", "lossless webp", "padded", "two pictures", "film", "notes"],
)
def test_a_photograph_is_read(tmp_path: Path, content: bytes) -> None:
    found = read(tmp_path, content)
    assert found.refusal is None
    assert found.image is not None
    assert found.image.shape == (48, 64, 3)
    assert np.abs(found.image.astype(int) - picture()).mean() < 6


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [(1, lambda one: one), (3, lambda one: cv2.rotate(one, cv2.ROTATE_180)),
     (6, lambda one: cv2.rotate(one, cv2.ROTATE_90_CLOCKWISE)),
     (8, lambda one: cv2.rotate(one, cv2.ROTATE_90_COUNTERCLOCKWISE))],
)  # fmt: skip
def test_a_photograph_is_turned_as_the_camera_was_held(
    tmp_path: Path, orientation: int, upright: Callable[[Image], Image]
) -> None:
    found = read(tmp_path, held(coded(".jpg"), orientation))
    assert found.image is not None
    assert found.image.shape == upright(picture()).shape
    assert np.abs(found.image.astype(int) - upright(picture())).mean() < 6


HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not_a_photograph"),
    "text": (b"not a picture", "not_a_photograph"),
    "gif renamed": (b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
                    "not_a_photograph"),
    "bmp": (coded(".bmp"), "not_a_photograph"),
    "tiff": (coded(".tiff"), "not_a_photograph"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not_a_photograph"),
    "png that claims 60000 x 60000": (png_of(60_000, 60_000, zlib.compress(bytes(1000))), "too_many_pixels"),
    "png bomb": (png_of(50_000, 1_000, zlib.compress(bytes(100))), "damaged"),
    "png that claims more than it has": (png_of(600, 400, zlib.compress(bytes(1000))), "damaged"),
    "png of nothing": (png_of(0, 0, b""), "damaged"),
    "jpeg that claims 65535 x 65535": (
        coded(".jpg").replace(struct.pack(">HH", 48, 64), b"\xff\xff\xff\xff", 1), "too_many_pixels"),
    "webp that claims 16777216 x 2": (
        b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<II", 10, 0) + b"\xff\xff\xff\x01\0\0",
        "damaged"),
    "jpeg with a zip behind it": (coded(".jpg") + archive(), "something_else_too"),
    "jpeg with a zip in a comment": (in_a_comment(coded(".jpg"), archive()), "something_else_too"),
    "jpeg with a pdf in it": (in_a_comment(coded(".jpg"), b"%PDF-1.7"), "something_else_too"),
    "png with something behind it": (coded(".png") + b"<script>", "something_else_too"),
    "webp with something behind it": (coded(".webp") + b"MZ", "something_else_too"),
    "jpeg with something behind it": (coded(".jpg") + b"#!/bin/sh", "something_else_too"),
    "truncated jpeg": (coded(".jpg")[:-40], "damaged"),
    "jpeg without its end": (coded(".jpg")[:-2], "damaged"),
    "truncated png": (coded(".png")[:-12], "damaged"),
    "truncated webp": (coded(".webp")[:-7], "damaged"),
    "jpeg of nothing": (b"\xff\xd8\xff\xd9", "damaged"),
    "jpeg whose head is all": (coded(".jpg")[:30] + b"\xff\xd9", "damaged"),
    "zip": (archive(), "not_a_photograph"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "word"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_photograph_is_refused_with_a_word(tmp_path: Path, content: bytes, word: str) -> None:
    found = read(tmp_path, content)
    assert (found.image is None, found.refusal) == (True, word)


def test_a_decoder_that_takes_too_much_memory_takes_only_itself_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_PIXELS", 10**9)
    rows = zlib.compress(bytes((1 + 3 * 18_000) * 18_000), 1)  # nearly 1 GB of black in 4 MB
    found = read(tmp_path, png_of(18_000, 18_000, rows), "bomb.png")
    assert found.refusal == "damaged"


def test_a_decoder_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "DECODE_SECONDS", 0.001)
    assert read(tmp_path, coded(".jpg")).refusal == "damaged"


def test_a_huge_photograph_comes_smaller(tmp_path: Path) -> None:
    found = read(tmp_path, coded(".jpg", picture(6000, 3000)))
    assert found.image is not None
    assert found.image.shape == (LONGEST_SIDE // 2, LONGEST_SIDE, 3)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(coded(".jpg"))
    os.truncate(path, room.MOST_BYTES + 1)
    assert read_photograph(path).refusal == "too_large"


def test_only_a_regular_file_is_opened(tmp_path: Path) -> None:
    good = tmp_path / "good.jpg"
    good.write_bytes(coded(".jpg"))
    (tmp_path / "link.jpg").symlink_to(good)
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "secret.jpg").symlink_to("/etc/shadow")
    (tmp_path / ".hidden.jpg").write_bytes(coded(".jpg"))
    told = {one.name: one.refusal for one in photographs(tmp_path)}
    assert told == {"good.jpg": None} | dict.fromkeys(
        ("folder.jpg", "link.jpg", "pipe.jpg", "secret.jpg"), "not_a_file"
    )
    assert read_photograph(tmp_path / "gone.jpg").refusal == "not_a_file"
    assert read_photograph(Path("nul\0.jpg")).refusal == "not_a_file"


def test_a_file_that_changes_while_it_is_read_is_refused() -> None:
    assert read_photograph(Path("/proc/self/cmdline")).refusal == "changing"  # says 0 bytes, and has more


def test_a_name_that_would_draw_on_the_terminal_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2J\nb\u202e.jpg").write_bytes(b"x")
    assert [one.name for one in photographs(tmp_path)] == ["a?[2J?b?.jpg"]


@pytest.mark.parametrize(
    ("files", "told"), [(None, "is not a folder"), (0, "no photographs"), (MOST_PHOTOGRAPHS + 1, "more than 200")]
)
def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, files: int | None, told: str) -> None:
    folder = tmp_path / "photographs"
    if files is not None:
        folder.mkdir()
        for number in range(files):
            (folder / f"{number}.jpg").touch()
    with pytest.raises(LimenError, match=told):
        photographs(folder)


GOOD = [coded(".jpg"), coded(".png"), coded(".webp"), held(coded(".jpg"), 6)]


@surface("photographs")
@given(st.sampled_from(GOOD), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=8), st.data())
def test_no_header_takes_the_reader_beyond_the_file(
    content: bytes, changes: list[tuple[int, int]], data: st.DataObject
) -> None:
    altered = bytearray(content)
    for place, value in changes:
        altered[place % len(altered)] = value
    cut = data.draw(st.integers(0, len(altered)))
    for one in (bytes(altered), bytes(altered[:cut]), content[:cut] + bytes(altered)):
        with suppress(HeaderError):
            assert read_header(one).end <= len(one)

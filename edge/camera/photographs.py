"""A folder of photographs from somewhere: each read once, judged by its bytes, and decoded by a child with limits."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edge.camera.photograph_process import LONGEST_SIDE
from edge.camera.picture_header import Header, HeaderError, HeaderWord, read_header
from edge.errors import LimenError

PhotographWord = HeaderWord | Literal["not_a_file", "changing", "too_large", "too_many_pixels"]

MOST_PHOTOGRAPHS: Final = 200
MOST_BYTES: Final = 32 * 1024 * 1024
MOST_PIXELS: Final = 50_000_000
DECODE_SECONDS: Final = 60.0  # of which the child may use 20 on its processor


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """`image` is uint8 [height, width, 3] BGR, upright; or `refusal` says why there is none.

    `name` is the file's, fit to be printed.
    """

    name: str
    image: NDArray[np.uint8] | None = None
    refusal: PhotographWord | None = None


class _RefusedError(Exception):
    def __init__(self, word: PhotographWord) -> None:
        super().__init__(word)
        self.word = word


def photographs(folder: Path) -> Iterator[Photograph]:
    """Every file in `folder` but hidden ones, by name. Raises LimenError when there are none, or too many."""
    if not folder.is_dir():
        raise LimenError(f"--photos: {folder} is not a folder")
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if not paths:
        raise LimenError(f"--photos: no photographs in {folder}")
    if len(paths) > MOST_PHOTOGRAPHS:
        raise LimenError(f"--photos: more than {MOST_PHOTOGRAPHS} photographs in {folder}")
    return map(read_photograph, paths)


def read_photograph(path: Path) -> Photograph:
    """Read one file. Whatever it is, it is a Photograph with an image or with the word for why not."""
    name = "".join(one if one.isprintable() else "?" for one in path.name)
    try:
        content = _content(path)
        header = _checked(read_header(content))
        return Photograph(name, _decoded(content[: header.end], header))
    except (_RefusedError, HeaderError) as refused:
        return Photograph(name, refusal=refused.word)


def _content(path: Path) -> bytes:
    """The bytes of a regular file, read once: what it becomes afterwards does not matter."""
    try:
        with open(path, "rb", opener=_without_links) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _RefusedError("not_a_file")
            if status.st_size > MOST_BYTES:
                raise _RefusedError("too_large")
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise _RefusedError("not_a_file") from error
    if len(content) != status.st_size:
        raise _RefusedError("changing")
    return content


def _without_links(path: str, _flags: int) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _checked(header: Header) -> Header:
    if header.width * header.height > MOST_PIXELS:
        raise _RefusedError("too_many_pixels")
    return header


def _decoded(content: bytes, header: Header) -> NDArray[np.uint8]:
    """The pixels, if the decoder finds what the header says. In memory only: nobody's picture is left on a disk."""
    with open(os.memfd_create("photograph"), "w+b") as out:  # noqa: PTH123 - not a path
        try:
            child = subprocess.run(
                [sys.executable, "-P", "-m", "edge.camera.photograph_process"],
                input=content,
                stdout=out,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OPENBLAS_NUM_THREADS": "1"},
                timeout=DECODE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _RefusedError("damaged") from error
        if child.returncode != 0:
            raise _RefusedError("damaged")
        out.seek(0)
        width, height = map(int, out.readline(32).split())
        pixels = np.frombuffer(out.read(), np.uint8)
    if pixels.size != 3 * width * height or not _as_declared(width, height, header):
        raise _RefusedError("damaged")
    return pixels.reshape(height, width, 3)


def _as_declared(width: int, height: int, header: Header) -> bool:
    """Whether the decoded picture has the header's size, perhaps turned by a quarter and made smaller."""
    scale = min(1.0, LONGEST_SIDE / max(header.width, header.height))
    sides = {round(header.width * scale), round(header.height * scale)}
    return {width, height} == sides

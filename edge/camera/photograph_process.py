"""Decodes one photograph in a process of its own: a decoder that is fooled or runs wild takes nothing else with it.

Started by `edge.camera.photographs`. The file comes on standard input; out goes `WIDTH HEIGHT`, a line's end, and the
pixels, uint8 [height, width, 3] BGR. Nothing at all comes out of a file that cannot be decoded within the limits.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

LONGEST_SIDE: Final = 4096  # what is larger is made smaller: no face needs more
MEMORY: Final = 768 * 1024 * 1024  # bytes, beside what the libraries took when they were loaded
CPU_SECONDS: Final = 20
_MOST_OUT: Final = 3 * LONGEST_SIDE * LONGEST_SIDE + 64


def main() -> int:
    """Exit code 1: not decodable."""
    _limit()
    cv2.setNumThreads(1)
    content = np.frombuffer(sys.stdin.buffer.read(), np.uint8)
    try:
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR)  # turned as the camera noted that it was held
    except (cv2.error, MemoryError):
        return 1
    if picture is None or picture.dtype != np.uint8:
        return 1
    fitting = _fitting(np.asarray(picture, np.uint8))
    height, width = fitting.shape[:2]
    sys.stdout.buffer.write(b"%d %d\n" % (width, height))
    sys.stdout.buffer.write(fitting.tobytes())
    return 0


def _limit() -> None:
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    for what, most in (
        (resource.RLIMIT_AS, taken + MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, _MOST_OUT),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _fitting(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = LONGEST_SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


if __name__ == "__main__":
    sys.exit(main())

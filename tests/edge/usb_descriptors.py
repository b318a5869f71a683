"""What a USB webcam says of itself: the descriptors of USB 2.0 and of its video class, UVC 1.0."""

from __future__ import annotations

import struct
from typing import Final

YUYV, MJPG = 1, 2  # the formats' numbers
SIZES: Final = {YUYV: ((640, 480),), MJPG: ((640, 480), (1280, 720))}
PAYLOAD: Final = 16384  # bytes that the driver asks for at once
_RATES: Final = (5, 15, 30)


def block(kind: int, *fields: bytes) -> bytes:
    """A descriptor: its length, its type, the rest."""
    content = b"".join(fields)
    return struct.pack("BB", 2 + len(content), kind) + content


def _frames(form: int) -> bytes:
    kind = {YUYV: 5, MJPG: 7}[form]
    blocks = b""
    for number, (width, height) in enumerate(SIZES[form], start=1):
        bits = width * height * 16 * max(_RATES)
        ticks = [10_000_000 // rate for rate in _RATES]
        fields = struct.pack(
            "<BBBHHIIIIB", kind, number, 0, width, height, bits, bits, 2 * width * height, ticks[1], len(ticks)
        )
        blocks += block(0x24, fields, struct.pack(f"<{len(ticks)}I", *ticks))
    return blocks


def configuration(forms: tuple[int, ...]) -> bytes:
    terminals = block(0x24, struct.pack("<BBHBBHHHB3x", 2, 1, 0x0201, 0, 0, 0, 0, 0, 3))
    terminals += block(0x24, struct.pack("<BBHBBB", 3, 2, 0x0101, 0, 1, 0))
    control = block(0x24, struct.pack("<BHHIBB", 1, 0x0100, 13 + len(terminals), 1_000_000, 1, 1)) + terminals
    yuyv = b"YUY2\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    head = {
        YUYV: block(0x24, struct.pack("<BBB16sBB4x", 4, YUYV, len(SIZES[YUYV]), yuyv, 16, 1)),
        MJPG: block(0x24, struct.pack("<BBBBB4x", 6, MJPG, len(SIZES[MJPG]), 1, 1)),
    }
    formats = b"".join(head[form] + _frames(form) for form in forms)
    size, count = 13 + len(forms) + len(formats), len(forms)
    fields = struct.pack("<BBHBBBBBBB", 1, count, size, 0x81, 0, 2, 0, 0, 0, 1)
    streaming = block(0x24, fields, bytes(count)) + formats
    body = b"".join(
        (
            block(11, struct.pack("BBBBBB", 0, 2, 14, 3, 0, 0)),
            block(4, struct.pack("BBBBBBB", 0, 0, 0, 14, 1, 0, 0)),
            control,
            block(4, struct.pack("BBBBBBB", 1, 0, 1, 14, 2, 0, 0)),
            streaming,
            block(5, struct.pack("<BBHB", 0x81, 2, 512, 0)),
        )
    )
    return block(2, struct.pack("<HBBBBB", 9 + len(body), 2, 1, 0, 0x80, 50)) + body

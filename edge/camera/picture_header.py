"""What a picture file says of itself before anything decodes it: JPEG, PNG or WebP, how large, and where it ends.

A small file may claim to be a huge picture, and one file may be two kinds at once. Both are told here from the bytes
alone; no length in them is believed further than the file goes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["jpeg", "png", "webp"]
HeaderWord = Literal["not_a_photograph", "damaged", "something_else_too"]

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_TAIL: Final = 65_557  # how far from its end a file may be a ZIP archive, comment included
_PDF: Final = b"%PDF-"
_PDF_HEAD: Final = 1024
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NO_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_END_OF_IMAGE: Final = 0xD9
_START_OF_SCAN: Final = 0xDA


class HeaderError(Exception):
    """`word`: why the file is not looked at any further."""

    def __init__(self, word: HeaderWord) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, slots=True)
class Header:
    """Pixels as stored, before a camera's note on how it was held is followed; `end` is where the picture ends."""

    kind: Kind
    width: int
    height: int
    end: int


def read_header(content: bytes) -> Header:
    """Raises HeaderError for any other kind of file, a torn one, and one that is something else besides."""
    try:
        header = _header(content)
    except (IndexError, struct.error, ValueError) as error:  # it ends before its own end
        raise HeaderError("damaged") from error
    if header.width < 1 or header.height < 1:
        raise HeaderError("damaged")
    if _ZIP_END in content[-_ZIP_TAIL:] or _PDF in content[:_PDF_HEAD] or not _is_harmless(header, content):
        raise HeaderError("something_else_too")
    return header


def _header(content: bytes) -> Header:
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg(content)
    if content.startswith(_PNG):
        return _png(content)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _webp(content)
    raise HeaderError("not_a_photograph")


def _is_harmless(header: Header, content: bytes) -> bool:
    """Whether nothing follows the picture but what telephones append to a JPEG: more pictures, a film, their notes."""
    rest = content[header.end :].lstrip(b"\0")
    if not rest:
        return True
    film = content[header.end + 4 : header.end + 8] == b"ftyp"
    return header.kind == "jpeg" and (rest.startswith(b"\xff\xd8\xff") or film or rest.endswith(b"SEFT"))


def _jpeg(content: bytes) -> Header:
    """Walk the segments. IndexError, struct.error or ValueError: it is torn."""
    at, width, height = 2, 0, 0
    while True:
        if content[at] != 0xFF:
            raise HeaderError("damaged")
        while content[at + 1] == 0xFF:  # any number of them may fill up
            at += 1
        code = content[at + 1]
        at += 2
        if code == _END_OF_IMAGE:
            return Header("jpeg", width, height, at)
        if code in _NO_LENGTH:
            continue
        (length,) = struct.unpack_from(">H", content, at)
        if code in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", content, at + 3)
        at += max(2, length)
        if code == _START_OF_SCAN:
            at = _after_scan(content, at)


def _after_scan(content: bytes, at: int) -> int:
    """Where the next marker is: within coded pixels 0xFF is followed by 0, or by a restart marker."""
    while True:
        at = content.index(b"\xff", at)
        if content[at + 1] != 0 and content[at + 1] not in _NO_LENGTH:
            return at
        at += 2


def _png(content: bytes) -> Header:
    at = len(_PNG)
    length, name, width, height = struct.unpack_from(">I4sII", content, at)
    if name != b"IHDR":
        raise HeaderError("damaged")
    while name != b"IEND":
        at += 12 + length
        length, name = struct.unpack_from(">I4s", content, at)
    if at + 12 > len(content):
        raise HeaderError("damaged")
    return Header("png", width, height, at + 12)


def _webp(content: bytes) -> Header:
    end = 8 + struct.unpack_from("<I", content, 4)[0]
    if end > len(content):
        raise HeaderError("damaged")
    name = content[12:16]
    if name == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", content, 26))
    elif name == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif name == b"VP8X":
        width, height = (1 + int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
    else:
        raise HeaderError("damaged")
    return Header("webp", width, height, end)

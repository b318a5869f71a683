"""Arrays come out of a joblib file, and nothing in it is ever run. The files are made here, byte by byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import ConversionError
from convert.sources.joblib_file import expand_lz4, read_arrays
from tests.surfaces import surface

MARK, TUPLE, EMPTY_TUPLE, NEWOBJ, REDUCE, BUILD, STOP = b"(", b"t", b")", b"\x81", b"R", b"b", b"."


def word(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


def name(module: str, what: str) -> bytes:
    return word(module) + word(what) + b"\x93"


def number(value: int) -> bytes:
    return b"K" + bytes([value]) if 0 <= value < 256 else b"J" + value.to_bytes(4, "little", signed=True)


def an_array(values: np.ndarray, *, kind: str = "f4", order: str = "C", ends: str = "<", padding: int = 3) -> bytes:
    shape = MARK + b"".join(map(number, values.shape)) + TUPLE
    dtype = name("numpy", "dtype") + word(kind) + b"\x89\x88\x87" + REDUCE
    dtype += MARK + number(3) + word(ends) + b"NNN" + number(-1) + number(-1) + number(0) + TUPLE + BUILD
    state = [word("subclass") + name("numpy", "ndarray"), word("shape") + shape, word("order") + word(order)]
    state += [word("dtype") + dtype, word("allow_mmap") + b"\x88"]
    wrapper = name("joblib.numpy_pickle", "NumpyArrayWrapper") + b"\x94" + EMPTY_TUPLE + NEWOBJ + b"\x94"
    built = wrapper + b"}\x94" + MARK + b"".join(state) + b"u" + BUILD
    return built + bytes([padding]) + b"\xff" * padding + values.astype("<f4").tobytes()


def a_file(*items: bytes, stop: bytes = STOP) -> bytes:
    return in_lz4(b"\x80\x04]\x94" + MARK + b"".join(items) + b"e" + stop)


def in_lz4(content: bytes) -> bytes:
    """A frame of one block that is not compressed."""
    size = (len(content) | 1 << 31).to_bytes(4, "little")
    return b"\x04\x22\x4d\x18\x40\x40\xc0" + size + content + bytes(4)


FIRST, SECOND = np.arange(6, dtype=np.float32).reshape(2, 3), np.array([0.5], np.float32)


def test_arrays_come_out_in_their_order_and_shape() -> None:
    first, second = read_arrays(a_file(an_array(FIRST), an_array(SECOND, padding=0)))
    assert (first == FIRST).all()
    assert first.shape == (2, 3)
    assert (second == SECOND).all()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (a_file(name("os", "system") + word("true") + b"\x85" + REDUCE), "'os system' has no business"),
        (a_file(b"cos\nsystem\n"), "the opcode GLOBAL has no business"),
        (a_file(b"\x82\x01"), "the opcode EXT1 has no business"),
        (a_file(an_array(FIRST, kind="O")), "numbers of the kind 'O'"),
        (a_file(an_array(FIRST, kind="f8")), "numbers of the kind 'f8'"),
        (a_file(an_array(FIRST, ends=">")), "numbers of the kind 'f4' '>'"),
        (a_file(an_array(FIRST, order="F")), "another layout"),
        (a_file(an_array(FIRST), word("hello")), "something else than a list"),
        (in_lz4(b"\x80\x04}."), "something else than a list"),
        (in_lz4(b"\x80\x04e."), "not a joblib file"),
        (a_file(an_array(FIRST), stop=b""), "not a joblib file"),
        (b"\x80\x04].", "not an LZ4 frame"),
        (b"", "not an LZ4 frame"),
    ],
)
def test_everything_else_is_refused(content: bytes, complaint: str) -> None:
    with pytest.raises(ConversionError, match=complaint):
        read_arrays(content)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.99])
def test_a_file_that_was_cut_off_is_refused(share: float) -> None:
    whole = a_file(an_array(FIRST), an_array(SECOND))
    with pytest.raises(ConversionError):
        read_arrays(whole[: int(share * len(whole))])


@given(at=st.integers(0, 300), to=st.integers(0, 255))
@surface("mtcnn's weights", 300)
def test_a_damaged_file_gives_arrays_or_an_error(at: int, to: int) -> None:
    content = bytearray(a_file(an_array(FIRST), an_array(SECOND)))
    content[at % len(content)] = to
    try:
        arrays = read_arrays(bytes(content))
    except ConversionError:
        return
    assert all(isinstance(one, np.ndarray) for one in arrays)


def test_copies_of_what_came_before_are_written_out() -> None:
    block = b"\x34abc" + b"\x03\x00" + b"\x20XY"  # three letters, eight more from three back, two letters
    frame = b"\x04\x22\x4d\x18\x40\x40\xc0" + len(block).to_bytes(4, "little") + block + bytes(4)
    assert expand_lz4(frame) == b"abcabcabcabXY"


def test_long_runs_are_counted_on() -> None:
    letters = bytes(300)
    block = b"\xf0\xff" + bytes([300 - 15 - 255]) + letters
    frame = b"\x04\x22\x4d\x18\x40\x40\xc0" + len(block).to_bytes(4, "little") + block + bytes(4)
    assert expand_lz4(frame) == letters


def test_a_copy_from_before_the_beginning_is_refused() -> None:
    block = b"\x10a\x02\x00"
    with pytest.raises(ValueError, match="before the beginning"):
        expand_lz4(b"\x04\x22\x4d\x18\x40\x40\xc0" + len(block).to_bytes(4, "little") + block + bytes(4))

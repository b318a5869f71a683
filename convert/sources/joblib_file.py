"""The arrays of a joblib file, read without executing anything in it.

A joblib file is a pickle with the raw bytes of each array in between, here inside an LZ4 frame. Unpickling runs what a
file says; this reader only walks over the opcodes with its own hands: it knows lists, tuples, dictionaries, numbers and
words, takes the three names that joblib writes for an array as mere words, and refuses every other opcode and name.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError

_LZ4_MAGIC: Final = b"\x04\x22\x4d\x18"
_LZ4_MARKED: Final = 0b0000_1101  # flags: content size, content checksum or dictionary: none is written by joblib
_LARGEST: Final = 64 << 20
_ARRAY: Final = "joblib.numpy_pickle NumpyArrayWrapper"
_NAMES: Final = {_ARRAY, "numpy ndarray", "numpy dtype"}
_MARK: Final = object()


def read_arrays(content: bytes) -> list[NDArray[np.float32]]:
    """The list of float32 arrays in an LZ4-compressed joblib file. Raises ConversionError for anything else."""
    try:
        arrays = _Walk(expand_lz4(content)).result()
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ConversionError(f"not a joblib file of arrays: {error}") from None
    if not isinstance(arrays, list) or not all(isinstance(one, np.ndarray) for one in arrays):
        raise ConversionError("not a joblib file of arrays: holds something else than a list of them")
    return arrays


def expand_lz4(content: bytes) -> bytes:
    """What an LZ4 frame holds (lz4_Frame_format 1.6). Raises ValueError or IndexError when it is none, or cut off."""
    if content[:4] != _LZ4_MAGIC or content[4] & _LZ4_MARKED or content[4] >> 6 != 1:
        raise ValueError("not an LZ4 frame as joblib writes it")
    checked = 4 if content[4] & 0b1_0000 else 0  # a checksum behind each block
    expanded, at = bytearray(), 7
    while size := int.from_bytes(_piece(content, at, 4), "little"):
        length = size & 0x7FFF_FFFF
        block = _piece(content, at + 4, length)
        if size >> 31:
            expanded += block
        else:
            _expand_block(block, expanded)
        if len(expanded) > _LARGEST:
            raise ValueError(f"expands to more than {_LARGEST} bytes")
        at += 4 + length + checked
    return bytes(expanded)


def _expand_block(block: bytes, expanded: bytearray) -> None:
    """Sequences of literals and of copies of what came before."""
    at = 0
    while at < len(block):
        token = block[at]
        count, at = _long(block, at + 1, token >> 4)
        expanded += _piece(block, at, count)
        at += count
        if at == len(block):
            return  # the last sequence is literals only
        back = int.from_bytes(_piece(block, at, 2), "little")
        count, at = _long(block, at + 2, token & 15)
        count += 4
        if not 1 <= back <= len(expanded):
            raise ValueError("an LZ4 copy from before the beginning")
        source = expanded[-back:][:count]
        expanded += (source * (count // len(source) + 1))[:count]


def _long(block: bytes, at: int, count: int) -> tuple[int, int]:
    """A count that goes on in further bytes when it is 15, and where it ends."""
    more = 255 if count == 15 else 0
    while more == 255:
        more = block[at]
        count, at = count + more, at + 1
    return count, at


def _piece(content: bytes, at: int, count: int) -> bytes:
    piece = content[at : at + count]
    if len(piece) != count:
        raise ValueError("the file is cut off")
    return piece


class _Walk:
    """The stack and the memory of a pickle, moved by hand. An array is a dictionary of words until its bytes come."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)
        self._stack: list[Any] = []
        self._memory: list[Any] = []

    def result(self) -> Any:
        for opcode, value, _ in pickletools.genops(self._file):
            if opcode.name == "STOP":
                return self._stack.pop()
            step = getattr(self, f"_do_{opcode.name.lower()}", None)
            if step is not None:
                step(value)
            elif opcode.name in {"BININT", "BININT1", "BININT2", "SHORT_BINUNICODE", "NONE", "NEWTRUE", "NEWFALSE"}:
                self._stack.append({"NEWTRUE": True, "NEWFALSE": False}.get(opcode.name, value))
            elif opcode.name not in {"PROTO", "FRAME"}:
                raise ValueError(f"the opcode {opcode.name} has no business in a list of arrays")
        raise ValueError("the file is cut off")

    def _do_memoize(self, _: object) -> None:
        self._memory.append(self._stack[-1])

    def _do_binget(self, index: int) -> None:
        self._stack.append(self._memory[index])

    _do_long_binget = _do_binget

    def _do_mark(self, _: object) -> None:
        self._stack.append(_MARK)

    def _do_empty_list(self, _: object) -> None:
        self._stack.append([])

    def _do_empty_dict(self, _: object) -> None:
        self._stack.append({})

    def _do_empty_tuple(self, _: object) -> None:
        self._stack.append(())

    def _do_tuple(self, _: object) -> None:
        self._stack.append(tuple(self._since_mark()))

    def _do_tuple1(self, _: object) -> None:
        self._stack.append((self._stack.pop(),))

    def _do_tuple2(self, _: object) -> None:
        self._stack[-2:] = [tuple(self._stack[-2:])]

    def _do_tuple3(self, _: object) -> None:
        self._stack[-3:] = [tuple(self._stack[-3:])]

    def _do_appends(self, _: object) -> None:
        values = self._since_mark()
        self._stack[-1].extend(values)

    def _do_setitems(self, _: object) -> None:
        pairs = self._since_mark()
        self._stack[-1].update(zip(pairs[::2], pairs[1::2], strict=True))

    def _do_stack_global(self, _: object) -> None:
        self._stack[-2:] = [" ".join(self._stack[-2:])]
        if self._stack[-1] not in _NAMES:
            raise ValueError(f"the name {self._stack[-1]!r} has no business in a list of arrays")

    def _do_newobj(self, _: object) -> None:
        name, arguments = self._stack[-2:]
        self._stack[-2:] = [{"is": name, "of": arguments}]

    _do_reduce = _do_newobj

    def _do_build(self, _: object) -> None:
        state = self._stack.pop()
        built = self._stack[-1]
        if built["is"] == _ARRAY:
            self._stack[-1] = self._array(state)
        elif built["of"][0] != "f4" or state[1] != "<":
            raise ValueError(f"numbers of the kind {built['of'][0]!r} {state[1]!r}, not little-endian float32")

    def _array(self, state: dict[str, Any]) -> NDArray[np.float32]:
        """The array whose bytes come next, behind a count of bytes that only align them."""
        shape: Sequence[int] = state["shape"]
        if state["order"] != "C" or state["subclass"] != "numpy ndarray":
            raise ValueError("an array of another layout")
        self._file.seek(self._file.read(1)[0], io.SEEK_CUR)
        size = 4 * math.prod(shape)
        return np.frombuffer(_piece(self._file.read(size), 0, size), "<f4").reshape(shape)

    def _since_mark(self) -> list[Any]:
        values: list[Any] = []
        while (top := self._stack.pop()) is not _MARK:
            values.insert(0, top)
        return values

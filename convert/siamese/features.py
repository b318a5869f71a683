"""What a frozen network makes of each face, computed once: a plain .npy file that is mapped into memory, not read.

Its name is made from everything it depends on, the network's weights and every face: another of either is another file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from convert.embeddings import CACHE
from convert.errors import ConversionError
from edge.vision.cards import Input

_BATCH: Final = 32


def features(tower: Any, eats: Input, pixels: NDArray[np.uint8], cache: Path = CACHE) -> NDArray[np.float32]:
    """float32 [n, d] of the faces `pixels` [n, side, side, 3]. Raises ConversionError when the disk is full."""
    path = cache / f"features-{_key(tower, eats, pixels)}.npy"
    shape = (len(pixels), int(tower.outputs[0].shape[-1]))
    known = _mapped(path, shape)
    if known is not None:
        return known
    partial = path.with_name(f"{path.name}.{token_hex(4)}.partial")  # another training may ask for the same
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Written, not mapped: on a full disk a mapped file would end the process without a word.
        with partial.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
            for start in tqdm(range(0, len(pixels), _BATCH), desc="features", unit=" batches", disable=None):
                vectors = tower(eats.tensor(pixels[start : start + _BATCH])[0], training=False)
                file.write(np.ascontiguousarray(vectors, "<f4").tobytes())
        partial.replace(path)
    except OSError as error:
        raise ConversionError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
    mapped = _mapped(path, shape)
    if mapped is None:
        raise ConversionError(f"{path}: was written and cannot be read back")
    return mapped


def _mapped(path: Path, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array if array.shape == shape and array.dtype == np.float32 else None


def _key(tower: Any, eats: Input, pixels: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(repr(eats).encode())
    for values in tower.get_weights():
        digest.update(np.ascontiguousarray(values).tobytes())
    for face in pixels:
        digest.update(hashlib.sha256(face.tobytes()).digest())
    return digest.hexdigest()[:32]

"""Arrays that took long to make, kept under `build/` by a name made from everything they depend on."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.release import write_file

Arrays = Mapping[str, NDArray[Any]]


def kept(path: Path, count: int, make: Callable[[], Arrays]) -> Arrays:
    """What an earlier run left in `path`, if it is whole and its arrays have `count` rows; else made and left there."""
    known = _read(path)
    if known and all(len(array) == count for array in known.values()):
        return known
    arrays = make()
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # by its stub, any name might be `allow_pickle`
    write_file(path, content.getvalue())
    return arrays


def _read(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (FileNotFoundError, ValueError, KeyError, zipfile.BadZipFile):
        return None

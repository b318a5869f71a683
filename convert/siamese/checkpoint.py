"""A training that was killed goes on where it was: everything that changes, in one file that is whole or not there."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError
from convert.release import write_file
from convert.siamese.judge import Epoch

STATE: Final = "state.npz"
METRICS: Final = "metrics.csv"

Values = list[NDArray[Any]]


@dataclass(frozen=True, slots=True)
class State:
    """After `history`'s last epoch: every variable of network and optimizer, and of the best network so far."""

    values: Values
    best: Values
    history: tuple[Epoch, ...]


def save(folder: Path, state: State) -> None:
    """Write metrics.csv and the state. Raises ConversionError when the disk does not take them."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(Epoch.__struct_fields__)
    table.writerows([f"{value:.6g}" for value in msgspec.structs.astuple(epoch)] for epoch in state.history)
    content = io.BytesIO()
    told = np.frombuffer(msgspec.json.encode(state.history), np.uint8)
    kinds = (("v", state.values), ("b", state.best))
    named = {f"{kind}{index:05d}": value for kind, values in kinds for index, value in enumerate(values)}
    np.savez(content, history=told, **named)  # type: ignore[arg-type]  # by its stub, any might be `allow_pickle`
    write_file(folder / METRICS, text.getvalue().encode())
    write_file(folder / STATE, content.getvalue())


def load(folder: Path) -> State | None:
    """What an earlier training left; None where there is nothing. Raises ConversionError for a damaged file."""
    path = folder / STATE
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            names = sorted(file.files)
            history = msgspec.json.decode(file["history"].tobytes(), type=tuple[Epoch, ...])
            kinds = [[file[name] for name in names if name[0] == kind and name[1:].isdigit()] for kind in ("v", "b")]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile, msgspec.DecodeError) as error:
        raise ConversionError(f"{path}: is damaged ({error}); delete it to train anew") from None
    return State(kinds[0], kinds[1], history)


def values_of(variables: Sequence[Any]) -> Values:
    return [np.array(variable) for variable in variables]


def assign(variables: Sequence[Any], values: Values, path: Path) -> None:
    """Raises ConversionError when `values` are of another network."""
    if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
        raise ConversionError(f"{path}: is of another network; delete it to train anew")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)

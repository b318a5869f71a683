"""`models/records/NAME.json`: figures of one kind, each record under the sha256 of the embedder's file it judges.

As with `models/evaluation.json`, a record never speaks for other bytes: after a release with another file the page has
no figures of that kind until they are made again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec
from msgspec import Struct

from convert.errors import ConversionError
from convert.release import write_file
from edge.vision.cards import Sha256

FOLDER: Final = "records"

Records = Mapping[str, Any]  # the records of one embedder's file: name of the kind -> its plain values
_Kind = TypeVar("_Kind", bound=Struct)


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    records: dict[Sha256, Any]
    v: Literal[1] = 1


def records_of(models: Path, sha256: str) -> Records:
    """Every kind of record that there is for the embedder with these bytes."""
    files = {path.stem: _read(path).records for path in sorted((models / FOLDER).glob("*.json"))}
    return {name: found[sha256] for name, found in files.items() if sha256 in found}


def one_of(records: Records, name: str, kind: type[_Kind]) -> _Kind | None:
    """The record `name` as what it is; None where there is none."""
    try:
        return msgspec.convert(records[name], kind, strict=False) if name in records else None
    except msgspec.ValidationError as error:
        raise ConversionError(f"{FOLDER}/{name}.json: not a record of {name}: {error}") from None


def write_one(models: Path, name: str, sha256: str, record: Struct) -> Path:
    """Add `record` to its file, in place of one for the same bytes; the file."""
    path = models / FOLDER / f"{name}.json"
    before = _read(path).records if path.exists() else {}
    content = {"v": 1, "records": {**before, sha256: msgspec.to_builtins(record)}}
    write_file(path, (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())
    return path


def _read(path: Path) -> _File:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise ConversionError(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConversionError(f"{path}: not a file of records: {error}") from None

"""Checking the journal's chain: in a store, or in a file that was exported from one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

from edge.errors import StoreError
from edge.store import ledger
from edge.store.chain import Chain, ChainRow, Dropped, Erased, Facts, Finding, Head, check
from edge.store.database import reading

_FORMAT: Final = 1
_Result = TypeVar("_Result")
_Known = tuple[int, str] | None


def check_store(directory: Path, known: _Known = None) -> tuple[Finding, str]:
    """What a check of the store in `directory` came to, and its head. A door may be writing it. Raises StoreError."""
    with _chain_of(directory) as chain:
        return check(chain, known), str(chain.head)


def export(directory: Path, file: TextIO) -> tuple[Finding, str]:
    """Write the store's chain as JSON lines: head, amendments, rows; what a check of it came to, and its head."""
    with _chain_of(directory) as chain:
        head = chain.head
        _write(file, limen_audit=_FORMAT, seq=head.seq, hash=head.hash.hex(), amended=head.amended.hex())
        for gap in chain.dropped:
            _write(file, dropped=[gap.first, gap.last], hash=gap.hash.hex())
        for each in chain.erased:
            _write(file, erased=each.seq, sha256=each.digest.hex())
        rows = _written(file, chain.rows)
        finding = check(replace(chain, rows=rows))
        for _ in rows:
            pass  # what follows a problem belongs into the file too
        return finding, str(head)


def check_export(path: Path, known: _Known = None) -> tuple[Finding, str]:
    """The same of an exported file. Raises StoreError when it cannot be read or is no export."""
    try:
        with path.open(encoding="utf-8") as file:
            lines = _Lines(file)
            head = lines.take(_head)
            if head is None:
                raise StoreError(f"{path} is no export of `limen audit`")
            dropped, erased = tuple(lines.all(_dropped)), tuple(lines.all(_erased))
            chain = Chain(head, dropped, erased, lines.rest())
            return check(chain, known), str(head)
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


@contextmanager
def _chain_of(directory: Path) -> Iterator[Chain]:
    with reading(directory) as connection:
        yield Chain(
            ledger.head(connection), ledger.dropped(connection), ledger.erased(connection), ledger.rows(connection)
        )


def _written(file: TextIO, rows: Iterable[ChainRow]) -> Iterator[ChainRow]:
    for row in rows:
        salt = None if row.salt is None else row.salt.hex()
        link = {"salt": salt, "commitment": row.commitment.hex(), "amended": row.amended.hex()}
        _write(file, **row.facts._asdict(), data=row.data, **link, hash=row.hash.hex())
        yield row


def _write(file: TextIO, **line: Any) -> None:
    file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


class _Lines:
    """JSON lines with one line of foresight."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._number = 0
        self._next = self._read()

    def take(self, read: Callable[[dict[str, Any]], _Result | None]) -> _Result | None:
        """The next line as `read` makes it, None and still there when it is something else."""
        if self._next is None:
            return None
        try:
            result = read(self._next)
        except (KeyError, ValueError, TypeError) as error:
            raise StoreError(f"line {self._number} was altered: it is no line of an export") from error
        if result is not None:
            self._next = self._read()
        return result

    def all(self, read: Callable[[dict[str, Any]], _Result | None]) -> Iterator[_Result]:
        while (result := self.take(read)) is not None:
            yield result

    def rest(self) -> Iterator[ChainRow]:
        """All lines that are left are rows."""
        yield from self.all(_row)
        if self._next is not None:
            raise StoreError(f"line {self._number} was altered, inserted, or is out of order")

    def _read(self) -> dict[str, Any] | None:
        text = self._file.readline()
        if not text:
            return None
        self._number += 1
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            line = None
        if not isinstance(line, dict):
            raise StoreError(f"line {self._number} was altered: it is no line of an export")
        return line


def _head(line: dict[str, Any]) -> Head | None:
    if line.get("limen_audit") != _FORMAT:
        return None
    return Head(int(line["seq"]), bytes.fromhex(line["hash"]), bytes.fromhex(line["amended"]))


def _dropped(line: dict[str, Any]) -> Dropped | None:
    if "dropped" not in line:
        return None
    first, last = line["dropped"]
    return Dropped(int(first), int(last), bytes.fromhex(line["hash"]))


def _erased(line: dict[str, Any]) -> Erased | None:
    return Erased(int(line["erased"]), bytes.fromhex(line["sha256"])) if "erased" in line else None


def _row(line: dict[str, Any]) -> ChainRow | None:
    if "seq" not in line or "limen_audit" in line:
        return None
    if not isinstance(line["seq"], int) or not isinstance(line["data"], str):
        raise TypeError("seq is a number and data a string")
    salt = None if line["salt"] is None else bytes.fromhex(line["salt"])
    commitment, amended, link = (bytes.fromhex(line[name]) for name in ("commitment", "amended", "hash"))
    return ChainRow(Facts(*(line[name] for name in Facts._fields)), line["data"], salt, commitment, amended, link)

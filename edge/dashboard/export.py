"""Everything a query finds, as a file: JSON for programs, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime
from typing import Final

import msgspec

from edge.dashboard.queries import LARGEST_PAGE
from edge.dashboard.services import History
from edge.dashboard.values import EventView, Query

_COLUMNS: Final = tuple(field.name for field in fields(EventView))
# What makes a spreadsheet take a text for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def found(history: History, query: Query) -> Iterator[EventView]:
    """All pages of a query, newest first. Raises StoreError, also half way."""
    query = replace(query, before=None, limit=LARGEST_PAGE)
    while True:
        page = history.events(query)
        yield from page.events
        if page.next is None:
            return
        query = replace(query, before=page.next)


def as_json(events: Iterator[EventView]) -> Iterator[bytes]:
    """One array, an event a line."""
    before = b"[\n"
    for event in events:
        yield before + msgspec.json.encode(event)
        before = b",\n"
    yield b"]\n" if before != b"[\n" else b"[]\n"


def as_csv(events: Iterator[EventView]) -> Iterator[bytes]:
    """With a heading; texts stand in quotes, and none can be taken for a formula."""
    yield _line(_COLUMNS)
    for event in events:
        yield _line([_cell(getattr(event, name)) for name in _COLUMNS])


def _cell(value: object) -> str | float | int | None:
    if isinstance(value, tuple):
        value = " ".join(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    assert value is None or isinstance(value, float | int)
    return value


def _line(cells: list[str | float | int | None] | tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerow(cells)
    return text.getvalue().encode()

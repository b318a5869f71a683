"""The journal: what happened at the door, written before it is published and kept until it is too old.

When it is full, rows go in the order of their worth, the oldest of a worth first: what was delivered, then refused
visits, then the system's notices, and last the door's own events and granted visits. What goes undelivered, for want
of room or by age, is counted. Every row is a link of a hash chain (see `edge.store.chain`).
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args

from edge.clock import Clock, boot_id, rfc3339
from edge.errors import StoreError
from edge.store import ledger
from edge.store.chain import Facts, Head
from edge.store.database import Database
from edge.store.limits import Limits
from edge.store.schema import GENERATION
from edge.store.stamps import from_milliseconds, to_milliseconds
from edge.values import Event, EventKind

_SENT, _REFUSED_VISIT, _NOTICE, _DOOR_OR_GRANT = range(4)
_KINDS: Final = get_args(EventKind)
_OVERHEAD_BYTES: Final = 200
# Never less than in the row before: where people are older than the journal, what it writes next must not hide that.
_GENERATION: Final = f"""
    SELECT max(({GENERATION}), coalesce((SELECT generation FROM journal ORDER BY seq DESC LIMIT 1), 0))"""  # noqa: S608 - a constant
_COLUMNS: Final = "seq, id, boot_id, ts, ts_trusted, kind, data, monotonic, generation, worth"


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One event as it was written. `seq` counts the journal's events, without gaps until rows are pruned or dropped.

    `ts` is RFC 3339 with milliseconds, `monotonic` seconds of the boot `boot_id`. `generation` is that of the people
    when the event was written. A row whose bytes decayed is a system event with `data == {"damaged": True}`.
    """

    seq: int
    id: str
    boot_id: str
    ts: str
    ts_trusted: bool
    kind: EventKind
    data: dict[str, Any]
    monotonic: float = 0.0
    generation: int = 0
    sent: bool = False


class Journal:
    def __init__(self, database: Database, clock: Clock, limits: Limits) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits
        self._boot_id = boot_id()
        self._rows, self._bytes = self._size()

    def add(self, event: Event) -> JournalRow:
        """Durable when this returns. Raises StoreError for data that is not clean JSON, and when there is no room."""
        text = _clean_json(event.data)
        size = len(text.encode()) + _OVERHEAD_BYTES
        if size > self._limits.event_bytes:
            raise StoreError(f"an event of {size} bytes is more than {self._limits.event_bytes}")
        wall = to_milliseconds(self._clock.wall())
        about = (uuid.uuid4().hex, self._boot_id, wall, int(self._clock.trusted()), event.kind)
        monotonic, worth = float(self._clock.now()), _worth(event)

        def work(connection: sqlite3.Connection) -> tuple[int, int, int, int]:
            generation = connection.execute(_GENERATION).fetchone()[0]
            row = (*about, text, monotonic, generation, worth, size)
            seq = connection.execute(
                "INSERT INTO journal (id, boot_id, ts, ts_trusted, kind, data, monotonic, generation, worth, bytes)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            ).lastrowid
            assert seq is not None
            kept, rows, total = self._make_room(connection, seq, self._rows + 1, self._bytes + size)
            before = ledger.head(connection)
            facts = Facts(seq, *about, monotonic, generation)
            ledger.go_on(connection, ledger.make_row(facts, text, before.amended, before.hash), kept=kept)
            return seq, generation, rows, total

        seq, generation, self._rows, self._bytes = self._database.write(work)
        return _row((seq, *about, text, monotonic, generation, worth))

    def unsent(self, limit: int) -> tuple[JournalRow, ...]:
        """Rows that nobody acknowledged yet, oldest first."""
        return self._rows_where("worth > 0", limit)

    def backlog(self) -> int:
        """How many rows nobody acknowledged yet."""
        return int(self._database.read("SELECT count(*) FROM journal WHERE worth > 0")[0][0])

    def mark_sent(self, row_id: str) -> None:
        self._database.write(
            lambda connection: connection.execute("UPDATE journal SET worth = ? WHERE id = ?", (_SENT, row_id))
        )

    def after(self, seq: int, limit: int) -> tuple[JournalRow, ...]:
        """Rows with a greater `seq`, sent or not, oldest first."""
        return self._rows_where("seq > ?", seq, limit)

    def newest(self, limit: int) -> tuple[JournalRow, ...]:
        """The last rows, sent or not, oldest first."""
        return self._rows_where("seq > (SELECT coalesce(max(seq), 0) FROM journal) - ?", limit, limit)

    def prune(self, oldest: datetime) -> int:
        """Delete rows older than `oldest`, sent or not; how many.

        A row with an untrusted time stamp has no age of its own: it goes when a later row is the oldest one kept.
        """
        sql = """DELETE FROM journal WHERE (ts_trusted AND ts < :oldest) OR (NOT ts_trusted AND seq <
            (SELECT min(seq) FROM journal WHERE ts_trusted AND ts >= :oldest)) RETURNING seq, hash, worth"""

        def delete(connection: sqlite3.Connection) -> int:
            gone = sorted(connection.execute(sql, {"oldest": to_milliseconds(oldest)}))
            _count_dropped(connection, sum(worth > _SENT for _, _, worth in gone))
            ledger.drop(connection, [(seq, link) for seq, link, _ in gone])
            return len(gone)

        def work() -> int:
            deleted = self._database.write(delete)
            self._rows, self._bytes = self._size()
            if deleted:
                detail = f"{deleted} events were older than the journal keeps them"
                self.add(Event("system", {"event": "journal_pruned", "detail": detail}))
            return deleted

        try:
            return self._database.together(work)
        finally:
            self._rows, self._bytes = self._size()

    def erase(self, person_id: str) -> str:
        """Name this person nowhere any more: rows tell of a pseudonym instead. Write an event next; the pseudonym."""
        pseudonym = self._database.write(lambda connection: ledger.erase(connection, person_id))
        self._rows, self._bytes = self._size()
        return pseudonym

    def head(self) -> str:
        """`SEQ:HASH` of the newest link of the chain over all rows."""
        return str(Head(*self._database.read("SELECT * FROM audit_head")[0]))

    @property
    def dropped(self) -> int:
        """How many events went undelivered, ever."""
        return int(self._database.read("SELECT coalesce(max(dropped), 0) FROM counters")[0][0])

    def _rows_where(self, condition: str, *values: int) -> tuple[JournalRow, ...]:
        sql = f"SELECT {_COLUMNS} FROM journal WHERE {condition} ORDER BY seq LIMIT ?"  # noqa: S608 - constants of this file
        return tuple(map(_row, self._database.read(sql, *values)))

    def _make_room(self, connection: sqlite3.Connection, newest: int, rows: int, size: int) -> tuple[bool, int, int]:
        """Drop rows until the journal is within its limits. Whether `newest` stays; the rows and bytes it has then."""
        lost, gone = 0, []
        while rows > self._limits.journal_rows or size > self._limits.journal_bytes:
            least = "SELECT seq, hash, bytes, worth FROM journal ORDER BY worth, seq LIMIT 1"
            seq, link, row_bytes, worth = connection.execute(least).fetchone()
            connection.execute("DELETE FROM journal WHERE seq = ?", (seq,))
            rows, size, lost = rows - 1, size - row_bytes, lost + (worth > _SENT)
            gone.append((seq, link))
        _count_dropped(connection, lost)
        ledger.drop(connection, sorted(row for row in gone if row[0] != newest))
        return newest not in dict(gone), rows, size

    def _size(self) -> tuple[int, int]:
        rows, size = self._database.read("SELECT count(*), coalesce(sum(bytes), 0) FROM journal")[0]
        return rows, size


def _count_dropped(connection: sqlite3.Connection, events: int) -> None:
    if events:
        connection.execute("UPDATE counters SET dropped = dropped + ?", (events,))


def _worth(event: Event) -> int:
    if event.kind == "system":
        return _NOTICE
    refused = event.kind == "access" and event.data.get("verdict") == "refused"
    return _REFUSED_VISIT if refused else _DOOR_OR_GRANT


def _clean_json(data: dict[str, Any]) -> str:
    """As JSON text that reads back as the very same value: no NaN, tuples, keys but strings, or lone surrogates."""
    try:
        text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        text.encode()
        clean = isinstance(data, dict) and json.loads(text) == data
    except (ValueError, TypeError, RecursionError) as error:
        raise StoreError(f"an event's data is not clean JSON: {error}") from error
    if not clean:
        raise StoreError("an event's data is not clean JSON: it would read back as something else")
    return text


def _row(values: tuple[Any, ...]) -> JournalRow:
    seq, row_id, boot, ts, ts_trusted, kind, text, monotonic, generation, worth = values
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict) or kind not in _KINDS:
        kind, data = "system", {"damaged": True}
    moment = rfc3339(from_milliseconds(ts))
    return JournalRow(seq, row_id, boot, moment, bool(ts_trusted), kind, data, monotonic, generation, worth == _SENT)

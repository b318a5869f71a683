"""The hash chain as it is kept in the store: going on with it, and taking rows or names out so that it still holds.

Every function works inside the transaction of its caller. What is taken out is covered by the next row, so whoever
drops or erases writes one.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from edge.store.chain import (
    NOTHING_AMENDED,
    SALT_BYTES,
    START,
    ChainRow,
    Dropped,
    Erased,
    Facts,
    Head,
    amendments,
    commit,
    digest_of,
    link,
)

_FACTS: Final = "seq, id, boot_id, ts, ts_trusted, kind, monotonic, generation"
_ROWS: Final = f"SELECT {_FACTS}, data, salt, commitment, amended, hash FROM journal ORDER BY seq"  # noqa: S608 - constants


def create(connection: sqlite3.Connection) -> None:
    """Make the places for it, and chain what a journal without one holds; what it lost before counts as dropped."""
    for column in ("salt", "commitment", "amended", "hash"):
        connection.execute(f"ALTER TABLE journal ADD COLUMN {column} BLOB")
    for table in (
        "audit_head (seq INTEGER NOT NULL, hash BLOB NOT NULL, amended BLOB NOT NULL)",
        "audit_dropped (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, hash BLOB NOT NULL)",
        "audit_erased (seq INTEGER PRIMARY KEY, digest BLOB NOT NULL)",
    ):
        connection.execute(f"CREATE TABLE {table} STRICT")
    connection.execute("INSERT INTO audit_head VALUES (0, ?, ?)", (START, NOTHING_AMENDED))
    rows = connection.execute(f"SELECT {_FACTS}, data FROM journal ORDER BY seq").fetchall()  # noqa: S608 - constants
    (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'journal'").fetchone()
    seq, goes_on, amended = 0, START, NOTHING_AMENDED
    for number, (*facts, data) in enumerate(rows):
        if facts[0] > seq + 1:
            _add_dropped(connection, Dropped(seq + 1, facts[0] - 1, goes_on))
        if number == len(rows) - 1:
            amended = _amendments(connection)
        row = make_row(Facts(*facts), data, amended, goes_on)
        _keep_link(connection, row)
        seq, goes_on = row.facts.seq, row.hash
    if last > seq:
        _add_dropped(connection, Dropped(seq + 1, last, goes_on))
    _move_head(connection, Head(max(seq, last), goes_on, _amendments(connection)))


def head(connection: sqlite3.Connection) -> Head:
    return Head(*connection.execute("SELECT seq, hash, amended FROM audit_head").fetchone())


def dropped(connection: sqlite3.Connection) -> tuple[Dropped, ...]:
    return tuple(Dropped(*row) for row in connection.execute("SELECT * FROM audit_dropped ORDER BY first"))


def erased(connection: sqlite3.Connection) -> tuple[Erased, ...]:
    return tuple(Erased(*row) for row in connection.execute("SELECT * FROM audit_erased ORDER BY seq"))


def rows(connection: sqlite3.Connection) -> Iterator[ChainRow]:
    for *facts, data, salt, commitment, amended, link_hash in connection.execute(_ROWS):
        yield ChainRow(Facts(*facts), data, salt, commitment or b"", amended or b"", link_hash or b"")


def make_row(facts: Facts, data: str, amended: bytes, before: bytes) -> ChainRow:
    """A row with its link, which goes on from `before`."""
    salt = os.urandom(SALT_BYTES)
    commitment = commit(salt, data)
    return ChainRow(facts, data, salt, commitment, amended, link(facts, commitment, amended, before))


def go_on(connection: sqlite3.Connection, row: ChainRow, *, kept: bool) -> None:
    """Make `row` the newest. Not `kept`: the journal is full of rows of more worth, and it is dropped at once."""
    amended = row.amended
    if kept:
        _keep_link(connection, row)
    else:
        _add_dropped(connection, Dropped(row.facts.seq, row.facts.seq, row.hash))
        amended = _amendments(connection)
    _move_head(connection, Head(row.facts.seq, row.hash, amended))


def drop(connection: sqlite3.Connection, gone: list[tuple[int, bytes]]) -> None:
    """Write down that the rows with these `seq` and links, in order, were deleted."""
    if not gone:
        return
    first, last, goes_on = gone[0][0], gone[0][0], gone[0][1]
    for seq, link_hash in gone[1:]:
        if seq != last + 1:
            _add_dropped(connection, Dropped(first, last, goes_on))
            first = seq
        last, goes_on = seq, link_hash
    _add_dropped(connection, Dropped(first, last, goes_on))
    connection.executemany("DELETE FROM audit_erased WHERE seq = ?", [(seq,) for seq, _ in gone])
    _amend(connection)


def erase(connection: sqlite3.Connection, person_id: str) -> str:
    """Let every row that is about this person be about a new pseudonym instead; the pseudonym."""
    pseudonym = f"erased-{secrets.token_hex(4)}"
    mark = f'"person_id":{json.dumps(person_id)}'
    about = connection.execute("SELECT seq, data FROM journal WHERE instr(data, ?)", (mark,)).fetchall()
    for seq, data in about:
        try:
            text = json.dumps(
                without_person(json.loads(data), person_id, pseudonym), ensure_ascii=False, separators=(",", ":")
            )
        except ValueError:  # bytes that decayed: nothing of them can be read, and nothing of them stays
            text = "{}"
        connection.execute("UPDATE journal SET data = ?, salt = NULL WHERE seq = ?", (text, seq))
        connection.execute("INSERT OR REPLACE INTO audit_erased VALUES (?, ?)", (seq, digest_of(text)))
    if about:
        _amend(connection)
    return pseudonym


def without_person(data: Any, person_id: str, pseudonym: str) -> Any:
    """`data` with the pseudonym in place of the id, and no name beside it."""
    if isinstance(data, list):
        return [without_person(each, person_id, pseudonym) for each in data]
    if not isinstance(data, dict):
        return data
    clean = {key: without_person(value, person_id, pseudonym) for key, value in data.items()}
    if data.get("person_id") == person_id:
        clean |= {"person_id": pseudonym} | ({"person": None} if "person" in data else {})
    return clean


def _keep_link(connection: sqlite3.Connection, row: ChainRow) -> None:
    connection.execute(
        "UPDATE journal SET salt = ?, commitment = ?, amended = ?, hash = ? WHERE seq = ?",
        (row.salt, row.commitment, row.amended, row.hash, row.facts.seq),
    )


def _move_head(connection: sqlite3.Connection, to: Head) -> None:
    connection.execute("UPDATE audit_head SET seq = ?, hash = ?, amended = ?", to)


def _amendments(connection: sqlite3.Connection) -> bytes:
    return amendments(dropped(connection), erased(connection))


def _amend(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE audit_head SET amended = ?", (_amendments(connection),))


def _add_dropped(connection: sqlite3.Connection, gap: Dropped) -> None:
    """As one with its neighbours, so that there are never more gaps than rows."""
    first, last, goes_on = gap
    row = connection.execute("SELECT * FROM audit_dropped WHERE first = ?", (last + 1,)).fetchone()
    if row is not None:
        connection.execute("DELETE FROM audit_dropped WHERE first = ?", (last + 1,))
        _, last, goes_on = row
    before = connection.execute(
        "SELECT first, last FROM audit_dropped WHERE first < ? ORDER BY first DESC LIMIT 1", (first,)
    ).fetchone()
    if before is not None and before[1] == first - 1:
        first = before[0]
    connection.execute("INSERT OR REPLACE INTO audit_dropped VALUES (?, ?, ?)", (first, last, goes_on))

"""The dashboard's tables. Moments are whole milliseconds since 1970 (UTC), so that every database sorts them alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

metadata = MetaData()

# SQLite counts up by itself only in a column of exactly this type.
_Number = BigInteger().with_variant(Integer, "sqlite")


def millis(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def moment(ms: int) -> datetime:
    return _EPOCH + ms * _MILLISECOND


# `facts` is the event's own JSON, as its door sent it; the columns beside it are what is searched and counted.
# `era`: a journal that began again at 1 begins another era of its door.
events = Table(
    "events",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("door", String(32), nullable=False),
    Column("id", String(128), nullable=False),
    Column("era", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("marks", String(64), nullable=False),
    Column("word", String(64), nullable=False),
    Column("verdict", String(16)),
    Column("person_id", String(64)),
    Column("similarity", Float),
    Column("detection_threshold", Float),
    Column("latency_ms", Float),
    Column("facts", Text, nullable=False),
    # Doors choose these ids: one door's must never stand in the way of another's.
    Index("events_once", "door", "id", unique=True),
    Index("events_by_time", "at", "number"),
    Index("events_by_door", "door", "at", "number"),
    Index("events_by_person", "person_id", "at", "number"),
    Index("events_by_verdict", "verdict", "at", "number"),
    Index("events_by_door_and_verdict", "door", "verdict", "at", "number"),
    Index("events_by_word", "word", "at", "number"),
    Index("events_in_sequence", "door", "era", "seq"),
    # Everything that is counted for a chart: no row has to be read for it.
    Index("events_counted", "kind", "at", "verdict", "word", "door", "person_id", "similarity", "latency_ms"),
    sqlite_autoincrement=True,
)

# The newest name of everybody there are events of.
people = Table(
    "people",
    metadata,
    Column("door", String(32), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("name", String(200)),
)

# When a door came and went. `unknown`: from then on nobody was watching.
presence = Table(
    "presence",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("door", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Index("presence_by_door", "door", "at"),
)

# Small things to remember, such as until when the dashboard was certainly watching.
memory = Table("memory", metadata, Column("name", String(32), primary_key=True), Column("value", Text, nullable=False))

logins = Table(
    "logins",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("role", String(8), nullable=False),
    Column("password", String(256), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_login_at", BigInteger),
)

# `token`: SHA-256 of what the browser holds.
sessions = Table(
    "sessions",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("token", String(64), nullable=False, unique=True),
    Column("login", String(32), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    Column("address", String(64), nullable=False),
    Column("agent", String(200), nullable=False),
)

throttle = Table(
    "throttle",
    metadata,
    Column("who", String(80), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("login", String(32), nullable=False),
    Column("address", String(64), nullable=False),
    Column("action", String(32), nullable=False),
    Column("target", String(128), nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("detail", String(500), nullable=False),
    sqlite_autoincrement=True,
)

"""Commands that were answered, so that the same transaction never acts twice."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from edge.clock import Clock
from edge.errors import StoreError
from edge.store.database import Database
from edge.store.limits import Limits
from edge.store.stamps import from_milliseconds, to_milliseconds


@dataclass(frozen=True, slots=True)
class SpentAnswer:
    """`digest` is that of the request's bytes, `answer` the JSON text that was sent."""

    digest: str
    answer: str
    at: datetime


def _without_words(answer: str) -> str:
    try:
        document = json.loads(answer)
    except ValueError:  # it decayed: nothing of it can be read, and nothing of it stays
        return "{}"
    document["data"] = None
    if document.get("error"):
        document["error"]["message"] = ""
    return json.dumps(document)


class Spent:
    def __init__(self, database: Database, clock: Clock, limits: Limits) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits

    def answer(self, transaction: str) -> SpentAnswer | None:
        rows = self._database.read("SELECT digest, answer, ts FROM spent WHERE name = ?", transaction)
        return SpentAnswer(rows[0][0], rows[0][1], from_milliseconds(rows[0][2])) if rows else None

    def remember(self, transaction: str, digest: str, answer: str) -> None:
        """Keep, or replace by a later one, the answer to `transaction`. StoreError if other bytes spent it before."""
        if len(answer.encode(errors="replace")) > self._limits.answer_bytes:
            raise StoreError(f"an answer of more than {self._limits.answer_bytes} bytes is not kept")
        row = (transaction, digest, answer, to_milliseconds(self._clock.wall()), self._clock.trusted())

        def work(connection: sqlite3.Connection) -> None:
            kept = connection.execute(
                "INSERT INTO spent (name, digest, answer, ts, ts_trusted) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET answer = excluded.answer WHERE digest = excluded.digest",
                row,
            ).rowcount
            if not kept:
                raise StoreError(f"the transaction {transaction} was spent by another request")
            newest = "(SELECT max(number) FROM spent)"
            connection.execute(f"DELETE FROM spent WHERE number <= {newest} - ?", (self._limits.answers,))  # noqa: S608 - a constant

        self._database.write(work)

    def erase(self, person_id: str) -> None:
        """Leave only the status, and an error's code, of every kept answer that tells of this person."""
        named = re.compile(rf"(?<![a-z0-9_-]){re.escape(person_id)}(?![a-z0-9_-])")

        def work(connection: sqlite3.Connection) -> None:
            query = "SELECT name, answer FROM spent WHERE instr(answer, ?)"
            for name, answer in connection.execute(query, (person_id,)).fetchall():
                if named.search(answer):
                    connection.execute("UPDATE spent SET answer = ? WHERE name = ?", (_without_words(answer), name))

        self._database.write(work)

    def prune(self, oldest: datetime) -> None:
        """Forget answers from before `oldest`. Those with an untrusted time stamp only go when there are too many."""
        self._database.write(
            lambda connection: connection.execute(
                "DELETE FROM spent WHERE ts_trusted AND ts < ?", (to_milliseconds(oldest),)
            )
        )

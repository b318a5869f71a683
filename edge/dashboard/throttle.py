"""How often somebody may try a password: by account and by address, across restarts.

After some wrong ones nothing is looked at for half a minute, then for twice as long after each further one. A try
counts as wrong from before it is looked at, so that neither a crash nor many tries at once give one for nothing.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from edge.dashboard.database import Database
from edge.dashboard.schema import millis, throttle

_FREE_OF_ADDRESS: Final = 5
# More than of an address: whoever guesses from afar must not easily lock the owner out.
_FREE_OF_ACCOUNT: Final = 20
_FIRST_MS: Final = 30_000
_LONGEST_MS: Final = 900_000
_FORGOTTEN: Final = timedelta(days=1)
_MOST_ROWS: Final = 10_000


class Throttle:
    """Everything raises StoreError: what cannot be counted is not allowed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def try_once(self, account: str, address: str, now: datetime) -> int:
        """Count a try; returns 0 if it may be looked at, else the seconds to wait, and then it did not count."""
        keys = _keys(account, address)
        with self._database.write() as connection:
            wait = max(_wait(connection, who, free, millis(now)) for who, free in keys)
            if wait == 0:
                for who, _ in keys:
                    _count(connection, who, millis(now))
                _tidy(connection, now)
        return -(-wait // 1000)

    def succeeded(self, account: str, address: str) -> None:
        """Begin the counts anew."""
        with self._database.write() as connection:
            connection.execute(delete(throttle).where(throttle.c.who.in_([who for who, _ in _keys(account, address)])))


def _keys(account: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
    """Names that nobody has count like others: nobody learns from it which there are."""
    named = hashlib.sha256(account.encode()).hexdigest()[:32]
    return (f"account {named}", _FREE_OF_ACCOUNT), (f"address {address[:64]}", _FREE_OF_ADDRESS)


def _wait(connection: Connection, who: str, free: int, now: int) -> int:
    """Milliseconds until this one may try again."""
    row = connection.execute(select(throttle).where(throttle.c.who == who)).one_or_none()
    if row is None or row.failures < free:
        return 0
    lasts = min(_LONGEST_MS, _FIRST_MS << min(row.failures - free, 10))
    # A clock that was set back must not lock anybody out for longer than that.
    return lasts - (now - row.last_at) if 0 <= now - row.last_at < lasts else 0


def _count(connection: Connection, who: str, now: int) -> None:
    here = throttle.c.who == who
    more = update(throttle).where(here).values(failures=throttle.c.failures + 1, last_at=now)
    if not connection.execute(more).rowcount:
        connection.execute(insert(throttle).values(who=who, failures=1, last_at=now))


def _tidy(connection: Connection, now: datetime) -> None:
    """Forget tries of yesterday, and, of too many, the oldest."""
    connection.execute(delete(throttle).where(throttle.c.last_at < millis(now - _FORGOTTEN)))
    surplus = connection.execute(select(func.count()).select_from(throttle)).scalar_one() - _MOST_ROWS
    if surplus > 0:
        oldest = select(throttle.c.who).order_by(throttle.c.last_at).limit(surplus)
        connection.execute(delete(throttle).where(throttle.c.who.in_(oldest)))

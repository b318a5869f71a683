"""The one SQLite file: who may open it, what is checked before anything is written, and what a full disk does."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from edge.errors import StoreBusyError, StoreError
from edge.store import master_key, schema, vault
from edge.store.ballast import Ballast
from edge.store.files import sync

_Result = TypeVar("_Result")

_PRAGMAS: Final = (
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "foreign_keys = ON",
    "secure_delete = ON",
    "temp_store = MEMORY",
    "synchronous = FULL",
    "journal_size_limit = 4194304",
)
_RESTORE: Final = (
    "Put a backup in its place, or move its folder away to start with nobody enrolled; the door stays locked."
)
# How a full disk also shows, where SQLite maps or makes a file.
_PERHAPS_FULL: Final = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_LITTLE_ROOM: Final = 256 * 1024


class Database:
    """One connection, used by one thread. Every failure leaves as a StoreError that names the file."""

    def __init__(self, directory: Path, ballast_bytes: int) -> None:
        self.path = directory / "store.db"
        self._joined = False
        self.ballast = Ballast(directory / "store.ballast", ballast_bytes)
        with self._failures_named(), ExitStack() as opened:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened.enter_context(_alone(directory / "store.lock"))
            version = self._present()
            connect = partial(_connect, self.path, "rw")
            self._connection = opened.enter_context(closing(self._making_room(connect)))
            self.key = vault.key_for(self._connection, directory, sealed=version >= schema.SEALED)
            self._making_room(lambda: schema.migrate(self._connection, key=self.key))
            self.sealer = vault.sealer_of(self._connection, self.key)
            master_key.settle(directory, self.key)
            self._purge()
            self.ballast.keep()
            self._opened = opened.pop_all()

    def close(self) -> None:
        with self._failures_named():
            self._opened.close()

    def read(self, sql: str, *values: object) -> list[Any]:
        """All rows of one query."""
        with self._failures_named():
            return self._connection.execute(sql, values).fetchall()

    def write(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do `work` in one transaction, durable when this returns; on any error nothing of it is left.

        On a full disk the ballast is freed and the work tried once more. So it must change nothing but the database.
        """
        if self._joined:
            return work(self._connection)
        with self._failures_named():
            return self._making_room(lambda: self._transact(work))

    def together(self, work: Callable[[], _Result]) -> _Result:
        """Do `work`, whose writes become one transaction: all of them or none. Also within another."""
        if self._joined:
            return work()

        def joined(_connection: sqlite3.Connection) -> _Result:
            self._joined = True
            try:
                return work()
            finally:
                self._joined = False

        return self.write(joined)

    def flush(self) -> None:
        """Empty the write-ahead log, which may still hold what was deleted; later, while somebody reads it."""
        with self._failures_named():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _purge(self) -> None:
        """Write the whole file anew when it held people who were not sealed: what was deleted can lie about in it."""
        (plain,) = self._connection.execute("SELECT plain FROM sealing").fetchone()
        if plain:
            with suppress(sqlite3.OperationalError):  # no room: the next start tries again
                self._making_room(lambda: self._connection.execute("VACUUM"))
                self._connection.execute("UPDATE sealing SET plain = 0")
                self.flush()

    def _transact(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            return work(self._connection)

    def _making_room(self, attempt: Callable[[], _Result]) -> _Result:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            if not self._is_full(error) or not self.ballast.free():
                raise
        return attempt()

    def _present(self) -> int:
        """Make the file if there is none, and check it; its version."""
        if not self.path.exists():
            _create(self.path)
        elif not stat.S_ISREG(self.path.stat().st_mode) or self.path.stat().st_size == 0:
            raise StoreError(f"{self.path} is empty or no file. {_RESTORE}")
        return self._making_room(lambda: _check(self.path))

    def _is_full(self, error: sqlite3.Error) -> bool:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return code == sqlite3.SQLITE_FULL or (code in _PERHAPS_FULL and self.ballast.room() < _LITTLE_ROOM)

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if self._is_full(error):
                raise StoreError(
                    f"store_full: {self.path} cannot be written ({error}): free some disk space"
                ) from error
            raise StoreError(f"{self.path}: {error}") from error
        except (sqlite3.Error, UnicodeError, OverflowError) as error:
            raise StoreError(f"{self.path}: {error}") from error
        except OSError as error:
            raise StoreError(
                f"{self.path.parent} cannot be used: {error}. Check store.directory and its owner"
            ) from error


@contextmanager
def reading(directory: Path) -> Iterator[sqlite3.Connection]:
    """The store as it is at this moment, for reading alone, also while a door writes it. Raises StoreError."""
    path = directory / "store.db"
    try:
        if not path.is_file():
            raise StoreError(f"{path} is not there: has the door ever run with this configuration?")
        if _check(path) < len(schema.MIGRATIONS):
            raise StoreError(f"{path} was written by an older Limen: start the door once, which brings it up to date")
        with closing(_connect(path, "ro")) as connection:
            connection.execute("BEGIN")
            yield connection
    except (sqlite3.Error, UnicodeError, OverflowError, OSError) as error:
        raise StoreError(f"{path}: {error}") from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of the store; the kernel lets go of it when the process dies."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreBusyError(
                f"{path.parent} is in use by another Limen: ask it over MQTT, or stop it first"
            ) from error
        yield


def _create(path: Path) -> None:
    """Make the file elsewhere and move it in place whole, so that a kill leaves either no store or a good one."""
    if path.with_name(f"{path.name}-wal").exists():
        raise StoreError(f"{path} is missing, but its -wal file is there. {_RESTORE}")
    for unfinished in path.parent.glob("new.db*"):
        unfinished.unlink()
    new = path.with_name("new.db")
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(new, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        schema.migrate(connection, schema.SEALED - 1)  # the rest is as with any older store
    sync(new)
    new.rename(path)
    sync(path.parent)


def _connect(path: Path, mode: Literal["ro", "rw"]) -> sqlite3.Connection:
    with ExitStack() as on_failure:
        address = f"{path.resolve().as_uri()}?mode={mode}"
        connection = sqlite3.connect(address, timeout=0.5, isolation_level=None, uri=True)
        on_failure.enter_context(closing(connection))
        connection.text_factory = lambda text: text.decode(errors="replace")
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        on_failure.pop_all()
        return connection


def _check(path: Path) -> int:
    """Whether this is a whole store of ours; its version. Opened for reading alone, so that damage is left as it is."""
    try:
        with closing(_connect(path, "ro")) as connection:
            version = schema.version(connection)
            ours = schema.application_id(connection) == schema.APPLICATION_ID
            problems = [problem for (problem,) in connection.execute("PRAGMA quick_check(3)") if problem != "ok"]
            names = schema.names(connection)
    except sqlite3.OperationalError:
        raise  # not the file's fault: no room, no permission
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # a decayed name in SQLite's own message
        raise _damaged(path, str(error)) from error
    if problems:
        raise _damaged(path, problems[0])
    if ours and version > len(schema.MIGRATIONS):
        raise StoreError(f"{path} was written by a newer Limen (schema {version}): install that one, or a backup")
    if not ours or version < 1 or names != schema.names_of(version):
        raise StoreError(f"{path} is not a store that Limen made. {_RESTORE}")
    return version


def _damaged(path: Path, what: str) -> StoreError:
    """In one line: `what` may quote the damaged file itself."""
    return StoreError(f"{path} is damaged ({' '.join(what.split())[:200]}). {_RESTORE}")

"""The dashboard's database: SQLite in a file of its own, or whatever `dashboard.database` names.

Short transactions, readers that never wait for a writer, and one kind of error: StoreError, in words for the page.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from edge.dashboard.schema import metadata
from edge.errors import ConfigError, StoreError

FILE: Final = "dashboard.db"
_LOCKED_SECONDS: Final = 2.0
_BEGIN: Final = "limen_begin"
_PRAGMAS: Final = (
    "journal_mode = WAL",
    # The newest events are asked for again after a power cut.
    "synchronous = NORMAL",
    "trusted_schema = OFF",
    # What is forgotten is overwritten.
    "secure_delete = FAST",
)


class Database:
    """Use as a context manager. Raises StoreError when it cannot be opened, ConfigError for a URL that is none."""

    def __init__(self, directory: Path, url: str = "") -> None:
        self._engine = _sqlite_file(directory) if not url else _engine(url)
        try:
            with self.write() as connection:
                metadata.create_all(connection)
        except StoreError as error:
            self._engine.dispose()
            where = directory / FILE if not url else "dashboard.database"
            raise StoreError(f"{where}: {error}") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that sees one state. Raises StoreError."""
        with _told_in_words(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, all or nothing. Raises StoreError."""
        with _told_in_words(), self._engine.connect() as connection:
            connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
            with connection.begin():
                yield connection

    def flush(self) -> None:
        """Empty SQLite's log, which may still hold what was deleted; a reader that is at work may put that off."""
        if self._engine.dialect.name == "sqlite":
            with suppress(StoreError), _told_in_words(), self._engine.connect() as connection:
                connection.execution_options(**{_BEGIN: ""}).exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()


@contextmanager
def _told_in_words() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the dashboard's database: {error.orig}") from error
    except (SQLAlchemyError, OverflowError, OSError) as error:
        raise StoreError(f"the dashboard's database: {error}") from error


def _sqlite_file(directory: Path) -> Engine:
    """A file nobody else may read, in a folder nobody else may enter."""
    path = directory / FILE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}; set dashboard.directory") from error
    return _engine(f"sqlite:///{path.absolute()}")


def _engine(url: str) -> Engine:
    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        # Not the library's own words: they may repeat the URL, and with it a password.
        raise ConfigError("dashboard.database: not a URL of a database that there is a driver for here") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says so, and nowhere else
    connection.execute(f"PRAGMA busy_timeout = {int(1000 * _LOCKED_SECONDS)}")
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """A writer takes the lock at once: one that reads first cannot wait for it afterwards."""
    words = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if words:
        connection.exec_driver_sql(words)

"""Small things to be known again after a restart, by name, sealed like the people."""

from __future__ import annotations

from typing import Final

from edge.errors import StoreError
from edge.store.database import Database

_WHAT: Final = "memory"
_LARGEST: Final = 64 * 1024


class Memory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, name: str, value: bytes) -> None:
        """In place of what was kept under this name before."""
        if len(value) > _LARGEST:
            raise StoreError(f"{name}: more than {_LARGEST} bytes are not kept")
        sealed = self._database.sealer.seal(value, _WHAT, name)
        self._database.write(
            lambda connection: connection.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", (name, sealed))
        )

    def kept(self, name: str) -> bytes | None:
        """Raises StoreError when it was altered."""
        rows = self._database.read("SELECT value FROM memory WHERE name = ?", name)
        return self._database.sealer.unseal(rows[0][0], _WHAT, name) if rows else None

"""A file that is there to be deleted: on a full disk SQLite cannot even delete a row until something makes room."""

from __future__ import annotations

import os
from pathlib import Path


class Ballast:
    """`size` bytes in the file `path`, kept while the disk has room for them twice."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size

    @property
    def freed(self) -> bool:
        """Whether the reserve is gone: the disk was, or is, full."""
        return not self._path.exists()

    def room(self) -> int:
        """Bytes free on this disk, 0 if it does not say."""
        try:
            disk = os.statvfs(self._path.parent)
        except OSError:
            return 0
        return disk.f_bavail * disk.f_frsize

    def keep(self) -> None:
        """Make the file if it is missing and there is room; otherwise leave things as they are."""
        if not self.freed or self.room() < 2 * self._size:
            return
        growing = self._path.with_suffix(".growing")
        try:
            descriptor = os.open(growing, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
            finally:
                os.close(descriptor)
            growing.replace(self._path)
        except OSError:
            growing.unlink(missing_ok=True)

    def free(self) -> bool:
        """Delete the file; whether that made room."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

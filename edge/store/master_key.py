"""The master key's file: a systemd credential, or `master.key` in the state directory, made at the first start.

64 hexadecimal digits, and for nobody else to read. A new key waits as `master.key.new` until the store is sealed under
it, so that a kill at any moment leaves a store whose key is there.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.errors import StoreError
from edge.store.files import put_in_place, sync
from edge.store.sealing import new_key

KEY_FILE: Final = "master.key"
_WAITING: Final = "master.key.new"
_CREDENTIAL: Final = "limen-master-key"
_DIGITS: Final = re.compile(rb"\s*([0-9a-f]{64})\s*")


@dataclass(frozen=True, slots=True)
class MasterKey:
    """`waiting`: made, but nothing was sealed under it yet as far as its file tells."""

    path: Path
    secret: bytes = field(repr=False)

    @property
    def waiting(self) -> bool:
        return self.path.name == _WAITING

    @property
    def settled(self) -> Path:
        """Where it is once the store is sealed under it."""
        return self.path.with_name(KEY_FILE) if self.waiting else self.path

    @property
    def fingerprint(self) -> str:
        """Names the key and tells nothing about it."""
        return hashlib.sha256(b"limen master key\0" + self.secret).hexdigest()[:16]


def keys_there(directory: Path) -> tuple[MasterKey, ...]:
    """The credential, the file, the one that waits: those of them that exist. StoreError when one is not to be used."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    # systemd may show the group's bits for the access list by which it lets the service read.
    found = [] if credentials is None else [_read(Path(credentials, _CREDENTIAL), not_for=0o007)]
    found += [_read(directory / name, not_for=0o077, ours=True) for name in (KEY_FILE, _WAITING)]
    return tuple(key for key in found if key is not None)


def make_key(directory: Path) -> MasterKey:
    """A new key, which waits; on the disk when this returns. Raises StoreError."""
    key = MasterKey(directory / _WAITING, new_key())
    with _told_of(key.path):
        put_in_place(key.path, key.secret.hex().encode() + b"\n")
    return key


def settle(directory: Path, key: MasterKey) -> None:
    """The store is sealed under `key`: put it in its place, or take away one that was made in vain. StoreError."""
    waiting = directory / _WAITING
    with _told_of(waiting):
        if key.waiting:
            waiting.replace(key.settled)
            sync(directory)
        elif waiting.exists():
            waiting.unlink()


def _read(path: Path, *, not_for: int, ours: bool = False) -> MasterKey | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            status, text = os.fstat(descriptor), b""
            if stat.S_ISREG(status.st_mode):
                text = os.read(descriptor, 1024)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: the master key cannot be read ({error.strerror})") from error
    if status.st_mode & not_for:
        raise StoreError(f"{path}: other users may read the master key; run `chmod 600 {path}`")
    if ours and status.st_uid != os.geteuid():
        raise StoreError(f"{path}: the master key belongs to another user; run this as that user, or chown it")
    digits = _DIGITS.fullmatch(text)
    if digits is None:
        raise StoreError(f"{path} is no master key: that is a file with 64 of 0-9 a-f. Put the right one in its place")
    return MasterKey(path, bytes.fromhex(digits[1].decode()))


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: the master key cannot be written ({error.strerror})") from error

"""The master key's file: a systemd credential, or `master.key` in the state directory, made at the first start.

64 hexadecimal digits, and for nobody else to read. A new key waits as `master.key.new` until the store is sealed under
it, so that a kill at any moment leaves a store whose key is there.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.errors import StoreError
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
    """A new key, which waits; on the disk when this returns."""
    secret = new_key()
    path = directory / _WAITING
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret.hex().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    _sync(directory)
    return MasterKey(path, secret)


def settle(directory: Path, key: MasterKey) -> None:
    """The store is sealed under `key`: put it in its place, or take away one that was made in vain."""
    waiting = directory / _WAITING
    if key.waiting:
        waiting.replace(directory / KEY_FILE)
        _sync(directory)
    elif waiting.exists():
        waiting.unlink()


def _read(path: Path, *, not_for: int, ours: bool = False) -> MasterKey | None:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise StoreError(f"{path} is no file: it should hold the master key")
            if status.st_mode & not_for:
                raise StoreError(f"{path}: other users may read the master key; run `chmod 600 {path}`")
            if ours and status.st_uid != os.geteuid():
                raise StoreError(f"{path}: the master key belongs to another user; run this as that user, or chown it")
            digits = _DIGITS.fullmatch(file.read(1024))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: the master key cannot be read ({error.strerror})") from error
    if digits is None:
        raise StoreError(f"{path} is no master key: that is 64 of 0-9 a-f. Put the right one in its place")
    return MasterKey(path, bytes.fromhex(digits[1].decode()))


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

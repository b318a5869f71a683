"""Who may sign commands: public keys and their rights, in one file of the state directory; and the sender's own half.

The door reads the file anew for every signed command, so that a new or revoked key counts at once. Whoever may write
the file owns the door; nothing sent over MQTT changes it.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from msgspec import Meta, Struct

from edge.errors import LimenError, StoreError

Right = Literal["enroll", "people", "unlock"]
KeyId = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}(?![\s\S])")]

KEYS_FILE: Final = "keys.json"
_LARGEST_FILE: Final = 256 * 1024


class Key(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sender. `public` is its raw Ed25519 key in base64; `created` and `revoked` are RFC 3339 times."""

    id: KeyId
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,32}(?![\s\S])")]
    rights: tuple[Right, ...]
    public: Annotated[str, Meta(max_length=44)]
    created: str
    revoked: str | None = None

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's, over exactly `text`."""
        try:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(self.public)).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: Literal[1] = 1
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys there ever were. A revoked one stays, so that revoking never makes the door more open."""

    keys: tuple[Key, ...] = ()

    def find(self, key_id: str) -> Key | None:
        return next((key for key in self.keys if key.id == key_id), None)

    def knows(self, right: Right) -> bool:
        """Whether any key was ever given `right`."""
        return any(right in key.rights for key in self.keys)


NO_KEYS: Final = Keyring()


def key_id(public: bytes) -> str:
    """The name of a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Signer:
    """The sender's half."""

    id: str
    _private: Ed25519PrivateKey = field(repr=False)

    def envelope(self, payload: Mapping[str, Any]) -> bytes:
        """`payload` as text, with a signature over exactly that text."""
        text = msgspec.json.encode(payload).decode()
        signature = base64.b64encode(self._private.sign(text.encode())).decode()
        return msgspec.json.encode({"p": text, "k": self.id, "s": signature})


def new_signer(path: Path) -> tuple[Signer, bytes]:
    """Make a key pair: write the private half to the new file `path`, 0600; returns it with the raw public half."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise LimenError(f"{path}: the private key cannot be written ({error.strerror or error})") from error
    return Signer(key_id(public), private), public


def read_signer(path: Path) -> Signer:
    """The private key in `path`. Raises LimenError when it is none, or when other users may read it."""
    try:
        if path.stat().st_mode & 0o077:
            raise LimenError(f"{path}: other users may read this key; run `chmod 600 {path}`, or make a new one")
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise LimenError(f"{path}: no private key of `limen keys new` ({type(error).__name__})") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise LimenError(f"{path}: not an Ed25519 key")
    return Signer(key_id(private.public_key().public_bytes_raw()), private)


def read_keys(directory: Path) -> Keyring:
    """The keys of the state directory; none where there is no file. Raises StoreError for a file not to be trusted."""
    path = directory / KEYS_FILE
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o022:
                raise StoreError(f"{path}: other users may write it; check its keys, then run `chmod 600 {path}`")
            keys = msgspec.json.decode(file.read(_LARGEST_FILE), type=_File).keys
        ids = {key.id for key in keys if key_id(base64.b64decode(key.public)) == key.id}
    except FileNotFoundError:
        return NO_KEYS
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise StoreError(f"{path} cannot be read ({error})") from error
    if len(ids) < len(keys):
        raise StoreError(f"{path} is damaged: an id does not belong to its key, or stands twice")
    return Keyring(keys)


@contextmanager
def changing_keys(directory: Path) -> Iterator[list[Key]]:
    """The keys as a list to change; written whole, or not at all, at the end. One changer at a time."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(directory / "keys.lock", os.O_RDWR | os.O_CREAT, 0o600)) as lock:
            _belong_to_the_door(lock.fileno(), directory)
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = list(read_keys(directory).keys)
            yield keys
            _write(directory, keys)
    except OSError as error:
        raise StoreError(f"{directory} cannot be used: {error}") from error


def make_key(directory: Path, path: Path, name: str, rights: tuple[Right, ...], created: str) -> Signer:
    """A new key that the door knows from now on; its private half goes into the new file `path`.

    Raises LimenError for a name that a key in force has, or a file that cannot be written.
    """
    with changing_keys(directory) as keys:
        if any(key.name == name and key.revoked is None for key in keys):
            raise LimenError(f"there is a key of the name {name}: revoke it first, or choose another name")
        signer, public = new_signer(path)
        text = base64.b64encode(public).decode()
        keys.append(Key(id=signer.id, name=name, rights=rights, public=text, created=created))
    return signer


def _write(directory: Path, keys: list[Key]) -> None:
    path = directory / KEYS_FILE
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(_File(keys=tuple(keys))), indent=2) + b"\n")
        _belong_to_the_door(file.fileno(), directory)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _belong_to_the_door(descriptor: int, directory: Path) -> None:
    """What an administrator writes must be readable for the user that runs the door."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)

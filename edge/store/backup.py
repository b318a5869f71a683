"""A file with everybody in it, sealed under the master key or a passphrase; the key is not inside.

One line of JSON that says which key opens it, then the people, sealed together and bound to that line.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from edge.errors import StoreError
from edge.store.files import put_in_place
from edge.store.master_key import MasterKey
from edge.store.records import SealedPerson, close_person, open_crops, open_person
from edge.store.sealing import KEY_BYTES, Sealer
from edge.values import Person

_LARGEST: Final = 256 * 1024 * 1024
_LONGEST_HEADER: Final = 4096
_SALT_BYTES: Final = 16
_SHORTEST_PASSPHRASE: Final = 12
# scrypt: 64 MiB and about half a second on a small computer for each guess.
_COST, _BLOCK = 2**16, 8
_Hex = Annotated[str, Meta(pattern=r"^([0-9a-f]{2}){4,32}\Z")]


class Member(NamedTuple):
    """A person, and the pictures their references were made of, as many or none."""

    person: Person
    crops: tuple[NDArray[np.uint8], ...] = ()


class Backup(NamedTuple):
    """`kept`: small things that `Store.keep` knows, by name."""

    members: tuple[Member, ...]
    kept: Mapping[str, bytes]


def same(one: Person, other: Person) -> bool:
    """Whether all that is known of them is the same, their references bit by bit."""

    def facts(person: Person) -> object:
        return replace(person, references=()), [(each.space, each.vector.tobytes()) for each in person.references]

    return facts(one) == facts(other)


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """What anybody may read of a backup: the door it is of, when it was made, and what opens it."""

    limen_backup: Literal[1, 2]
    door: str
    made_at: str
    master: _Hex | None = None
    salt: _Hex | None = None


class _Content(Struct, frozen=True, forbid_unknown_fields=True):
    """What is sealed; in a file of the first version only the list of people."""

    people: list[SealedPerson]
    kept: dict[str, bytes] = {}


def write_backup(path: Path, header: Header, backup: Backup, key: MasterKey | str) -> None:
    """Put everybody into `path`, mode 0600, in place of what was there; whole or not at all. Raises StoreError.

    `key` is the master key, or a passphrase; the header is completed with which.
    """
    if isinstance(key, MasterKey):
        header = msgspec.structs.replace(header, master=key.fingerprint)
    else:
        header = msgspec.structs.replace(header, salt=os.urandom(_SALT_BYTES).hex())
    line = msgspec.json.encode(header)
    sealer = _sealer(header, key)
    rows = [close_person(person, 0, sealer, crops) for person, crops in backup.members]
    content = msgspec.msgpack.encode(_Content(rows, dict(backup.kept)))
    sealed = sealer.seal(content, "backup", line.decode())
    try:
        put_in_place(path, line + b"\n" + sealed)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def read_backup(path: Path, key: MasterKey | str) -> Backup:
    """Everybody in `path`. Raises StoreError when it is no backup, was altered, or another key opens it."""
    header, line, sealed = _parts(path)
    if isinstance(key, MasterKey) and header.master is None:
        raise StoreError(f"{path} is sealed under a passphrase: say in which file it is")
    if header.master is not None and (not isinstance(key, MasterKey) or key.fingerprint != header.master):
        here = f"this door has {key.fingerprint}" if isinstance(key, MasterKey) else "under no passphrase"
        raise StoreError(f"{path} is sealed under the master key {header.master}, and {here}")
    sealer = _sealer(header, key)
    try:
        plain = sealer.unseal(sealed, "backup", line.decode())
        content = msgspec.msgpack.decode(plain, type=_Content | list[SealedPerson])
        rows, kept = (content.people, content.kept) if isinstance(content, _Content) else (content, {})
        return Backup(tuple(Member(open_person(row, sealer), open_crops(row, sealer)) for row in rows), kept)
    except (StoreError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be opened: it was altered, or this is not the passphrase or key") from error


def _sealer(header: Header, key: MasterKey | str) -> Sealer:
    if isinstance(key, MasterKey):
        return Sealer("backup", key.secret)
    if len(key) < _SHORTEST_PASSPHRASE:
        raise StoreError(f"the passphrase has {len(key)} characters: take at least {_SHORTEST_PASSPHRASE}")
    salt = bytes.fromhex(header.salt or "")
    memory = 256 * _COST * _BLOCK
    secret = hashlib.scrypt(key.encode(), salt=salt, n=_COST, r=_BLOCK, p=1, maxmem=memory, dklen=KEY_BYTES)
    return Sealer("backup", secret)


def _parts(path: Path) -> tuple[Header, bytes, bytes]:
    try:
        with path.open("rb") as file:
            line = file.readline(_LONGEST_HEADER)
            header = msgspec.json.decode(line, type=Header)
            sealed = file.read(_LARGEST)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, msgspec.MsgspecError) as error:
        raise StoreError(f"{path} is no backup that this Limen can read") from error
    return header, line.rstrip(b"\n"), sealed

"""PINs of people, which open nothing alone: with whose face they are asked for, and wrong ones counted for all of them.

A code comes without a name, so a wrong one counts against every PIN there is, and nobody's right one makes anybody
else's guesses cheaper: only the door's PIN, or letting somebody in by their own, begins the count anew. For the same
reason they share a salt: one slow digest tells whose it is.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from edge.access.lockout import LONGEST_SECONDS, lockout_seconds
from edge.access.pin import digest_of, refuse_obvious
from edge.clock import Clock
from edge.errors import MessageError, StoreError
from edge.store.store import Store

_log = logging.getLogger(__name__)

_NAME: Final = "person_pins"


class _Kept(Struct, frozen=True, forbid_unknown_fields=True):
    """`digests` by person's id; `wrong` codes since the count began."""

    salt: bytes
    digests: dict[str, bytes]
    wrong: int = 0

    def __repr__(self) -> str:
        return "_Kept(...)"


class PersonPins:
    """What it keeps survives a restart, after which a lock-out that was running begins again from its start."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        try:
            seconds = lockout_seconds(self._kept().wrong)
        except StoreError as error:
            _log.error("%s", error)
            seconds = LONGEST_SECONDS
        self._locked_until = clock.now() + seconds

    def __bool__(self) -> bool:
        """Whether anybody has one."""
        return bool(self._kept().digests)

    def change(self, person_id: str, pin: str | None) -> None:
        """Another PIN for this person, or none. Raises MessageError for one that is too easy or taken, StoreError."""
        try:
            kept = self._kept()
        except StoreError as error:
            _log.error("%s: they begin anew", error)
            kept = _none()
        digests = {known: digest for known, digest in kept.digests.items() if known != person_id}
        if pin is not None:
            refuse_obvious(pin)
            refuse_taken(_owner(msgspec.structs.replace(kept, digests=digests), pin))
            digests[person_id] = digest_of(pin, kept.salt)
        self._keep(msgspec.structs.replace(kept, digests=digests))

    def owner(self, code: str) -> str | None:
        """Whose PIN this is, without counting it."""
        kept = self._kept()
        return _owner(kept, code) if kept.digests else None

    def enter(self, code: str) -> str | None:
        """Whose PIN this is. Nobody's is counted: before anybody looks, so that no kill in between makes it free."""
        kept = self._kept()
        if not kept.digests:
            return None
        self._keep(msgspec.structs.replace(kept, wrong=kept.wrong + 1))
        owner = _owner(kept, code)
        if owner is not None:
            self._keep(kept)
            return owner
        self._locked_until = self._clock.now() + lockout_seconds(kept.wrong + 1)
        return None

    def locked_seconds(self) -> float:
        """How long no PIN of anybody is looked at; 0 or less: the next one counts."""
        return self._locked_until - self._clock.now()

    def forgive(self) -> None:
        """Begin to count anew: somebody has shown who they are."""
        kept = self._kept()
        if kept.wrong:
            self._keep(msgspec.structs.replace(kept, wrong=0))
        self._locked_until = self._clock.now()

    def _kept(self) -> _Kept:
        text = self._store.kept(_NAME)
        return _none() if text is None else _read(text)

    def _keep(self, kept: _Kept) -> None:
        self._store.keep(_NAME, msgspec.json.encode(kept))


class Restored(NamedTuple):
    """`kept`: what `Store.keep` should know, with the PINs of `whose`; those of `in_vain` must be set anew."""

    kept: Mapping[str, bytes]
    whose: frozenset[str]
    in_vain: frozenset[str]


def backed_up(store: Store) -> tuple[Mapping[str, bytes], frozenset[str]]:
    """What goes into a backup for the PINs of people, and whose they are. Raises StoreError when it was altered."""
    text = store.kept(_NAME)
    return ({}, frozenset()) if text is None else ({_NAME: text}, frozenset(_read(text).digests))


def restored(store: Store, backup: Mapping[str, bytes], people: Collection[str]) -> Restored:
    """Give `people` the PINs they have in the backup. Raises StoreError where those cannot be read.

    A digest means nothing under another salt, so PINs go to a door that has none yet, or to the one they came from.
    """
    old = _read(backup[_NAME]) if _NAME in backup else None
    now = None
    with suppress(StoreError):  # what cannot be read is nobody's PIN: they begin anew
        text = store.kept(_NAME)
        now = None if text is None else _read(text)
    ids = frozenset(people) & frozenset(old.digests if old is not None else ())
    if old is None or not ids:
        return Restored({}, frozenset(), frozenset())
    if now is None or not now.digests:
        now = msgspec.structs.replace(now or old, salt=old.salt, digests={}, wrong=0 if now is None else now.wrong)
    others = {digest for person_id, digest in now.digests.items() if person_id not in ids}
    fit = frozenset(one for one in ids if old.salt == now.salt and old.digests[one] not in others)
    digests = now.digests | {one: old.digests[one] for one in sorted(fit)}
    text = msgspec.json.encode(msgspec.structs.replace(now, digests=digests))
    return Restored({_NAME: text} if fit else {}, fit, ids - fit)


def _read(text: bytes) -> _Kept:
    try:
        return msgspec.json.decode(text, type=_Kept)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"the PINs of people cannot be read: {error}") from error


def _none() -> _Kept:
    return _Kept(secrets.token_bytes(16), {})


def refuse_taken(owner: object) -> None:
    """Raise MessageError when a PIN has an owner: a code must say by itself whose it is."""
    if owner:
        raise MessageError("bad_pin", "this PIN is in use at this door: choose another")


def _owner(kept: _Kept, code: str) -> str | None:
    digest = digest_of(code, kept.salt)
    found = [person_id for person_id, known in kept.digests.items() if hmac.compare_digest(known, digest)]
    return found[0] if found else None

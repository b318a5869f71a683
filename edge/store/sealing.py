"""AES-256-GCM, and what it is bound to: bytes that were altered, or moved to where they do not belong, do not open."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edge.errors import StoreError

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_FORMAT: Final = "limen/1"


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals under one key, for the store that `device` names.

    `bound_to` says what the bytes are and whose: words and numbers that must be the same when they are opened. A nonce
    is random, so a key may seal four thousand million times; a store never comes near.
    """

    device: str
    key: bytes = field(repr=False)

    def under(self, key: bytes) -> Sealer:
        """For the same store, under another key."""
        return Sealer(self.device, key)

    def seal(self, plain: bytes, *bound_to: str | int) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, plain, self._bound(bound_to))

    def unseal(self, sealed: bytes, *bound_to: str | int) -> bytes:
        """Raises StoreError when the bytes were altered, belong elsewhere, or were sealed under another key."""
        try:
            return AESGCM(self.key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._bound(bound_to))
        except (InvalidTag, ValueError) as error:  # a ValueError where not even a nonce is left
            what = " ".join(map(str, bound_to))
            raise StoreError(f"{what}: altered, moved, or sealed under another key") from error

    def _bound(self, bound_to: tuple[str | int, ...]) -> bytes:
        return json.dumps([_FORMAT, self.device, *bound_to]).encode()

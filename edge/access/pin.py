"""What a PIN is and how it is hashed. Pure.

scrypt comes with Python: no package more for the one secret a door has. 16 MiB and a tenth of a second make guessing
from a stolen store dear, and hold the door up less than one slow frame; what protects at the door is the lock-out.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from edge.errors import MessageError

_RISING: Final = "01234567890123"


def refuse_obvious(pin: str) -> None:
    """Raise MessageError for the first things anybody would try."""
    if len(set(pin)) == 1 or pin in _RISING or pin[::-1] in _RISING:
        raise MessageError("bad_pin", "this PIN is the first that anybody would try: choose another")


def digest_of(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=2**14, r=8, p=1)


def is_right(pin: str, salt: bytes, digest: bytes) -> bool:
    return hmac.compare_digest(digest_of(pin, salt), digest)

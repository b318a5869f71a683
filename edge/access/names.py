"""What a person may be called, and the id made from it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from itertools import count
from typing import Final

from edge.errors import EnrolmentError

MAX_NAME: Final = 80
MAX_ID: Final = 64

# Letters and symbols that draw nothing: a name made of them could not be told from no name.
_INVISIBLE: Final = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def clean_name(text: str) -> str:
    """`text` in NFC, without outer blanks, inner ones single; 1 to 80 characters with at least one letter or digit.

    Raises EnrolmentError `bad_name` for anything else, above all control, format (right-to-left overrides),
    surrogate, private and unassigned characters.
    """
    if not isinstance(text, str):
        raise _bad("a name must be text")
    # Bound the work first: normalising shortens a sane name by less than this.
    if len(text) > 4 * MAX_NAME:
        raise _bad(f"a name has at most {MAX_NAME} characters")
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} or character in _INVISIBLE:
            raise _bad(f"a name must not hold the character U+{ord(character):04X}")
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not any(unicodedata.category(character)[0] in "LN" for character in name):
        raise _bad("a name needs a letter or a digit")
    if len(name) > MAX_NAME:
        raise _bad(f"a name has at most {MAX_NAME} characters")
    return name


def person_id_for(name: str, taken: Collection[str] = ()) -> str:
    """An id for `name`, `[a-z0-9-]{1,64}`, not in `taken`: `Zoë Müller` -> `zoe-muller`, then `zoe-muller-2`."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_ID].rstrip("-") or "person"
    if stem not in taken:
        return stem
    numbered = (f"{stem[: MAX_ID - len(f'-{number}')]}-{number}" for number in count(2))
    return next(one for one in numbered if one not in taken)


def _bad(message: str) -> EnrolmentError:
    return EnrolmentError("bad_name", message)

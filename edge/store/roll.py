"""Who belongs to the store, and since which change of theirs: one record, sealed under the master key.

It is what tells a row that belongs here from one that was put back. Who has no key can copy an older roll over it; so
its own generation is held against the journal's.
"""

from __future__ import annotations

from typing import Final

import msgspec

from edge.errors import StoreError
from edge.store.sealing import Sealer

_WHAT: Final = "roll"


class Roll(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`generation` is that of the last change of anybody, `people` the generation of each one's last change, by id."""

    generation: int = 0
    people: dict[str, int] = {}

    def with_person(self, person_id: str) -> Roll:
        """The next generation, in which this person was added or changed."""
        generation = self.generation + 1
        return Roll(generation, self.people | {person_id: generation})

    def without_person(self, person_id: str) -> Roll:
        """The next generation, without this person."""
        return Roll(self.generation + 1, {one: since for one, since in self.people.items() if one != person_id})


def close_roll(roll: Roll, master: Sealer) -> bytes:
    return master.seal(msgspec.json.encode(roll), _WHAT)


def open_roll(sealed: bytes, master: Sealer) -> Roll:
    """Raises StoreError when it was altered, or sealed under another key."""
    try:
        return msgspec.json.decode(master.unseal(sealed, _WHAT), type=Roll)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"the roll cannot be read: {error}") from error

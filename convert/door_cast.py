"""Who lives behind the simulated door, and who comes by: people with many pictures, and people with one."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from convert.datasets import Identities
from convert.errors import ConversionError

MOST_VISITS: Final = 10  # of one resident: the best-known people have hundreds of pictures
MOST_REFERENCES: Final = 10


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody who can be enrolled. `visits` and `references` are indices of pictures, never one in both."""

    name: str
    visits: tuple[int, ...]
    references: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """`strangers`: for each of them by name, the index of the only picture."""

    residents: tuple[Resident, ...]
    strangers: Mapping[str, int]

    @property
    def visits(self) -> tuple[int, ...]:
        """The pictures that become visits: the residents', then the strangers'."""
        return (*(index for one in self.residents for index in one.visits), *self.strangers.values())


def cast_of(people: Identities, references: int = MOST_REFERENCES, seed: int = 1) -> Cast:
    """Residents are those with more than `references` pictures; who has one is a stranger, the rest stay away.

    Which of a resident's pictures become visits is drawn by name, so that it does not depend on who else is there.
    """
    pictures: dict[int, list[int]] = {}
    for index, person in enumerate(people.people):
        pictures.setdefault(person, []).append(index)
    residents = tuple(
        _resident(people.names[person], own, references, seed)
        for person, own in pictures.items()
        if len(own) > references
    )
    strangers = {people.names[person]: own[0] for person, own in pictures.items() if len(own) == 1}
    if not residents or not strangers:
        raise ConversionError(
            f"a door needs residents with more than {references} pictures and strangers with one: "
            f"here are {len(residents)} and {len(strangers)}"
        )
    return Cast(residents, strangers)


def _resident(name: str, own: list[int], references: int, seed: int) -> Resident:
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    order = [own[place] for place in random.permutation(len(own)).tolist()]
    visits = min(MOST_VISITS, len(own) - references)
    return Resident(name, tuple(sorted(order[:visits])), tuple(sorted(order[visits:])))

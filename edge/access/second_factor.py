"""What may be needed besides a face: a PIN or somebody inside, and a button pressed on purpose. Pure.

Each is given at a moment, and counts for a face of shortly before or shortly after it; once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

from edge.access.gallery import Gallery
from edge.access.policy import SECOND_FACTOR_SECONDS, Rule
from edge.values import Person, SecondFactor

Need = Literal["minor", "asked_for", "looks_like_another"]


def why_needed(person: Person, gallery: Gallery) -> Need | None:
    """Why `person`'s face alone must not open. `gallery` must hold them: it knows whose faces are too close.

    Children's faces are nearly one face to the embedder (docs/accuracy.md), so for a minor no setting changes it.
    """
    if person.terms.minor:
        return "minor"
    if person.terms.second_factor == "always":
        return "asked_for"
    alike = person.terms.second_factor == "automatic" and person.id in gallery.close
    return "looks_like_another" if alike else None


def needs_second_factor(person: Person, gallery: Gallery) -> bool:
    """Whether `person`'s face alone must not open."""
    return why_needed(person, gallery) is not None


@dataclass(frozen=True, slots=True)
class Given:
    """What was given besides faces, and when (monotonic seconds).

    `pins`: by person's id, whose own PIN was entered; `confirmed`: somebody inside pressed their button; `pressed`: the
    button at the door was.
    """

    pins: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    confirmed: float = -math.inf
    pressed: float = -math.inf

    def with_pin(self, person_id: str, now: float) -> Given:
        """Forgets the PINs that are too old to count, so that nothing grows."""
        recent = {known: at for known, at in self.pins.items() if now - at <= SECOND_FACTOR_SECONDS}
        return replace(self, pins=MappingProxyType(recent | {person_id: now}))

    def spent_on(self, person_id: str) -> Given:
        """What is left when this person has been let in: other people's PINs."""
        return Given(MappingProxyType({known: at for known, at in self.pins.items() if known != person_id}))

    def second_factor(self, person_id: str, now: float) -> SecondFactor | None:
        """What counts for this person at `now`."""
        if now - self.pins.get(person_id, -math.inf) <= SECOND_FACTOR_SECONDS:
            return "pin"
        return "confirmed" if now - self.confirmed <= SECOND_FACTOR_SECONDS else None

    def asked(self, rule: Rule, now: float) -> bool:
        """Whether somebody wants to come in, as far as the rule asks for a button."""
        return rule.trigger != "button" or now - self.pressed <= rule.button


NOTHING: Final = Given()

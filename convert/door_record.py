"""`models/records/door.json`: how often the whole rule opens to a stranger, and how often it refuses a resident.

FPIR: the share of visits by strangers that end with the door open. FNIR: the share of visits by residents that do not
end with the door open for them.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from convert.frames import Jitter
from convert.record import Count, Made, Share

Security = Literal["convenience", "balanced", "strict"]


class Rate(Struct, frozen=True, forbid_unknown_fields=True):
    """A share of visits.

    `low` and `high`: 95 % of draws of the people anew. `bound_low` and `bound_high`: 95 % Clopper-Pearson, as if the
    `people_visits` different visits were all there were, each counted once.
    """

    value: Share
    low: Share
    high: Share
    bound_low: Share
    bound_high: Share
    events: Count
    visits: Count
    people_visits: Count


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """One way to run the door: `people` says who was there (`everybody` or only the `test` people)."""

    people: Literal["everybody", "test"]
    security: Security
    enrolled: Count
    references: Count
    galleries: Count
    fpir: Rate
    fnir: Rate
    mistaken: Rate
    not_enrolled: Share
    reasons: dict[str, Count]


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """One number of the rule changed, everything else as shipped. `shipped`: this is the default."""

    setting: str
    value: str
    shipped: bool
    fpir: Rate
    fnir: Rate


class LookAlikes(Struct, frozen=True, forbid_unknown_fields=True):
    """Visits by each resident's `nearest` strangers while that resident is enrolled, let in as that resident."""

    security: Security
    enrolled: Count
    references: Count
    nearest: Count
    fpir: Rate


class Extrapolated(Struct, frozen=True, forbid_unknown_fields=True):
    """FPIR for more people than were ever enrolled here: 1 - (1 - p)^n, p from the largest gallery that was.

    Never measured. `high` starts from the upper end of the measured draws.
    """

    security: Security
    enrolled: Count
    references: Count
    from_enrolled: Count
    fpir: Share
    high: Share


class DoorRecord(Made, frozen=True, forbid_unknown_fields=True):
    """Everything that was simulated with one chain of models, one card's thresholds and one set of pictures."""

    seed: int
    rounds: Count
    thresholds: dict[Security, float]
    rule: dict[str, Any]
    jitter: Jitter
    scenes: dict[str, dict[str, Count]]
    rows: tuple[Row, ...]
    look_alikes: tuple[LookAlikes, ...]
    steps: tuple[Step, ...]
    extrapolated: tuple[Extrapolated, ...]

"""What commands carry, one Struct each, strictly typed. A field that is not known is ignored."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, get_args

from msgspec import UNSET, Meta, Struct, UnsetType

from edge.mqtt.keys import KeyId
from edge.mqtt.messages import PersonId, Transaction


class Request(Struct, frozen=True, kw_only=True):
    """What every command carries. `ts` is the sender's clock; where it is given, an old command is refused."""

    v: Literal[1]
    transaction: Transaction
    ts: str | None = None


class NoArguments(Struct, frozen=True, kw_only=True):
    pass


class EnrollArguments(Struct, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    person_id: PersonId | None = None
    references: Annotated[int, Meta(ge=5, le=16)] | None = None
    consent: bool | None = None
    minor: bool | None = None


class PersonArguments(Struct, frozen=True, kw_only=True):
    person_id: PersonId


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = get_args(Day)
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](?![\s\S])")]
TimeZone = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}(?![\s\S])")]


class HoursArguments(Struct, frozen=True, kw_only=True):
    """On these days, from `start` to before `end`; an end at or before the start is on the next day."""

    days: Annotated[tuple[Day, ...], Meta(min_length=1, max_length=7)]
    start: TimeOfDay
    end: TimeOfDay


class ScheduleArguments(Struct, frozen=True, kw_only=True):
    """Without a `timezone` the door's own clocks count."""

    timezone: TimeZone | None = None
    hours: Annotated[tuple[HoursArguments, ...], Meta(min_length=1, max_length=16)]


class PersonSetArguments(Struct, frozen=True, kw_only=True):
    """What is left out stays; null clears. A time without a zone is one of the door's own clocks."""

    person_id: PersonId
    name: Annotated[str, Meta(min_length=1, max_length=80)] | UnsetType = UNSET
    valid_from: datetime | UnsetType | None = UNSET
    valid_until: datetime | UnsetType | None = UNSET
    schedule: ScheduleArguments | UnsetType | None = UNSET
    second_factor: Literal["automatic", "always", "never"] | UnsetType | None = UNSET


class ReferenceArguments(Struct, frozen=True, kw_only=True):
    """`number`: as `reference.list` counts, from 1."""

    person_id: PersonId
    number: Annotated[int, Meta(ge=1, le=16)]


class QueryArguments(Struct, frozen=True, kw_only=True):
    """Events after `after_seq`, oldest first; without it the newest ones."""

    after_seq: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class ChallengeArguments(Struct, frozen=True, kw_only=True):
    """`key`: the id of the key that will sign; nobody else can then use the challenge."""

    key: KeyId | None = None


class PinArguments(Struct, frozen=True, kw_only=True):
    """`pin` null takes the PIN away. With `person_id` it is that person's, and opens only together with their face."""

    pin: Annotated[str, Meta(pattern=r"^[0-9]{6,12}(?![\s\S])")] | None
    person_id: PersonId | None = None

    def __repr__(self) -> str:
        return "PinArguments(...)"  # a PIN never stands in a log


Arguments = (
    NoArguments
    | EnrollArguments
    | PersonArguments
    | PersonSetArguments
    | ReferenceArguments
    | QueryArguments
    | ChallengeArguments
    | PinArguments
)

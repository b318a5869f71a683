"""What commands carry, one Struct each, strictly typed. A field that is not known is ignored."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

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


Arguments = NoArguments | EnrollArguments | PersonArguments | QueryArguments | ChallengeArguments | PinArguments

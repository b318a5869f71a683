"""`lock/set`: what Home Assistant's lock publishes, a word or a word with a PIN -> a LockRequest, or a Refusal.

The one command without a signature that opens. It carries no transaction and no challenge: whoever reads the topic can
send it again, so it is only as safe as the way from Home Assistant to the broker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from edge.errors import MessageError
from edge.mqtt.authority import allow
from edge.mqtt.commands import Context, Incoming, Refusal, must_be_recent, payload_of
from edge.mqtt.strict_json import strict_object

NAME: Final = "lock.set"
LONGEST_SECONDS: Final = 2.0
# For the lock's discovery. Without the empty alternative Home Assistant would want the PIN for locking, too.
CODE_FORMAT: Final = "^([0-9]{6,12})?$"
COMMAND_TEMPLATE: Final = """{"action": "{{ value }}", "code": "{{ code | default('', true) }}"}"""


class _Document(Struct, frozen=True, kw_only=True):
    action: Literal["LOCK", "UNLOCK"]
    code: Annotated[str, Meta(max_length=64)] | None = None

    def __repr__(self) -> str:
        return "_Document(...)"


@dataclass(frozen=True, slots=True)
class LockRequest:
    """`code` is None when there was none. `at` is when it arrived."""

    action: Literal["LOCK", "UNLOCK"]
    code: str | None = field(repr=False)
    at: float


def parse_lock_set(incoming: Incoming, context: Context) -> LockRequest | Refusal:
    """Decide about one message on `lock/set`. Pure; never raises; what it says never holds a PIN."""
    try:
        payload = payload_of(incoming)
        document = _read(payload)
        must_be_recent(incoming, context, None, LONGEST_SECONDS)
        allow("lock/set", "unlock", context.standing)
    except MessageError as error:
        return Refusal(NAME, None, error.code, str(error), error.retryable, None, error.code == "retained")
    return LockRequest(document.action, document.code or None, incoming.at)


def _read(payload: bytes) -> _Document:
    try:
        if payload in {b"LOCK", b"UNLOCK"}:
            return msgspec.convert({"action": payload.decode()}, _Document)
        return msgspec.convert(strict_object(payload), _Document)
    except (MessageError, msgspec.ValidationError) as error:
        raise MessageError("malformed", 'LOCK, UNLOCK or {"action": "UNLOCK", "code": "<PIN>"}') from error

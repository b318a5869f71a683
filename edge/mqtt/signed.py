"""Signed commands: `{"p": "<the exact payload text>", "k": key id, "s": signature}`, and the challenge in each.

The signature covers the bytes of `p` as they are, so that nothing has to be written in one agreed way. What is signed
names its door, its command and a challenge that this door gave out moments ago and takes once.
"""

from __future__ import annotations

import base64
import secrets
from collections import deque
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from edge.errors import MessageError
from edge.mqtt.keys import Key, KeyId, Keyring

CHALLENGE_SECONDS: Final = 30.0
_MOST_ALIVE: Final = 8  # of each key
_MOST_ALIVE_OF_NOBODY: Final = 32
_MOST_REMEMBERED: Final = 1024


class Envelope(Struct, frozen=True, kw_only=True):
    p: str
    k: KeyId
    s: Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{86}==(?![\s\S])")]


class Address(Struct, frozen=True, kw_only=True):
    """What a signed payload must carry beside what every command carries."""

    door: str
    command: str
    challenge: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}(?![\s\S])")]


def envelope_of(document: dict[str, Any]) -> Envelope | None:
    """The envelope, None for a command that is not signed. Raises MessageError for half an envelope."""
    if "p" not in document:
        return None
    try:
        return msgspec.convert(document, Envelope)
    except msgspec.ValidationError as error:
        raise MessageError("malformed", f"the envelope needs `p`, `k` and `s`, each as text: {error}") from error


def signer_of(envelope: Envelope, keyring: Keyring) -> Key:
    """Whose signature it is. Raises MessageError unless it is a good one of a key in force."""
    key = keyring.find(envelope.k)
    if key is None:
        raise MessageError("unknown_key", f"the door has no key {envelope.k}: see `limen keys list`")
    if key.revoked is not None:
        raise MessageError("revoked_key", f"the key {envelope.k} was revoked")
    signature = base64.b64decode(envelope.s)
    # The last digit of base64 has bits to spare: only one way to write a signature is taken.
    if base64.b64encode(signature).decode() != envelope.s or not key.signed(envelope.p.encode(), signature):
        raise MessageError("bad_signature", "`s` is not this key's signature over the exact text of `p`")
    return key


def challenge_for(document: dict[str, Any], door: str, command: str) -> str:
    """The challenge of a signed payload. Raises MessageError when it was signed for another door or command."""
    try:
        address = msgspec.convert(document, Address)
    except msgspec.ValidationError as error:
        raise MessageError("malformed", f"`p` needs `door`, `command` and `challenge`: {error}") from error
    if address.door != door:
        raise MessageError("wrong_door", f"this was signed for another door than {door}")
    if address.command != command:
        raise MessageError("wrong_command", f"this was signed for another command than {command}")
    return address.challenge


class Challenges:
    """The challenges this process gave out: none outlives it, and each is good for one command of one sender."""

    def __init__(self) -> None:
        self._alive: dict[str, tuple[str | None, float]] = {}
        self._spent: deque[str] = deque(maxlen=_MOST_REMEMBERED)

    def issue(self, key_id: str | None, now: float) -> str:
        """A fresh one, for `key_id` alone where it is given. Of too many of one sender the oldest go."""
        alive = {text: one for text, one in self._alive.items() if now - one[1] < CHALLENGE_SECONDS}
        own = [text for text, (owner, _) in alive.items() if owner == key_id]
        most = _MOST_ALIVE_OF_NOBODY if key_id is None else _MOST_ALIVE
        for text in own[: max(0, len(own) - most + 1)]:
            del alive[text]
        challenge = secrets.token_hex(16)
        self._alive = alive | {challenge: (key_id, now)}
        return challenge

    def spend(self, challenge: str, key_id: str, now: float) -> None:
        """Take it, once. Raises MessageError when it is not to be had."""
        if challenge in self._spent:
            raise MessageError("replayed", "this challenge was used before: fetch a new one")
        owner, at = self._alive.get(challenge, (None, float("-inf")))
        if owner is not None and owner != key_id:
            raise MessageError("replayed", "this challenge was given to another key")
        self._alive.pop(challenge, None)
        if not 0.0 <= now - at < CHALLENGE_SECONDS:
            raise MessageError(
                "expired", "this challenge is none of this door's, or too old: fetch a new one", retryable=True
            )
        self._spent.append(challenge)

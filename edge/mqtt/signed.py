"""Signed commands: `{"p": "<the exact payload text>", "k": key id, "s": signature}`, and the challenge in each.

The signature covers the bytes of `p` as they are, so that nothing has to be written in one agreed way. What is signed
names its door, its command and a challenge that this door gave out moments ago and takes once.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from edge.errors import MessageError
from edge.mqtt.keys import Key, KeyId, Keyring

CHALLENGE_SECONDS: Final = 30.0


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
    """The challenges this process gives out: none outlives it, and each is good for one command of one sender.

    None is remembered before it is used, so that whoever asks for a million takes nobody's away: a challenge holds
    when it was given out (5 bytes, milliseconds), a number (3), and a MAC of both and of whom it is for (8), by a
    secret that this process alone has. Only commands with a good signature use one up.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._number = 0
        self._spent: dict[str, float] = {}

    def issue(self, key_id: str | None, now: float) -> str:
        """A fresh one, for `key_id` alone where it is given. `now`: monotonic seconds."""
        self._number = (self._number + 1) % (1 << 24)
        head = int(now * 1000).to_bytes(5, "big") + self._number.to_bytes(3, "big")
        return (head + self._mac(head, key_id)).hex()

    def spend(self, challenge: str, key_id: str, now: float) -> None:
        """Take it, once. Raises MessageError when it is not to be had."""
        self._spent = {text: at for text, at in self._spent.items() if now - at < CHALLENGE_SECONDS}
        if challenge in self._spent:
            raise MessageError("replayed", "this challenge was used before: fetch a new one")
        raw = bytes.fromhex(challenge)
        head, mac = raw[:8], raw[8:]
        ours = any(hmac.compare_digest(mac, self._mac(head, owner)) for owner in (key_id, None))
        at = int.from_bytes(head[:5], "big") / 1000
        if not ours or not 0.0 <= now - at < CHALLENGE_SECONDS:
            text = "this challenge is none that this door gave to this key, or too old: fetch a new one"
            raise MessageError("expired", text, retryable=True)
        self._spent[challenge] = at

    def _mac(self, head: bytes, key_id: str | None) -> bytes:
        return hmac.digest(self._secret, head + (key_id or "").encode(), "sha256")[:8]

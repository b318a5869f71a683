"""Bytes that came in -> a Command that may act, or a Refusal with its code. Pure; never raises; doubt refuses.

A Refusal of a retained message is `silent`: whoever left it there is not listening, and answering it on every
connect would help nobody. It is still a value, for the journal.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from edge.errors import MessageError
from edge.mqtt.arguments import Arguments, Request
from edge.mqtt.authority import COMMANDS, Rule, Standing, readable, require
from edge.mqtt.keys import NO_KEYS, Key, Keyring
from edge.mqtt.messages import Response, decode, encode
from edge.mqtt.signed import challenge_for, envelope_of, signer_of
from edge.mqtt.strict_json import strict_object
from edge.mqtt.topics import Topics

MAX_BYTES: Final = 4096
MAX_AGE_SECONDS: Final = 30.0

_TRANSACTION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST_MESSAGE: Final = 240
_LONGEST_CORRELATION: Final = 128


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as the broker handed it over. `at` is the monotonic time of its arrival, `expiry` seconds left then."""

    topic: str
    payload: bytes
    at: float = 0.0
    retain: bool = False
    expiry: int | None = None
    reply_topic: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What decides about a command besides its bytes: the door's configuration, its keys and its clocks.

    `keyring` None: the keys cannot be read, and what needs one is refused.
    """

    topics: Topics
    standing: Standing
    now: float
    wall: datetime
    clock_trusted: bool
    keyring: Keyring | None = NO_KEYS


@dataclass(frozen=True, slots=True)
class Reply:
    """Where an answer goes besides `response/<command>`; `correlation` goes back with it. Never retained."""

    topic: str
    correlation: bytes | None


@dataclass(frozen=True, slots=True)
class Command:
    """Understood and allowed. `digest` stands for its name and exact bytes; `at` is when it arrived.

    A signed one was signed by `key` over `challenge`, which is still to be spent; both are None for any other.
    """

    name: str
    transaction: str
    arguments: Arguments
    digest: str
    reply: Reply | None
    at: float
    key: Key | None = None
    challenge: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Must not act. `command` is fit for a topic; `transaction` is None when none could be read."""

    command: str
    transaction: str | None
    code: str
    message: str
    retryable: bool
    reply: Reply | None
    silent: bool = False


def parse(incoming: Incoming, context: Context) -> Command | Refusal:
    """Decide about one message on a request topic."""
    name = context.topics.command_of(incoming.topic)
    reply = _reply(incoming, context.topics)
    transaction: str | None = None
    key: Key | None = None
    challenge: str | None = None
    try:
        document = strict_object(payload_of(incoming))
        envelope = envelope_of(document)
        if envelope is not None:
            document = strict_object(envelope.p.encode())
        transaction = _transaction(document)
        rule = _known(name)
        if envelope is not None:
            key = signer_of(envelope, readable(context.keyring))
            challenge = challenge_for(document, context.topics.door, name)
        request, arguments = _typed(document, rule)
        must_be_recent(incoming, context, request.ts)
        require(name, rule, context.standing, context.keyring, key)
    except MessageError as error:
        message, silent = str(error)[:_LONGEST_MESSAGE], error.code == "retained"
        return Refusal(name, transaction, error.code, message, error.retryable, reply, silent)
    digest = hashlib.sha256(name.encode() + b"\0" + incoming.payload).hexdigest()
    return Command(name, request.transaction, arguments, digest, reply, incoming.at, key, challenge)


def repeated(command: Command, digest: str, answer: bytes | str) -> bytes | Refusal:
    """What to say to a transaction that was spent before: `digest` and `answer` (a Response) are what was kept of it.

    The same bytes get the same answer again, marked; other bytes under a used transaction are a replay. Nothing acts.
    """
    code, message = "replayed", "this transaction was used before, with other content: take a new one"
    if command.digest == digest:
        try:
            return encode(msgspec.structs.replace(decode(Response, answer), duplicate=True))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            code, message = "store_fault", "this was answered before, and the answer cannot be read any more"
    return Refusal(command.name, command.transaction, code, message, retryable=False, reply=command.reply)


class AnswerAllowance:
    """A token bucket for answers that nobody can match to a request: a flood of rubbish is not echoed."""

    def __init__(self, now: float, *, per_second: float = 1.0, burst: float = 10.0) -> None:
        self._per_second, self._burst = per_second, burst
        self._tokens, self._at = burst, now

    def take(self, now: float) -> bool:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def _reply(incoming: Incoming, topics: Topics) -> Reply | None:
    asked, correlation = incoming.reply_topic, incoming.correlation
    if asked is None or not topics.may_answer_on(asked) or len(correlation or b"") > _LONGEST_CORRELATION:
        return None
    return Reply(asked, correlation)


def payload_of(incoming: Incoming) -> bytes:
    """The bytes, if they may be looked at. Raises MessageError."""
    if incoming.retain:
        raise MessageError("retained", "commands are never retained: publish without the retain flag")
    if len(incoming.payload) > MAX_BYTES:
        raise MessageError("too_large", f"a command has at most {MAX_BYTES} bytes")
    return incoming.payload


def _transaction(document: dict[str, Any]) -> str:
    transaction = document.get("transaction")
    if isinstance(transaction, str) and _TRANSACTION.fullmatch(transaction):
        return transaction
    raise MessageError("bad_transaction", "`transaction` must be 1-64 of A-Z a-z 0-9 _ -, fresh for each command")


def _known(name: str) -> Rule:
    rule = COMMANDS.get(name)
    if rule is None:
        raise MessageError("unknown_command", f"known commands: {', '.join(sorted(COMMANDS))}")
    return rule


def _typed(document: dict[str, Any], rule: Rule) -> tuple[Request, Arguments]:
    version = document.get("v")
    if type(version) is not int or version != 1:
        raise MessageError("unsupported_version", "`v` must be 1")
    if rule.arguments is None:
        raise MessageError("not_available", "this version does not have this command yet")
    try:
        return msgspec.convert(document, Request), msgspec.convert(document, rule.arguments)
    except msgspec.ValidationError as error:
        # `$.name` at the end of msgspec's message becomes our leading field.
        message, _, where = str(error).partition(" - at `$")
        raise MessageError("malformed", f"{where.rstrip('`').lstrip('.') or '$'}: {message}") from error


def must_be_recent(incoming: Incoming, context: Context, ts: str | None, longest: float = MAX_AGE_SECONDS) -> None:
    """Hold the time since arrival against the sender's limit and ours, and the sender's own clock against the door's.

    The sender's clock counts only where it is told and the door's can be believed.
    """
    limit = longest if incoming.expiry is None else min(longest, incoming.expiry)
    if not 0.0 <= context.now - incoming.at < limit:
        raise MessageError("expired", "the command came too late", retryable=True)
    if ts is None or not context.clock_trusted:
        return
    try:
        told = datetime.fromisoformat(ts)
        off = (context.wall - told).total_seconds()
    except (ValueError, TypeError) as error:
        raise MessageError("malformed", "ts: not an RFC 3339 time with its zone, like 2026-11-22T07:50:38Z") from error
    if not abs(off) <= MAX_AGE_SECONDS:
        side = "behind" if off > 0 else "ahead of"
        raise MessageError("expired", f"ts is {abs(off):.0f} s {side} the door's clock", retryable=True)

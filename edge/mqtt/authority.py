"""Which commands there are, what each carries and who may give it: the one table, and the one place that reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from edge.errors import MessageError
from edge.mqtt.arguments import (
    Arguments,
    ChallengeArguments,
    EnrollArguments,
    NoArguments,
    PersonArguments,
    PersonSetArguments,
    PinArguments,
    QueryArguments,
    ReferenceArguments,
)
from edge.mqtt.keys import Key, Keyring, Right
from edge.mqtt.messages import CommandFacts
from edge.settings import Authority


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may give a command, and what it carries; None: the contract knows it, this version does not have it."""

    authority: Authority
    arguments: type[Arguments] | None = None


# Beyond the broker's login and ACL every right must stand in mqtt.allow; all but `read` may need a signature, too.
COMMANDS: Final[dict[str, Rule]] = {
    "person.list": Rule("read", NoArguments),
    "events.query": Rule("read", QueryArguments),
    "config.get": Rule("read", NoArguments),
    "selftest": Rule("read", NoArguments),
    "reference.list": Rule("read", PersonArguments),
    "gallery.audit": Rule("read", NoArguments),
    "challenge": Rule("read", ChallengeArguments),
    "enroll": Rule("enroll", EnrollArguments),
    "enroll.cancel": Rule("enroll", NoArguments),
    "person.delete": Rule("people", PersonArguments),
    "person.set": Rule("people", PersonSetArguments),
    "reference.delete": Rule("people", ReferenceArguments),
    "lockout.reset": Rule("people", NoArguments),
    "pin.set": Rule("people", PinArguments),
    "unlock": Rule("unlock", NoArguments),
}


# Enrolling may be unsigned as long as no key was ever given the right to it.
ALWAYS_SIGNED: Final[tuple[Right, ...]] = ("people", "unlock")


@dataclass(frozen=True, slots=True)
class Standing:
    """What this door's configuration permits. `secure`: its own way to the broker is TLS or loopback."""

    allow: tuple[Authority, ...] = ("read",)
    secure: bool = True
    accept_insecure: bool = False


def require(name: str, rule: Rule, standing: Standing, keyring: Keyring | None, key: Key | None) -> None:
    """Raise MessageError unless the command may be given here, by `key` if it is signed."""
    right = rule.authority
    allow(name, right, standing)
    if right == "read":
        return
    if key is None and (right in ALWAYS_SIGNED or readable(keyring).knows(right)):
        raise MessageError("not_signed", f"{name} needs the signature of a key with the right `{right}`")
    if key is not None and right not in key.rights:
        raise MessageError("not_allowed", f"the key {key.id} does not have the right `{right}` that {name} needs")


def allow(name: str, right: Authority, standing: Standing) -> None:
    """Raise MessageError unless the configuration gives `right`, and the way to the broker is good enough for it."""
    if right not in standing.allow:
        raise MessageError("not_allowed", f"{name} needs `{right}` in mqtt.allow of the door's config.yaml")
    if right != "read" and not standing.secure and not standing.accept_insecure:
        text = "the door reaches its broker without TLS: set mqtt.tls, or mqtt.accept_insecure to allow it all the same"
        raise MessageError("insecure_transport", text)


def readable(keyring: Keyring | None) -> Keyring:
    """The keys; MessageError when they cannot be read: then nobody can be told from anybody."""
    if keyring is None:
        raise MessageError("store_fault", "the door cannot read its keys: see its log", retryable=True)
    return keyring


def command_facts(allow: tuple[Authority, ...]) -> dict[str, CommandFacts]:
    """All commands for `info`, with a JSON Schema of their arguments."""
    return {
        name: CommandFacts(
            authority=rule.authority,
            allowed=rule.arguments is not None and rule.authority in allow,
            signed=_signed(rule.authority),
            arguments=None if rule.arguments is None else msgspec.json.schema(rule.arguments),
        )
        for name, rule in COMMANDS.items()
    }


def _signed(right: Authority) -> Literal["never", "with_keys", "always"]:
    if right in ALWAYS_SIGNED:
        return "always"
    return "never" if right == "read" else "with_keys"

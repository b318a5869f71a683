"""Which commands there are, what each carries and who may give it: the one table, and the one place that reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from edge.errors import MessageError
from edge.mqtt.messages import (
    Arguments,
    CommandFacts,
    EnrollArguments,
    NoArguments,
    PersonArguments,
    QueryArguments,
)
from edge.settings import Authority


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may give a command, and what it carries; None: the contract knows it, this version does not have it."""

    authority: Authority | Literal["unlock"]
    arguments: type[Arguments] | None = None


# Beyond the broker's login and ACL every right must stand in mqtt.allow; `people` and `unlock` will need a signature.
COMMANDS: Final[dict[str, Rule]] = {
    "person.list": Rule("read", NoArguments),
    "events.query": Rule("read", QueryArguments),
    "config.get": Rule("read", NoArguments),
    "selftest": Rule("read", NoArguments),
    "reference.list": Rule("read"),
    "gallery.audit": Rule("read"),
    "challenge": Rule("read"),
    "enroll": Rule("enroll", EnrollArguments),
    "enroll.cancel": Rule("enroll", NoArguments),
    "person.delete": Rule("people", PersonArguments),
    "person.set": Rule("people"),
    "reference.delete": Rule("people"),
    "lockout.reset": Rule("people"),
    "pin.set": Rule("people"),
    "unlock": Rule("unlock"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What this door's configuration permits. `secure`: its own way to the broker is TLS or loopback."""

    allow: tuple[Authority, ...] = ("read",)
    secure: bool = True
    loopback: bool = True
    accept_insecure: bool = False


def require(name: str, rule: Rule, standing: Standing) -> None:
    """Raise MessageError unless the command may be given here."""
    if rule.authority not in standing.allow:
        raise MessageError("not_allowed", f"{name} needs `{rule.authority}` in mqtt.allow of the door's config.yaml")
    if rule.authority == "read":
        return
    if rule.authority == "people" and not standing.loopback:
        raise MessageError("loopback_only", f"{name} works only while the door's broker is on the device itself")
    if not standing.secure and not standing.accept_insecure:
        text = "the door reaches its broker without TLS: set mqtt.tls, or mqtt.accept_insecure to allow it all the same"
        raise MessageError("insecure_transport", text)


def command_facts(allow: tuple[Authority, ...]) -> dict[str, CommandFacts]:
    """All commands for `info`, with a JSON Schema of their arguments."""
    return {
        name: CommandFacts(
            authority=rule.authority,
            allowed=rule.arguments is not None and rule.authority in allow,
            arguments=None if rule.arguments is None else msgspec.json.schema(rule.arguments),
        )
        for name, rule in COMMANDS.items()
    }

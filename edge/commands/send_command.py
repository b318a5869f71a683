"""`limen send`: any command of the contract, signed if it needs to be: the reference client."""

from __future__ import annotations

import difflib
import getpass
import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from edge.commands.configuration import chosen_settings
from edge.commands.conversation import ask
from edge.errors import LimenError
from edge.log_lines import printable
from edge.mqtt.authority import COMMANDS
from edge.mqtt.messages import Progress, Response

_MARGIN_SECONDS: Final = 10.0


def execute(options: Namespace) -> int:
    """Send, show progress, print the answer's data as JSON."""
    settings = chosen_settings(options)
    arguments = arguments_of(options.request, options.fields)
    timeout = _MARGIN_SECONDS + (settings.enrolment.window_seconds if options.request == "enroll" else 0.0)
    data = ask(settings, options.request, arguments, timeout=timeout, key=options.key, heard=_show)
    print(as_json(data))
    return 0


def as_json(data: Any) -> str:
    """As people read it: letters as they are, and as escapes what is not seen or moves others about on a terminal."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def _show(answer: Progress | Response) -> None:
    """Beside the answer, so that scripts read nothing but JSON."""
    if isinstance(answer, Progress):
        print(f"{printable(answer.prompt)} {answer.collected}/{answer.wanted}", file=sys.stderr)


def arguments_of(command: str, fields: Sequence[str]) -> dict[str, Any]:
    """`field=value` as the command's own types, `field=` as null. Raises LimenError for what the contract has not."""
    rule = COMMANDS.get(command)
    if rule is None or rule.arguments is None:
        known = [name for name, one in COMMANDS.items() if one.arguments is not None]
        raise LimenError(f"no such command: {command}{_hint(command, known)}")
    texts = dict(_split(field) for field in fields)
    known = [field.name for field in msgspec.structs.fields(rule.arguments)]
    for name in texts:
        if name not in known:
            raise LimenError(f"{command} has no field {name}{_hint(name, known)}")
    try:
        typed = msgspec.convert(texts, rule.arguments, strict=False)
    except msgspec.ValidationError as error:
        raise LimenError(f"{command}: {error}") from error
    return {name: value for name, value in msgspec.to_builtins(typed).items() if name in texts}


def _split(field: str) -> tuple[str, Any]:
    name, equals, value = field.partition("=")
    if not equals:
        raise LimenError(f"{field}: write FIELD=VALUE")
    if value == "-":
        value = getpass.getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if value.startswith("{"):  # what has fields of its own, such as a schedule
        try:
            return name, json.loads(value)
        except ValueError as error:
            raise LimenError(f"{name}: not JSON: {error}") from error
    return name, value or None


def _hint(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else f" (known: {', '.join(known)})" if known else ""

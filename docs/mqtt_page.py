# ruff: noqa: INP001 - a script beside the pages it writes, not a package
"""The made parts of docs/mqtt.md, by `make docs`: from the code's structs and tables, and docs/mqtt_meanings.py."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
import msgspec.inspect as ms
from msgspec import Struct

from docs import mqtt_examples, mqtt_meanings
from docs.configuration_page import PROJECT
from docs.mqtt_examples import Example
from docs.mqtt_meanings import COMMANDS, FIELDS, HEADINGS
from docs.mqtt_words import omissions
from edge.mqtt import messages
from edge.mqtt.arguments import Request
from edge.mqtt.authority import COMMANDS as RULES
from edge.mqtt.authority import Rule, command_facts
from edge.mqtt.messages import encode
from edge.mqtt.signed import Address, Envelope
from edge.mqtt.topics import Topics

PAGE: Final = PROJECT / "docs" / "mqtt.md"
TOPICS: Final = Topics("limen", "front")
_PART = re.compile(r"(<!-- made: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_COLUMNS: Final = 116
_SIGNED: Final = {"never": "no", "with_keys": "once a key has this right", "always": "always"}


def page(text: str) -> str:
    """The page `text` with every made part made again. Raises LookupError when something has no meaning yet."""
    missing = omissions()
    if missing:
        raise LookupError("\n".join(missing))
    parts = made()
    told = _PART.sub(lambda found: f"{found[1]}\n{parts.pop(found[2])}\n{found[4]}", text)
    if parts:
        raise LookupError(f"docs/mqtt.md has no place for {', '.join(parts)}: `<!-- made: NAME -->`, `<!-- end -->`")
    return told


def made() -> dict[str, str]:
    """Every made part by its name."""
    examples = mqtt_examples
    return {
        "topics": _table(("topic", "retained", "payload"), map(_topic, mqtt_meanings.TOPICS)),
        "event-examples": _shown(examples.GRANTED, examples.REFUSED, examples.REMOTE),
        "other-examples": _shown(examples.DOORBELL, examples.ENROLLED, examples.LATE),
        "state-examples": _shown(examples.INFO, examples.STATUS),
        "reasons": _words("`reason`", "the door means", mqtt_meanings.REASONS),
        "system-words": _words("`event`", "what happened", mqtt_meanings.SYSTEM_EVENTS),
        "door-words": _words("`event`", "what happened", mqtt_meanings.DOOR_EVENTS),
        "problem-words": _words("word", "what it means", mqtt_meanings.PROBLEMS),
        "fields": "\n".join(f"#### {heading}\n\n{_fields(kind)}" for kind, heading in HEADINGS.items()),
        "request": _arguments(Request),
        "commands": _table(("command", "needs in `mqtt.allow`", "signed", "what it does"), map(_overview, RULES)),
        "each-command": "\n".join(_command(name, rule) for name, rule in RULES.items() if rule.arguments),
        "lock-set": _block(f"To `{TOPICS.lock_set}`:", mqtt_meanings.LOCK_SET.ask or {})
        + "\n"
        + _table(("answer's `data`", "meaning"), _rows(mqtt_meanings.LOCK_SET.answer or {}))
        + "\n"
        + _shown(examples.lock_set_answer(mqtt_meanings.LOCK_SET.data or {})),
        "refusal": _shown(examples.REFUSAL),
        "codes": _words("error code", "what it means", mqtt_meanings.CODES),
        "refusals": _words("word", "what was wrong with the picture", mqtt_meanings.REFUSALS),
        "prompts": _words("prompt", "what the person should know", mqtt_meanings.PROMPTS),
        "enrolment": _shown(*examples.enrolment()),
        "envelope": _arguments(Envelope) + "\n" + _arguments(Address) + "\n" + _envelope("unlock"),
        "schemas": _schemas(),
    }


# -- tables ----------------------------------------------------------------------------------------------------------


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return f"| {' | '.join(head)} |\n{'|---' * len(head)}|\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _words(word: str, meaning: str, told: Mapping[str, str]) -> str:
    return _table((word, meaning), _rows(told))


def _rows(told: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((f"`{word}`", meaning) for word, meaning in told.items())


def _topic(told: mqtt_meanings.Topic) -> tuple[str, str, str]:
    name, _, part = told.attribute.partition(" ")
    topic = getattr(TOPICS, name)
    return f"`{topic(part) if part else topic}`", told.retained, told.payload


def _fields(kind: type[Struct]) -> str:
    """A message's own fields: those of every message have a table of their own."""
    types = {field.encode_name: _type(field.type) for field in _about(kind)}
    rows = ((f"`{name}`", types[name], meaning) for name, meaning in FIELDS[kind].items())
    return _table(("field", "type", "meaning"), rows)


def _arguments(kind: type[Struct]) -> str:
    rows = (
        (f"`{field.encode_name}`", _type(field.type), _default(field), FIELDS[kind][field.encode_name])
        for field in _about(kind)
    )
    tables = [_table(("field", "type", "left out", "meaning"), rows)]
    for field in _about(kind):
        tables += (f"In `{field.encode_name}`:\n\n{_arguments(part)}" for part in _parts(field.type))
    return "\n".join(tables)


def _parts(kind: ms.Type) -> Iterator[type[Struct]]:
    """The structs that a field of this type may hold."""
    match kind:
        case ms.StructType():
            yield kind.cls
        case ms.UnionType():
            for one in kind.types:
                yield from _parts(one)
        case ms.VarTupleType() | ms.ListType():
            yield from _parts(kind.item_type)
        case ms.DictType():
            yield from _parts(kind.value_type)


def _about(kind: type[Struct]) -> tuple[ms.Field, ...]:
    info = ms.type_info(kind)
    assert isinstance(info, ms.StructType)
    return info.fields


def _default(field: ms.Field) -> str:
    if field.required:
        return "must be there"
    if field.default is msgspec.NODEFAULT:
        return "stays"
    return "allowed" if field.default is None else f"`{json.dumps(field.default)}`"


def _type(kind: ms.Type) -> str:
    told = {ms.BoolType: "`true` or `false`", ms.NoneType: "`null`", ms.FloatType: "number", ms.AnyType: "anything"}
    told[ms.DateTimeType] = "text: RFC 3339"
    match kind:
        case ms.UnionType():
            return " or ".join(map(_type, kind.types))
        case ms.LiteralType():
            return " or ".join(f"`{value}`" for value in kind.values)
        case ms.VarTupleType() | ms.ListType():
            return f"list of {_type(kind.item_type)}"
        case ms.DictType():
            return "object" if isinstance(kind.value_type, ms.AnyType) else f"object of {_type(kind.value_type)}"
        case ms.StructType():
            return f"[object](#{_anchor(HEADINGS[kind.cls])})" if kind.cls in HEADINGS else "object"
    return told.get(type(kind)) or _limited(kind)


def _limited(kind: ms.Type) -> str:
    match kind:
        case ms.StrType(pattern=str(pattern)):
            return f"text: `{_pattern(pattern)}`"
        case ms.StrType(min_length=int(least), max_length=int(most)):
            return f"text, {least}-{most} characters"
        case ms.IntType(ge=int(least), le=int(most)):
            return f"whole number, {least}-{most}"
    return "whole number" if isinstance(kind, ms.IntType) else "text"


def _pattern(pattern: str) -> str:
    return pattern.removeprefix("^").removesuffix(r"(?![\s\S])").replace("|", r"\|")


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


# -- commands --------------------------------------------------------------------------------------------------------


def _overview(name: str) -> tuple[str, str, str, str]:
    facts = command_facts(())[name]
    there = RULES[name].arguments is not None
    link = f"[`{name}`](#{_anchor(name)})" if there else f"`{name}`"
    does = COMMANDS[name].meaning.split(". ")[0].removesuffix(".") if there else "not in this version"
    return link, f"`{facts.authority}`", _SIGNED[facts.signed], does


def _command(name: str, rule: Rule) -> str:
    assert rule.arguments is not None
    told = COMMANDS[name]
    own = f"{_arguments(rule.arguments)}\n" if FIELDS[rule.arguments] else ""
    answer = _table(("answer's `data`", "meaning"), _rows(told.answer)) + "\n" if told.answer else ""
    return f"#### {name}\n\n{told.meaning}\n\n{own}{_asked(name)}\n{answer}{_shown(mqtt_examples.answer(name))}"


def _asked(name: str) -> str:
    signed = ", the signed text `p`" if command_facts(())[name].signed == "always" else ""
    return _block(f"To `{TOPICS.request(name)}`{signed}:", mqtt_examples.request(name))


def _envelope(name: str) -> str:
    envelope = json.loads(mqtt_examples.SIGNER.envelope(mqtt_examples.request(name)))
    return _block(f"To `{TOPICS.request(name)}`:", envelope)


# -- examples --------------------------------------------------------------------------------------------------------


def _shown(*examples: Example) -> str:
    return "\n".join(_block(f"On `{TOPICS.root}/{topic}`:", json.loads(encode(told))) for topic, told in examples)


def _block(lead: str, document: dict[str, Any]) -> str:
    return f"{lead}\n\n```json\n{_wrapped(document, 0)}\n```\n"


def _wrapped(value: Any, indent: int, before: int = 0) -> str:
    """JSON that fits the page: on one line where it can be, else as many fields a line as go."""
    flat = json.dumps(value, ensure_ascii=False)
    if isinstance(value, list) and len(value) == 1:
        return f"[{_wrapped(value[0], indent, before + 1)}]"
    if len(flat) + indent + before <= _COLUMNS or not isinstance(value, dict):
        return flat
    lines, room = [""], _COLUMNS - indent - before - 2
    for key, part in value.items():
        name = f"{json.dumps(key)}: "
        text = name + _wrapped(part, indent + 1, len(name))
        if lines[-1] and ("\n" in lines[-1] + text or len(lines[-1] + text) > room):
            lines, room = [*lines, ""], _COLUMNS - indent - 2
        lines[-1] += f", {text}" if lines[-1] else text
    return "{" + f",\n{' ' * (indent + 1)}".join(lines) + "}"


def _schemas() -> str:
    """One line for each message and each command's arguments; what is shared stands under `$defs`."""
    shown = [kind for kind in HEADINGS if issubclass(kind, messages.Message) and kind.__subclasses__() == []]
    kinds: list[type[Struct]] = [*shown, *dict.fromkeys(rule.arguments for rule in RULES.values() if rule.arguments)]
    _, components = msgspec.json.schema_components([*kinds, Request, Envelope, Address])
    rows = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(schema)}" for name, schema in sorted(components.items()))
    return f'As JSON Schema:\n\n```json\n{{"$defs": {{\n  {rows}}}}}\n```\n'


if __name__ == "__main__":
    try:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    except LookupError as problem:
        sys.exit(f"{problem.args[0]}")

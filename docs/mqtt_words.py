# ruff: noqa: INP001 - a script beside the pages it writes, not a package
"""Whether docs/mqtt_meanings.py tells of everything that the code has, and of nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_args

from msgspec import Struct
from msgspec.structs import fields

from docs import mqtt_meanings
from docs.configuration_page import PROJECT
from docs.mqtt_meanings import COMMANDS, FIELDS, Told
from edge.access.enrolment import Prompt
from edge.access.references import RefusalWord
from edge.camera import CameraState
from edge.mqtt import arguments, messages, signed
from edge.mqtt.authority import COMMANDS as RULES
from edge.mqtt.topics import Topics

_WORD = re.compile(r"[a-z]+(_[a-z]+)*")
# The device; the dashboard reads this contract and says nothing of its own.
_SOURCES: Final = {
    path.relative_to(PROJECT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted((PROJECT / "edge").rglob("*.py"))
    if "dashboard" not in path.parts
}
_CAMERA: Final = {f"camera_{state}" for state in get_args(CameraState)}


def omissions() -> list[str]:
    """What the table does not tell, and what it tells in vain, a sentence each; empty when all is well."""
    return [f"docs/mqtt_meanings.py: {problem}" for problem in (*_topics(), *_fields(), *_commands(), *_all_words())]


def unlike(name: str, told: Told, data: Mapping[str, Any]) -> list[str]:
    """How the `data` of an answer to the command `name` differs from what is told of it."""
    groups: dict[str, set[str]] = {"": set()}
    for key in told.answer or {}:
        parent, _, child = key.rpartition(".")
        groups.setdefault(parent, set()).add(child.removesuffix("[]"))
    found = [
        f"COMMANDS[{name!r}].answer does not tell of `{key}`, or tells of it in vain"
        for parent, children in groups.items()
        for one in _within(data, parent)
        for key in sorted(children ^ set(one))
    ]
    return list(dict.fromkeys(found))


def _within(data: Mapping[str, Any], path: str) -> Iterator[Mapping[str, Any]]:
    """What lies at `a`, `a.b` or `a[]` of `data`: all entries of a list, nothing where there is null."""
    step, _, rest = path.partition(".")
    if not step:
        yield data
        return
    value = data.get(step.removesuffix("[]"))
    for one in value or () if step.endswith("[]") else filter(None, [value]):
        yield from _within(one, rest)


def _topics() -> Iterator[str]:
    told = {topic.attribute.partition(" ")[0] for topic in mqtt_meanings.TOPICS}
    there = {name for name, value in vars(Topics).items() if isinstance(value, property)}
    yield from _missing("TOPICS", there - {"root", "events", "requests"} | {"event", "request", "response"}, told)


def _fields() -> Iterator[str]:
    kinds: list[type[Struct]] = [*_structs(messages), *_structs(arguments), signed.Envelope, signed.Address]
    for kind in kinds:
        inherited = {one.encode_name for base in kind.__bases__ if base in kinds for one in fields(base)}
        own = {one.encode_name for one in fields(kind)} - inherited
        yield from _missing(f"FIELDS[{kind.__name__}]", own, FIELDS.get(kind, {}))
        yield from _in_vain(f"FIELDS[{kind.__name__}]", own, FIELDS.get(kind, {}))
        if kind.__module__ == messages.__name__ and kind not in mqtt_meanings.HEADINGS:
            yield f"HEADINGS has no place for {kind.__name__}"


def _structs(module: Any) -> list[type[Struct]]:
    kinds = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Struct)]
    return [kind for kind in kinds if kind.__module__ == module.__name__]


def _commands() -> Iterator[str]:
    yield from _missing("COMMANDS", RULES, COMMANDS)
    yield from _in_vain("COMMANDS", RULES, COMMANDS)
    for name in RULES.keys() & COMMANDS.keys():
        told = COMMANDS[name]
        if RULES[name].arguments is None:
            continue
        if told.answer is None or told.ask is None:
            yield f"COMMANDS[{name!r}] needs `answer`, `ask` and `data`: what it answers, and an example"
        elif told.data is not None:
            yield from unlike(name, told, told.data)


def _all_words() -> Iterator[str]:
    codes = _given("MessageError", "EnrolmentError", "Refusal", "_error", "refused", "_refusal")
    reasons = _given("remote_event", "_open", "Decision") | _returned("edge/access/checks.py") | _assigned("reason")
    words = _given("system_event") | {word for word in _events() if word not in mqtt_meanings.DOOR_EVENTS} | _CAMERA
    yield from _told("CODES", codes, mqtt_meanings.CODES)
    yield from _told("REASONS", reasons - {"granted", "refused"}, mqtt_meanings.REASONS)
    yield from _told("SYSTEM_EVENTS", words - {"camera_starting"}, mqtt_meanings.SYSTEM_EVENTS)
    yield from _told("DOOR_EVENTS", _given("door_event"), mqtt_meanings.DOOR_EVENTS)
    yield from _told("PROBLEMS", _keys("edge/service/facts.py", "problems"), mqtt_meanings.PROBLEMS)
    yield from _told("PROMPTS", set(get_args(Prompt)), mqtt_meanings.PROMPTS)
    refusals = {word for words in get_args(RefusalWord) for word in get_args(words) or (words,)}
    yield from _told("REFUSALS", refusals - {"no_face"}, mqtt_meanings.REFUSALS)


def _told(table: str, there: Iterable[str], told: Iterable[str]) -> Iterator[str]:
    every = {one.value for tree in _SOURCES.values() for one in ast.walk(tree) if isinstance(one, ast.Constant)}
    yield from _missing(table, there, told)
    yield from _in_vain(table, every | _CAMERA | set(mqtt_meanings.DOOR_EVENTS) | {"quality:<word>"}, told)


def _missing(table: str, there: Iterable[str], told: Iterable[str]) -> Iterator[str]:
    return (
        f"{table} does not say what `{one}` means: add it, then run `make docs`" for one in sorted({*there} - {*told})
    )


def _in_vain(table: str, there: Iterable[Any], told: Iterable[str]) -> Iterator[str]:
    return (f"{table} tells of `{one}`, which is gone" for one in sorted({*told} - {*there}))


# -- words in the code: where a word is given as it stands, or by way of a variable of the same function -------------


def _given(*names: str) -> set[str]:
    """Words given to calls of these functions."""
    return {
        word
        for tree in _SOURCES.values()
        for scope in ast.walk(tree)
        if isinstance(scope, ast.FunctionDef)
        for call in ast.walk(scope)
        if isinstance(call, ast.Call) and _name(call.func) in names
        for argument in call.args
        for word in _words_of(argument, scope)
    }


def _words_of(given: ast.expr, scope: ast.FunctionDef, followed: frozenset[str] = frozenset()) -> set[str]:
    match given:
        case ast.Constant(value=str(word)) if _WORD.fullmatch(word):
            return {word}
        case ast.IfExp():
            return _words_of(given.body, scope, followed) | _words_of(given.orelse, scope, followed)
        case ast.Name(id=name) if name not in followed:
            values = _values(scope, name)
            return {word for value in values for word in _words_of(value, scope, followed | {name})}
    return set()


def _values(scope: ast.AST, name: str) -> Iterator[ast.expr]:
    """All that a variable is set to."""
    for one in (node for node in ast.walk(scope) if isinstance(node, ast.Assign)):
        for target in one.targets:
            match target, one.value:
                case ast.Tuple(elts=parts), ast.Tuple(elts=values):
                    yield from (value for part, value in zip(parts, values, strict=False) if _name(part) == name)
                case ast.expr(), ast.expr() if _name(target) == name:
                    yield one.value


def _returned(path: str) -> set[str]:
    """Words that the functions of a file return."""
    scopes = [scope for scope in ast.walk(_SOURCES[path]) if isinstance(scope, ast.FunctionDef)]
    returns = [(one.value, scope) for scope in scopes for one in ast.walk(scope) if isinstance(one, ast.Return)]
    return {word for value, scope in returns if value is not None for word in _words_of(value, scope)}


def _keys(path: str, function: str) -> set[str]:
    """Words that are keys of a dict in one function of a file."""
    scopes = [one for one in ast.walk(_SOURCES[path]) if isinstance(one, ast.FunctionDef) and one.name == function]
    keys = [key for scope in scopes for one in ast.walk(scope) if isinstance(one, ast.Dict) for key in one.keys]
    return {word for key in keys if key is not None for word in _words_of(key, scopes[0])}


def _assigned(key: str) -> set[str]:
    """Words that stand in a dict under `key`, or that a variable of that name has."""
    nodes = [one for tree in _SOURCES.values() for one in ast.walk(tree)]
    scopes = [one for one in nodes if isinstance(one, ast.FunctionDef)]
    entries = [pair for one in nodes if isinstance(one, ast.Dict) for pair in zip(one.keys, one.values, strict=True)]
    under = {value.value for name, value in entries if _is(name, key) and isinstance(value, ast.Constant)}
    found = under.union(*(_words_of(value, scope) for scope in scopes for value in _values(scope, key)))
    return {word for word in found if isinstance(word, str)}


def _is(node: ast.AST | None, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text


def _events() -> set[str]:
    """Words of events that are made without `system_event`."""
    keywords = [one for tree in _SOURCES.values() for one in ast.walk(tree) if isinstance(one, ast.keyword)]
    said = {one.value.value for one in keywords if one.arg == "event" and isinstance(one.value, ast.Constant)}
    return _assigned("event") | {word for word in said if isinstance(word, str)}


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""

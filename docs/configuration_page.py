# ruff: noqa: INP001 - a script beside the pages it writes, not a package
"""docs/configuration.md, made of config.yaml (meanings) and edge.settings (defaults, ranges) by `make docs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import msgspec.inspect as ms

from edge.config import GUARDED, LAX
from edge.settings import Settings, known_keys

PROJECT = Path(__file__).parents[1]
_LINE = re.compile(
    r"^(?P<indent> *)(?P<off># )?(?P<key>[a-z_]+):(?: +(?P<value>[^#]\S*|\[.*?\]))?(?: +# (?P<meaning>.+))?$"
)

_HEAD = """\
# Configuration

Everything is in one file, `config.yaml`. `limen` reads the one that `--config` names, else the one in the current
directory, else `/etc/limen/config.yaml`; `limen check-config` says what the door will do with it. A key that is left
out has its default. Unknown keys, wrong types and impossible values stop the start with exit code 78 and are all named.
Relative paths start from the directory of the file. *Only higher*, *only lower* and *not*: the setting protects the
door, and goes the other way only with `access.accept_lower_security: true`.

This page is made from `config.yaml` and `edge/settings.py` by `make docs`.
"""

_GUARDS = {
    key: {"at_least": "*only higher*", "at_most": "*only lower*"}[direction]
    for direction, keys in GUARDED.items()
    for key in keys
} | {key: f"*not* `{word}`" for key, word in LAX.items()}


class Line(NamedTuple):
    """A key of config.yaml; `shown`: it stands behind a `#`, as an example of its default."""

    key: str
    meaning: str
    shown: bool


def lines(text: str) -> Iterator[Line]:
    """Every key that stands in a configuration file, in its order, sections left out."""
    path: list[tuple[int, str]] = []
    for row in text.splitlines():
        found = _LINE.match(row)
        if not found:
            continue
        indent = len(found["indent"])
        path = [*(step for step in path if step[0] < indent), (indent, found["key"])]
        key = ".".join(name for _, name in path)
        if key in known_keys():
            yield Line(key, found["meaning"] or "", bool(found["off"]))


def uncommented(text: str) -> str:
    """The same file with the examples of defaults switched on."""
    shown = {line.key.split(".")[-1] for line in lines(text) if line.shown}
    return re.sub(r"^( *)# ([a-z_]+:)", lambda m: m[1] + m[2] if m[2][:-1] in shown else m[0], text, flags=re.MULTILINE)


def page() -> str:
    """The whole page."""
    defaults, types = known_keys(), dict(_types(ms.type_info(Settings), ""))
    rows, section = [_HEAD], ""
    for line in lines((PROJECT / "config.yaml").read_text(encoding="utf-8")):
        if line.key.rpartition(".")[0] != section:
            section = line.key.rpartition(".")[0]
            rows.append(f"\n## {section}\n\n| key | default | allowed | meaning |\n|---|---|---|---|\n")
        default = msgspec.json.encode(defaults[line.key]).decode()
        allowed = ", ".join(filter(None, [_allowed(types[line.key]), _GUARDS.get(line.key)]))
        rows.append(f"| `{line.key}` | `{default}` | {allowed} | {_plain(line.meaning)} |\n")
    return "".join(rows)


def _types(kind: ms.StructType, prefix: str) -> Iterator[tuple[str, ms.Type]]:
    for field in kind.fields:
        if isinstance(field.type, ms.StructType):
            yield from _types(field.type, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, field.type


def _plain(meaning: str) -> str:
    return meaning.replace("|", "\\|").replace("<", "&lt;")


def _allowed(kind: ms.Type) -> str:
    match kind:
        case ms.FloatType() | ms.IntType():
            low = f"more than {kind.gt:g}" if kind.gt is not None else f"{kind.ge:g}"
            return f"{low} to {kind.le:g}"
        case ms.LiteralType():
            return " or ".join(f"`{value}`" for value in kind.values)
        case ms.UnionType():
            return " or ".join(map(_allowed, kind.types))
        case ms.VarTupleType():
            return f"list of {_allowed(kind.item_type)}"
        case _:
            return {ms.BoolType: "`true` or `false`", ms.NoneType: "`null`"}.get(type(kind), "text")


if __name__ == "__main__":
    (PROJECT / "docs" / "configuration.md").write_text(page(), encoding="utf-8")

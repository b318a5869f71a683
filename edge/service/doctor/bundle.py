"""Everything found, in an archive to send to whoever helps: without faces, names, addresses, keys and passwords."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from edge import __version__
from edge.service.doctor.finding import Finding
from edge.settings import Settings
from edge.vision.cards import Card

_CHOICES: Final = (
    msgspec.inspect.BoolType,
    msgspec.inspect.IntType,
    msgspec.inspect.FloatType,
    msgspec.inspect.LiteralType,
    msgspec.inspect.NoneType,
)


def write_bundle(
    path: Path, findings: Iterable[Finding], settings: Settings, cards: Mapping[str, Card], status: Mapping[str, Any]
) -> None:
    """A .tar.gz, readable by its owner alone. Raises OSError.

    Only what is listed here goes in: no journal, no log, no text that a person chose.
    """
    documents = {
        "report.json": [_public(finding) for finding in findings],
        "settings.json": public_settings(settings),
        "models.json": {role: _card_facts(card) for role, card in cards.items()},
        "status.json": {key: value for key, value in status.items() if isinstance(value, int | float | bool)},
        "version.json": {"limen": __version__},
    }
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for name, document in documents.items():
            data = json.dumps(document, indent=2, ensure_ascii=False).encode()
            entry = tarfile.TarInfo(f"limen-doctor/{name}")
            entry.size, entry.mode = len(data), 0o600
            archive.addfile(entry, io.BytesIO(data))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(whole.getvalue())
    except OSError:
        path.unlink()  # a full disk: no half archive
        raise


def public_settings(settings: Settings) -> dict[str, Any]:
    """Every setting by its dotted key; of words that somebody chose only whether they differ from the default."""
    return dict(_told(settings, Settings(), ""))


def _told(chosen: Struct, default: Struct, prefix: str) -> Iterator[tuple[str, Any]]:
    for field in msgspec.structs.fields(chosen):
        value, usual = getattr(chosen, field.name), getattr(default, field.name)
        if isinstance(value, Struct):
            yield from _told(value, usual, f"{prefix}{field.name}.")
        elif _is_choice(msgspec.inspect.type_info(field.type)):
            yield f"{prefix}{field.name}", msgspec.to_builtins(value)
        elif prefix:
            yield f"{prefix}{field.name}", "default" if value == usual else "(changed)"


def _is_choice(kind: msgspec.inspect.Type) -> bool:
    """Whether a value of this type can only be a number or one of Limen's own words."""
    match kind:
        case msgspec.inspect.UnionType(types=kinds):
            return all(_is_choice(one) for one in kinds)
        case msgspec.inspect.VarTupleType(item_type=one):
            return _is_choice(one)
        case msgspec.inspect.Metadata(type=one):
            return _is_choice(one)
    return isinstance(kind, _CHOICES)


def _public(finding: Finding) -> dict[str, str]:
    return {"what": finding.what, "state": finding.state, "text": finding.text, "fix": finding.fix}


def _card_facts(card: Card) -> dict[str, Any]:
    return {"sha256": card.sha256, "space": card.space, "quantization": card.quantization}

"""Everything found, in an archive to send to whoever helps: without faces, names, addresses, keys and passwords."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from edge import __version__
from edge.service.doctor.finding import Finding
from edge.settings import Settings, known_keys, value_at
from edge.vision.cards import Card

# Settings that are somebody's own words, addresses or paths. The others are numbers and choices.
_PRIVATE: Final = (
    "door.id",
    "camera.source",
    "vision.models",
    "store.directory",
    "mqtt.broker",
    "mqtt.base",
    "mqtt.username",
    "mqtt.password_file",
    "mqtt.ca_file",
    "mqtt.client_certificate",
    "mqtt.client_key",
    "home_assistant.prefix",
)


def write_bundle(
    path: Path, findings: Iterable[Finding], settings: Settings, cards: Mapping[str, Card], status: Mapping[str, Any]
) -> None:
    """A .tar.gz, readable by its owner alone. Raises OSError.

    Only what is listed here goes in: no journal, no log, no text that a person chose.
    """
    documents = {
        "report.json": [_without_words(finding, settings) for finding in findings],
        "settings.json": public_settings(settings),
        "models.json": {role: _card_facts(card) for role, card in cards.items()},
        "status.json": {key: value for key, value in status.items() if isinstance(value, int | float | bool)},
        "version.json": {"limen": __version__},
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, document in documents.items():
            data = json.dumps(document, indent=2, ensure_ascii=False).encode()
            entry = tarfile.TarInfo(f"limen-doctor/{name}")
            entry.size, entry.mode = len(data), 0o600
            archive.addfile(entry, io.BytesIO(data))


def public_settings(settings: Settings) -> dict[str, Any]:
    """Every setting by its dotted key; of private ones only whether they differ from the default."""
    told = {}
    for key, default in known_keys().items():
        value = value_at(settings, key)
        told[key] = (
            msgspec.to_builtins(value) if key not in _PRIVATE else "default" if value == default else "(changed)"
        )
    return told


def _without_words(finding: Finding, settings: Settings) -> dict[str, str]:
    """A finding with somebody's own words taken out of its sentences."""
    words = sorted({str(value_at(settings, key)) for key in _PRIVATE} - {""}, key=len, reverse=True)
    changed = [word for word in words if word not in {str(default) for default in known_keys().values()}]
    told = {"what": finding.what, "state": finding.state, "text": finding.text, "fix": finding.fix}
    for word in (str(settings.state), str(settings.models), *changed):
        told = {name: text.replace(word, "(private)") for name, text in told.items()}
    return told


def _card_facts(card: Card) -> dict[str, Any]:
    return {"name": card.name, "sha256": card.sha256, "space": card.space, "quantization": card.quantization}

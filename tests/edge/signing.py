"""Keys and signed envelopes for tests that need no door."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.mqtt.commands import Context
from edge.mqtt.keys import Key, Keyring, Right, Signer, new_signer
from tests.edge.test_mqtt_commands import CONTEXT

CHALLENGE = "0123456789abcdef" * 2
UNLOCK = {"v": 1, "door": "front", "command": "unlock", "transaction": "t-1", "challenge": CHALLENGE}


def a_key(directory: Path, *rights: Right, name: str = "phone") -> tuple[Signer, Key]:
    signer, public = new_signer(directory / f"{name}.key")
    text = base64.b64encode(public).decode()
    return signer, Key(id=signer.id, name=name, rights=rights, public=text, created="2026-11-22T08:00:00.000Z")


def context_with(*keys: Key) -> Context:
    return replace(CONTEXT, keyring=Keyring(keys))


def altered(envelope: bytes, **changes: Any) -> bytes:
    """Another envelope, with the same signature where that is not what changes."""
    return json.dumps(json.loads(envelope) | changes).encode()

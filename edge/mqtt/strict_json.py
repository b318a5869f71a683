"""Bytes -> a JSON object, or not at all: what strangers send is read more strictly than JSON libraries do."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from edge.errors import MessageError

MAX_DEPTH: Final = 8


def strict_object(payload: bytes) -> dict[str, Any]:
    """UTF-8 without BOM, finite numbers, no lone surrogates, each key once, an object, not deep. MessageError else."""
    try:
        text = payload.decode()
        if is_deeper(text, MAX_DEPTH):
            raise MessageError("malformed", f"nested deeper than {MAX_DEPTH}")
        document = msgspec.json.decode(text)
        # msgspec is the stricter reader but lets the last of two equal keys win.
        json.loads(text, object_pairs_hook=_each_key_once)
    except (ValueError, msgspec.MsgspecError) as error:
        raise MessageError("malformed", f"not strict JSON: {error}") from error
    if not isinstance(document, dict):
        raise MessageError("malformed", "the payload must be a JSON object")
    return document


def is_deeper(text: str, most: int) -> bool:
    """Whether brackets nest deeper than `most` outside strings; looked at before any parser recurses."""
    if text.count("[") + text.count("{") <= most:
        return False
    depth = 0
    quoted = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif quoted:
            escaped, quoted = character == "\\", character != '"'
        elif character == '"':
            quoted = True
        else:
            depth += (character in "[{") - (character in "]}")
            if depth > most:
                return True
    return False


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands twice")
    return document

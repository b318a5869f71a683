"""Whether what a real door says is what docs/mqtt.md tells of it."""

from __future__ import annotations

from typing import Any

from docs.mqtt_meanings import CODES, COMMANDS, DOOR_EVENTS, PROMPTS, REASONS, SYSTEM_EVENTS
from docs.mqtt_words import unlike
from edge.mqtt.messages import Progress, Response

_HINT = "add it to docs/mqtt_meanings.py, then run `make docs`"


def assert_told_answer(command: str, answer: Progress | Response) -> None:
    """Every prompt, error code and field of `data` has a meaning."""
    if isinstance(answer, Progress):
        assert answer.prompt in PROMPTS, _HINT
    elif answer.error is not None:
        assert answer.error.code in CODES, _HINT
    elif answer.status == "ok":
        assert unlike(command, COMMANDS[command], answer.data or {}) == [], _HINT


def assert_told_event(event: dict[str, Any]) -> None:
    """Its reason, or its word, has a meaning."""
    if "verdict" in event:
        reason = "quality:<word>" if event["reason"].startswith("quality:") else event["reason"]
        assert reason in REASONS, f"{reason}: {_HINT}"
    else:
        assert event["event"] in SYSTEM_EVENTS.keys() | DOOR_EVENTS.keys(), f"{event['event']}: {_HINT}"

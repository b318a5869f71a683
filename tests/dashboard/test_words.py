"""Whatever word a door may say, the page has a sentence for it that no machine made of the word."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from docs import mqtt_meanings
from edge.dashboard.hearing import Told
from edge.dashboard.story import sentence, tell
from edge.dashboard.told import PROBLEMS, PROMPTS
from edge.dashboard.why import view
from edge.mqtt.messages import AccessEvent, DoorEvent, SystemEvent
from edge.values import EventKind, QualityWord

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
STAMP: dict[str, Any] = {"ts": "2026-11-22T12:00:00.000Z", "ts_trusted": True, "boot_id": "b", "id": "e", "seq": 1}
GRANTS = {"verified", "remote", "pin"}
REFUSALS = [word for word in mqtt_meanings.REASONS if word not in GRANTS and "<" not in word]
QUALITY = [f"quality:{word}" for word in get_args(QualityWord)]


def why(kind: EventKind, event: AccessEvent | DoorEvent | SystemEvent) -> str:
    return tell(view(Told("front", kind, event, live=True, at=NOON, received_at=NOON), 1)).why


def title(kind: EventKind, event: AccessEvent | DoorEvent | SystemEvent) -> str:
    return tell(view(Told("front", kind, event, live=True, at=NOON, received_at=NOON), 1)).title


@pytest.mark.parametrize("word", [*REFUSALS, *QUALITY])
def test_every_refusal_is_explained(word: str) -> None:
    said = why("access", AccessEvent(**STAMP, visit="v", verdict="refused", reason=word))
    assert said.endswith(".")
    assert said.rstrip(".").lower() != sentence(word).lower()
    assert len(said.split()) >= 4


@pytest.mark.parametrize("word", mqtt_meanings.DOOR_EVENTS)
def test_every_event_of_the_door_is_told(word: str) -> None:
    assert title("door", DoorEvent(**STAMP, event=word)) != sentence(word)


@pytest.mark.parametrize("word", mqtt_meanings.SYSTEM_EVENTS)
def test_every_event_of_the_device_is_told(word: str) -> None:
    assert title("system", SystemEvent(**STAMP, event=word)) != sentence(word)


@pytest.mark.parametrize("word", mqtt_meanings.PROMPTS)
def test_every_prompt_of_an_enrolment_is_told(word: str) -> None:
    assert word in PROMPTS


@pytest.mark.parametrize("word", mqtt_meanings.PROBLEMS)
def test_every_problem_of_a_door_is_told(word: str) -> None:
    assert word in PROBLEMS

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


def test_somebody_kept_out_by_their_hours_is_told_which_they_are() -> None:
    hours = "Mon-Fri 08:00-18:00 Europe/Berlin; it was Sun 2026-11-22 13:00 CET"
    late = AccessEvent(**STAMP, visit="v", verdict="refused", reason="schedule", schedule=hours)
    assert why("access", late) == f"Recognised, but outside the hours they may come in: {hours}."


def test_a_lock_out_says_how_long_it_goes_on() -> None:
    kept_out = AccessEvent(**STAMP, visit="v", verdict="refused", reason="lockout", lockout_seconds=30.0)
    assert why("access", kept_out).endswith("It goes on for 30 s.")


def test_a_second_proof_is_told() -> None:
    shared: dict[str, Any] = {"visit": "v", "verdict": "granted", "reason": "verified", "votes": 9, "references": 10}
    assert why("access", AccessEvent(**STAMP, **shared, second_factor="pin")).endswith("The PIN was right, too.")


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

"""Rows become messages with as much of a person in them as the configuration says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import pytest

from edge.clock import SystemClock
from edge.mqtt.messages import (
    AccessEvent,
    DoorEvent,
    Info,
    Percentiles,
    Privacy,
    Progress,
    Response,
    Status,
    SystemEvent,
    decode,
    encode,
    event_message,
    stamp,
)

STAMP = stamp(SystemClock(), "boot-1")
GRANTED = {
    "visit": "v1",
    "verdict": "granted",
    "reason": "verified",
    "person_id": "ada",
    "person": "Ada Lovelace",
    "similarity": 0.71,
    "votes": 9,
    "references": 10,
    "runner_up": 0.2,
    "frames_seen": 4,
    "quality": {
        "size": 120.0,
        "sharpness": 90,
        "brightness": 100.0,
        "contrast": 40.0,
        "yaw": 0.0,
        "pitch": 0.1,
        "roll": 2.0,
        "refusal": None,
    },
}


@dataclass(frozen=True)
class Row:
    kind: Literal["access", "door", "system"]
    data: dict[str, Any]
    id: str = "e1"
    seq: int = 7
    ts: str = "2026-11-22T08:00:00.000Z"
    ts_trusted: bool = True
    boot_id: str = "boot-1"


@pytest.mark.parametrize(
    ("privacy", "name", "person_id"), [("full", "Ada Lovelace", "ada"), ("ids", None, "ada"), ("none", None, None)]
)
def test_a_grant_tells_who_as_far_as_privacy_allows(privacy: Privacy, name: str | None, person_id: str | None) -> None:
    message = event_message(Row("access", GRANTED), privacy, late=False)
    assert isinstance(message, AccessEvent)
    assert (message.person, message.person_id, message.nearest) == (name, person_id, None)
    assert (message.id, message.seq, message.late, message.votes) == ("e1", 7, False, 9)
    assert message.ts == "2026-11-22T08:00:00.000Z"


@pytest.mark.parametrize(
    ("privacy", "key"), [("full", "0123456789abcdef"), ("ids", "0123456789abcdef"), ("none", None)]
)
def test_who_opened_from_afar_is_an_id_and_hidden_like_one(privacy: Privacy, key: str | None) -> None:
    data = {"visit": "v2", "verdict": "granted", "reason": "remote", "key": "0123456789abcdef"}
    message = event_message(Row("access", data), privacy, late=False)
    assert isinstance(message, AccessEvent)
    assert (message.key, message.person, message.quality) == (key, None, None)


@pytest.mark.parametrize("verdict", ["granted", "refused"])
@pytest.mark.parametrize("privacy", ["ids", "none"])
def test_no_hidden_name_is_anywhere_in_the_bytes(privacy: Privacy, verdict: str) -> None:
    system = Row("system", {"event": "person_enrolled", "person": "Ada Lovelace", "person_id": "ada-id"})
    access = Row("access", GRANTED | {"verdict": verdict, "person_id": "ada-id"})
    payloads = b"".join(encode(event_message(row, privacy, late=True)) for row in (system, access))
    assert b"Ada" not in payloads
    assert (b"ada-id" in payloads) is (privacy == "ids")


def test_a_refusal_never_stands_under_the_name_of_a_resident() -> None:
    refused = GRANTED | {"verdict": "refused", "reason": "unknown"}
    message = event_message(Row("access", refused), "full", late=False)
    assert isinstance(message, AccessEvent)
    assert (message.person, message.person_id) == (None, None)
    assert (message.nearest, message.nearest_id) == ("Ada Lovelace", "ada")


def test_a_row_of_another_version_still_becomes_a_message_with_its_id() -> None:
    message = event_message(Row("access", {"verdict": "granted", "visit": 5}), "full", late=True)
    assert isinstance(message, SystemEvent)
    assert (message.event, message.id, message.seq, message.late) == ("unreadable_event", "e1", 7, True)


def test_fields_that_a_reader_does_not_know_are_ignored() -> None:
    message = event_message(Row("door", {"event": "doorbell", "tune": "westminster"}), "full", late=False)
    assert decode(DoorEvent, encode(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        event_message(Row("access", GRANTED), "full", late=True),
        Response(**STAMP, transaction="a", status="accepted"),
        Progress(**STAMP, transaction="a", prompt="come_closer", collected=2, wanted=10),
        Status(**STAMP, fps=14.9, latency_ms={"detect": Percentiles(p50=1.0, p95=2.0)}),
        Info(**STAMP, door="front", version="1", models={}, thresholds={}, capabilities=(), commands={}),
    ],
)
def test_every_message_survives_the_wire(message: msgspec.Struct) -> None:
    payload = encode(message)
    assert decode(type(message), payload) == message
    assert {"v", "ts", "ts_trusted", "boot_id"} <= set(msgspec.json.decode(payload))


def test_reading_is_strict() -> None:
    payload = encode(Progress(**STAMP, transaction="a", prompt="p", collected=2, wanted=10))
    for wrong in (payload.replace(b":2", b':"2"'), payload.replace(b'"v":1', b'"v":2'), payload[:-1], b"\xff"):
        with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
            decode(Progress, wrong)

# ruff: noqa: INP001 - a script beside the pages it writes, not a package
"""The examples of docs/mqtt.md, made of the message structs themselves: what cannot be encoded cannot be shown."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from docs.mqtt_meanings import COMMANDS
from edge.mqtt import messages
from edge.mqtt.authority import command_facts
from edge.mqtt.keys import Signer, key_id
from edge.mqtt.messages import AccessEvent, DoorEvent, Percentiles, Problem, Progress, Response, SystemEvent
from edge.service.facts import configuration
from edge.settings import Settings

STAMP: Final[dict[str, Any]] = {
    "ts": "2026-11-22T08:17:22.123Z",
    "ts_trusted": True,
    "boot_id": "6a1f0c3e-5b7d-4f6a-9c0e-2d8b4a7f1e35",
}
CHALLENGE: Final[str] = (COMMANDS["challenge"].data or {})["challenge"]

_private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"the key of the examples in docs/mqtt.md").digest())
PUBLIC: Final = _private.public_key().public_bytes_raw()
SIGNER: Final = Signer(key_id(PUBLIC), _private)

Example = tuple[str, Struct]  # the topic below <base>/<door>/, and what is published there

_RULE: Final[dict[str, Any]] = {
    "detection_threshold": 0.53,
    "verification_threshold": 0.5,
    "frames_needed": 3,
    "margin": 0.05,
}
_QUALITY: Final = messages.QualityFacts(
    size=141.0, sharpness=212.5, brightness=118.2, contrast=46.1, yaw=0.04, pitch=-0.06, roll=2.1, mouth=2.41, eyes=1.38
)


def _event(kind: type[messages.EventMessage], number: int, **more: Any) -> messages.EventMessage:
    number_as_id = hashlib.sha256(str(number).encode()).hexdigest()[:32]
    return kind(**STAMP, id=number_as_id, seq=number, **more)


GRANTED: Final[Example] = (
    "event/access",
    _event(
        AccessEvent,
        41,
        visit="0c9d7e6f5a4b3c2d1e0f9a8b7c6d5e4f",
        verdict="granted",
        reason="verified",
        person_id="ada-lovelace",
        person="Ada Lovelace",
        similarity=0.83,
        votes=9,
        references=10,
        **_RULE,
        frames=3,
        frames_seen=3,
        runner_up=0.11,
        best_similarity=0.84,
        quality=_QUALITY,
        visit_seconds=0.71,
        latency_ms=34.0,
    ),
)
REFUSED: Final[Example] = (
    "event/access",
    _event(
        AccessEvent,
        42,
        visit="1f2e3d4c5b6a79880716253443526170",
        verdict="refused",
        reason="unknown",
        nearest_id="ada-lovelace",
        nearest="Ada Lovelace",
        similarity=0.24,
        best_similarity=0.27,
        references=10,
        **_RULE,
        frames_seen=5,
        quality=_QUALITY,
        visit_seconds=3.02,
        latency_ms=33.1,
    ),
)
REMOTE: Final[Example] = (
    "event/access",
    _event(
        AccessEvent,
        43,
        visit="2a3b4c5d6e7f8091a2b3c4d5e6f70819",
        verdict="granted",
        reason="remote",
        key=SIGNER.id,
        latency_ms=4.2,
    ),
)
DOORBELL: Final[Example] = ("event/door", _event(DoorEvent, 44, event="doorbell"))
ENROLLED: Final[Example] = (
    "event/system",
    _event(SystemEvent, 45, event="person_enrolled", person_id="ada-lovelace", person="Ada Lovelace"),
)
LATE: Final[Example] = (
    "event/backfill",
    _event(SystemEvent, 46, event="camera_lost", detail="the camera usb:0 cannot be opened", late=True),
)

_SHOWN: Final = command_facts(("read", "enroll"))
INFO: Final[Example] = (
    "info",
    messages.Info(
        **STAMP,
        door="front",
        version="0.1.0",
        timezone="Europe/Berlin",
        models={
            "embedder": messages.ModelFacts(
                name="mobilefacenet",
                sha256=hashlib.sha256(b"mobilefacenet").hexdigest(),
                space="3d3d8c6e2ac0",
                quantization="float16",
                runtime="ai-edge-litert",
                score="cosine",
            )
        },
        thresholds={"detection_threshold": 0.53, "verification_threshold": 0.5, "margin": 0.05},
        capabilities=("access", "enrolment", "backfill"),
        commands={name: _SHOWN[name] for name in ("selftest", "person.delete")},
    ),
)
STATUS: Final[Example] = (
    "status",
    messages.Status(
        **STAMP,
        problems=("camera_frozen",),
        granted=12,
        refused=3,
        fps=14.9,
        frames_dropped=2,
        frame_age_seconds=0.043,
        latency_ms={"frame": Percentiles(p50=29.4, p95=41.0)},
        temperature_celsius=51.5,
        disk_free_bytes=24189255680,
        audit_head=f"46:{hashlib.sha256(b'head').hexdigest()}",
        uptime_seconds=86400.0,
    ),
)
REFUSAL: Final[Example] = (
    "response/enroll",
    Response(
        **STAMP,
        transaction="enroll-1",
        status="error",
        error=Problem(
            code="too_few_references",
            message="3 usable references, and it takes at least 5",
            retryable=True,
        ),
    ),
)


def request(command: str) -> dict[str, Any]:
    """What is published to ask `command`; of a signed command, what is signed."""
    told: dict[str, Any] = {"v": 1, "transaction": f"{command.replace('.', '-')}-1"}
    if command_facts(())[command].signed == "always":
        told |= {"door": "front", "command": command, "challenge": CHALLENGE}
    return told | (COMMANDS[command].ask or {})


def answer(command: str) -> Example:
    """The answer to `request(command)`."""
    data = configuration(Settings()) if command == "config.get" else COMMANDS[command].data
    transaction = request(command)["transaction"]
    return f"response/{command}", Response(**STAMP, transaction=transaction, status="ok", data=data)


def lock_set_answer(data: dict[str, Any]) -> Example:
    """What `lock/set` answers."""
    return "response/lock.set", Response(**STAMP, transaction=None, status="ok", data=data)


def enrolment() -> Iterator[Example]:
    """What comes between `request("enroll")` and its answer."""
    transaction = request("enroll")["transaction"]
    data = {"person_id": "ada-lovelace", "wanted": 10, "seconds": 60.0}
    yield "response/enroll", Response(**STAMP, transaction=transaction, status="accepted", data=data)
    for prompt, collected in (("come_closer", 0), ("hold_still", 4)):
        told = Progress(**STAMP, transaction=transaction, prompt=prompt, collected=collected, wanted=10)
        yield "progress/enroll", told

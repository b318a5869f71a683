"""Every payload, one Struct each, both ways: `encode(message)` to bytes, `decode(kind, payload)` back, strictly typed.

Every message carries `v`, `ts`, `ts_trusted` and `boot_id`: build it with `Kind(**stamp(clock, boot), …)`. A reader
ignores fields it does not know; a field is never removed or given another meaning without another `v`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Protocol, TypeVar

import msgspec
from msgspec import Meta, Struct

from edge.clock import Clock, rfc3339
from edge.comparing import Score
from edge.mqtt.strict_json import is_deeper
from edge.values import EventKind, QualityWord, Verdict

VERSION: Final = 1
ONLINE: Final = b"online"
OFFLINE: Final = b"offline"
_MAX_DEPTH: Final = 32  # the commands' schemas in `info` are the deepest, 11

LockState = Literal["LOCKED", "UNLOCKED", "JAMMED"]
DoorState = Literal["open", "closed", "unknown"]
Privacy = Literal["full", "ids", "none"]
Transaction = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}(?![\s\S])")]
PersonId = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,64}(?![\s\S])")]

# What tells who somebody is, by the privacy level that still allows it.
_NAMES: Final = {"person", "nearest"}
_IDS: Final = {"person_id", "nearest_id", "key", "schedule"}


def stamp(clock: Clock, boot: str) -> dict[str, Any]:
    """The fields every message begins with. `boot` is `edge.clock.boot_id()`, read once."""
    return {"ts": rfc3339(clock.wall()), "ts_trusted": clock.trusted(), "boot_id": boot}


class Message(Struct, frozen=True, kw_only=True):
    v: Literal[1] = 1
    ts: str
    ts_trusted: bool
    boot_id: str


# -- events: journal first, publish second ---------------------------------------------------------------------------


class JournalMessage(Message, frozen=True, kw_only=True):
    """An event. `id` and `seq` are the journal's; `late` marks one that could not be sent when it happened."""

    id: str
    seq: int
    late: bool = False


class QualityFacts(Struct, frozen=True, kw_only=True):
    """The deciding picture; units as in `edge.values.Quality`."""

    size: float
    sharpness: float
    brightness: float
    contrast: float
    yaw: float
    pitch: float
    roll: float
    mouth: float | None = None
    eyes: float | None = None
    refusal: QualityWord | None = None


class AccessEvent(JournalMessage, frozen=True, kw_only=True):
    """One decided visit. `person` is set only when somebody was granted; a refusal names whom it resembled, `nearest`.

    Somebody let in from afar (`remote`, `pin`) shows no face: `key` signed, and `latency_ms` counts from the arrival.
    `similarity`, `votes` and `references` belong to whichever of the two is there; `best_similarity` is the highest of
    all good frames, to anybody. `schedule`: the terms that kept them out, and what time it was. `latency_ms` counts
    from the capture of the deciding frame.
    """

    visit: str
    verdict: Verdict
    reason: str
    person_id: str | None = None
    person: str | None = None
    nearest_id: str | None = None
    nearest: str | None = None
    key: str | None = None
    similarity: float | None = None
    votes: int = 0
    references: int = 0
    detection_threshold: float | None = None
    verification_threshold: float | None = None
    frames: int = 0
    frames_seen: int = 0
    frames_needed: int = 0
    runner_up: float | None = None
    margin: float | None = None
    best_similarity: float | None = None
    second_factor: Literal["pin", "confirmed", "missing"] | None = None
    schedule: str | None = None
    lockout_seconds: float | None = None
    quality: QualityFacts | None = None
    visit_seconds: float | None = None
    latency_ms: float | None = None


class DoorEvent(JournalMessage, frozen=True, kw_only=True):
    """`event`: forced_open, held_open, exit_button, doorbell, tamper."""

    event: str
    detail: str = ""


class SystemEvent(JournalMessage, frozen=True, kw_only=True):
    """Something about the device itself. `detail` is a sentence for people and holds no name; names have fields."""

    event: str
    detail: str = ""
    person_id: str | None = None
    person: str | None = None


EventMessage = AccessEvent | DoorEvent | SystemEvent
_KINDS: Final[dict[EventKind, type[EventMessage]]] = {"access": AccessEvent, "door": DoorEvent, "system": SystemEvent}


class JournalRow(Protocol):
    """What a message needs of a row of the journal. `data` holds JSON values, named as the fields above."""

    @property
    def id(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def ts(self) -> str: ...
    @property
    def ts_trusted(self) -> bool: ...
    @property
    def boot_id(self) -> str: ...
    @property
    def kind(self) -> EventKind: ...
    @property
    def data(self) -> dict[str, Any]: ...


def event_message(row: JournalRow, privacy: Privacy, *, late: bool) -> EventMessage:
    """A journal row as its message: the only place where one becomes the other, and where privacy is applied.

    A row that does not fit its message (written by another version) becomes a system event `unreadable_event` with
    the same id, so that it neither blocks the rows behind it nor disappears.
    """
    stamped: dict[str, Any] = {"ts": row.ts, "ts_trusted": row.ts_trusted, "boot_id": row.boot_id}
    stamped |= {"id": row.id, "seq": row.seq, "late": late}
    data = dict(row.data)
    if row.kind == "access" and data.get("verdict") != "granted":
        # Whoever reads only `person` must never take a refused stranger for the resident they resemble.
        data |= {"nearest": data.pop("person", None), "nearest_id": data.pop("person_id", None)}
    hidden = {"full": set[str](), "ids": _NAMES, "none": _NAMES | _IDS}[privacy]
    seen = {key: value for key, value in data.items() if key not in hidden}
    try:
        return msgspec.convert(seen | stamped, _KINDS[row.kind])
    except msgspec.ValidationError as error:
        return SystemEvent(**stamped, event="unreadable_event", detail=f"a row of kind {row.kind}: {error}"[:200])


# -- state, retained -------------------------------------------------------------------------------------------------


class ModelFacts(Struct, frozen=True, kw_only=True):
    name: str
    sha256: str
    space: str | None = None
    quantization: str
    runtime: str | None = None
    score: Score | None = None


class CommandFacts(Struct, frozen=True, kw_only=True):
    """What `info` tells about one command. `signed` "with_keys": once there is a key with this right.

    `arguments` is a JSON Schema; null while the command does not exist yet.
    """

    authority: str
    allowed: bool
    signed: Literal["never", "with_keys", "always"] = "never"
    arguments: dict[str, Any] | None = None


class Info(Message, frozen=True, kw_only=True):
    """What this door is. `models` by role; `commands` by name; `timezone`: of its clocks, empty where it cannot say."""

    door: str
    version: str
    models: dict[str, ModelFacts]
    thresholds: dict[str, float]
    capabilities: tuple[str, ...]
    commands: dict[str, CommandFacts]
    timezone: str = ""


class Percentiles(Struct, frozen=True, kw_only=True):
    """Milliseconds."""

    p50: float
    p95: float


class Status(Message, frozen=True, kw_only=True):
    """How this door is. What cannot be measured here is null.

    `granted` and `refused` count visits since the daemon started. `problems`: what to look after, a word each.
    """

    problems: tuple[str, ...] = ()
    granted: int = 0
    refused: int = 0
    fps: float | None = None
    frames_dropped: int = 0
    frame_age_seconds: float | None = None
    latency_ms: dict[str, Percentiles] = {}
    temperature_celsius: float | None = None
    throttled: bool | None = None
    disk_free_bytes: int | None = None
    outbox_backlog: int = 0
    commands_dropped: int = 0
    audit_head: str | None = None
    uptime_seconds: float = 0.0


# -- answers ---------------------------------------------------------------------------------------------------------


class Problem(Struct, frozen=True, kw_only=True):
    code: str
    message: str
    retryable: bool = False


class Response(Message, frozen=True, kw_only=True):
    """The answer to a command. `accepted` promises another one with the same `transaction`; the others are final.

    `transaction` is null when the request had none that could be read. `duplicate`: this answer was given before, and
    nothing was done again.
    """

    transaction: Transaction | None
    status: Literal["ok", "accepted", "error"]
    data: dict[str, Any] | None = None
    error: Problem | None = None
    duplicate: bool = False


class Progress(Message, frozen=True, kw_only=True):
    """How far a command is. `prompt` is one word for the person at the door."""

    transaction: Transaction
    prompt: str
    collected: int
    wanted: int


_Kind = TypeVar("_Kind")


def encode(message: Struct) -> bytes:
    return msgspec.json.encode(message)


def decode(kind: type[_Kind], payload: bytes | str) -> _Kind:
    """Read a payload. Raises msgspec.DecodeError naming the field, or UnicodeDecodeError, for anything else.

    What is nested too deeply is refused before anything recurses into it, here or where it is used.
    """
    if is_deeper(payload if isinstance(payload, str) else payload.decode(), _MAX_DEPTH):
        raise msgspec.DecodeError(f"nested deeper than {_MAX_DEPTH}")
    return msgspec.json.decode(payload, type=kind)

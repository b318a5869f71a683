"""What the server's parts and the pages say to each other. Who answers, and where: `services.py`.

Everything a door sent is text that somebody else wrote: `name`, `why`, `detail`, ids and words are shown as text only.
Moments are timezone-aware UTC datetimes. Latencies are milliseconds. Similarities are cosines in [-1, 1], or scores of
a network's own head in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from edge.mqtt.messages import DoorState, Info, LockState, Status
from edge.values import EventKind, Verdict

Role = Literal["viewer", "admin"]
Presence = Literal["online", "offline", "unknown"]
# late: could not be sent when it happened. skewed: the door's clock cannot be believed, `at` is when it arrived.
# wrong_door: it calls itself by another door's id. unstored: the archive could not keep it (yet).
Mark = Literal["late", "skewed", "wrong_door", "unstored"]


# -- doors -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DoorView:
    """One door, as far as its topics tell; what it never said is None.

    `unknown` presence: the way to the broker is interrupted, and everything else here is what was true before.
    `problems`: the door's own words, and those found here: `clock_skewed`, `wrong_id`, `silent` (online, but it has
    said nothing for half a minute). `latency_p50`, `latency_p95`: of all stages of a frame together.
    `clock_skew_seconds`: how far the door's clock is ahead. `gaps`: journal events known to be missing here.
    """

    id: str
    presence: Presence = "unknown"
    lock: LockState | None = None
    contact: DoorState | None = None
    camera: Presence = "unknown"
    last_seen: datetime | None = None
    problems: tuple[str, ...] = ()
    fps: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    temperature_celsius: float | None = None
    clock_skew_seconds: float | None = None
    gaps: int = 0
    status: Status | None = None
    info: Info | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """The dashboard's own health. `problem`: what stands between it and the broker, in words; empty when nothing does.

    `archive_problem` likewise for its database: events are then shown, but not kept. The counts are since the start:
    messages `dropped` in a flood, `malformed`, `oversized`, and of too many doors (`unheard`).
    """

    connected: bool = False
    problem: str = ""
    since: datetime | None = None
    archive_problem: str = ""
    dropped: int = 0
    malformed: int = 0
    oversized: int = 0
    unheard: int = 0


# -- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EventView:
    """One event with everything the page shows.

    `number` is the archive's own, rising as they arrive; 0 while it could not be stored. `word`: the reason of a visit,
    or the event's word. `why`: a sentence. `name` and `person_id`: who was let in, whom a refusal resembled
    (`resembled`), or whom a system event is about. `votes` of `references` were detections.
    """

    number: int
    door: str
    kind: EventKind
    id: str
    seq: int
    at: datetime
    received_at: datetime
    word: str
    why: str
    marks: tuple[Mark, ...] = ()
    verdict: Verdict | None = None
    name: str | None = None
    person_id: str | None = None
    resembled: bool = False
    key: str | None = None
    visit: str | None = None
    similarity: float | None = None
    runner_up: float | None = None
    votes: int = 0
    references: int = 0
    detection_threshold: float | None = None
    verification_threshold: float | None = None
    frames: int = 0
    frames_needed: int = 0
    visit_seconds: float | None = None
    latency_ms: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """Which events. `person`: an id, or part of a name. `until` itself is not included. `before`: a Page's `next`."""

    door: str | None = None
    kind: EventKind | None = None
    verdict: Verdict | None = None
    word: str | None = None
    person: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `next`: the cursor of older ones, None at the end. `total`: all that match, on every page."""

    events: tuple[EventView, ...]
    next: str | None
    total: int


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Somebody the archive has events of."""

    door: str
    person_id: str
    name: str | None


# -- statistics ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bucket:
    """Visits from `start` on, for as long as Statistics.bucket_seconds says. Empty ones are there, too."""

    start: datetime
    granted: int
    refused: int


@dataclass(frozen=True, slots=True)
class Similarities:
    """How alike one person's visits were to their references. `granted` and `refused` count visits per bin.

    Bin i reaches from Statistics.edges[i] to edges[i + 1]. A refusal counts for whom it resembled. `threshold`: the
    newest detection threshold that their visits met. `lowest` and `median` are of the granted ones; `near`: the share
    of those less than 0.05 above the threshold: who is close to being refused.
    """

    door: str
    person_id: str
    name: str | None
    granted: tuple[int, ...]
    refused: tuple[int, ...]
    threshold: float | None
    lowest: float | None
    median: float | None
    near: float


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds from the capture of the deciding picture to the decision; None without visits."""

    count: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Uptime:
    """Shares of the time asked about, in [0, 1]; the rest of 1 is unknown, for the dashboard was away itself."""

    door: str
    online: float
    offline: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """Over the events a Query picks (its cursor and limit do not count). `since` and `until` are what was looked at.

    `refusals` and `granted` are by reason, most frequent first.
    """

    since: datetime
    until: datetime
    bucket_seconds: int
    visits: tuple[Bucket, ...]
    granted: tuple[tuple[str, int], ...]
    refusals: tuple[tuple[str, int], ...]
    edges: tuple[float, ...]
    similarities: tuple[Similarities, ...]
    latency: Percentiles
    uptime: tuple[Uptime, ...]


# -- people who use the page -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Login:
    """An account."""

    name: str
    role: Role
    created_at: datetime
    last_login_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is logged in. `id` names it on pages and in the audit; it is no secret and opens nothing."""

    id: str
    login: str
    role: Role
    started_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What an operator did, or somebody tried. `outcome`: ok, or the word of what refused it."""

    number: int
    at: datetime
    login: str
    address: str
    action: str
    target: str
    outcome: str
    detail: str


# -- what operators do -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Job:
    """A command on its way. `running` until the door gave its last word; `ok` has `data`, `error` code and message.

    `prompt`, `collected` and `wanted` are the newest progress of an enrolment (`prompt` one word of docs/mqtt.md).
    Codes beyond the door's own: `no_answer`, `no_door`, `no_key`, `interrupted`.
    """

    id: str
    door: str
    command: str
    login: str
    started_at: datetime
    state: Literal["running", "ok", "error"] = "running"
    prompt: str | None = None
    collected: int = 0
    wanted: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None
    message: str | None = None


# -- live ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Missed:
    """A slow browser: so many updates were left out. Load the page again for all of them."""

    count: int


# One server-sent event each; its name is `door`, `event`, `connection`, `job` (only to its own login) or `missed`, its
# data the JSON of the value, with `told`: the same in words (`told.py`). A stream begins with `connection` and every
# `door`. An `event` carries its number as the stream's id: a browser that reconnects gets what came in between.
Update = DoorView | EventView | Connection | Job | Missed

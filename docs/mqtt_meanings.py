# ruff: noqa: INP001 - a script beside the pages it writes, not a package
"""What everything in the MQTT contract means: the one table behind the made parts of docs/mqtt.md.

Whoever adds a topic, field, command, answer, error code or word to the code adds its meaning here and runs `make docs`;
a test names what is missing, and what is told but gone. Types, ranges, defaults, rights and schemas come from the code.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from msgspec.structs import fields

from edge.mqtt import arguments, messages
from edge.mqtt.signed import Address, Envelope
from edge.settings import Settings


class Topic(NamedTuple):
    """`attribute` of `edge.mqtt.topics.Topics`, whether it is retained, and what it carries."""

    attribute: str
    retained: str
    payload: str


class Told(NamedTuple):
    """A command. `answer`: each field of its `data`, a field of a list's entries as `people[].name`.

    `ask` and `data` are the example: what is sent beside `v` and `transaction`, and what is answered. A command that
    this version does not have needs none of them yet.
    """

    meaning: str
    answer: dict[str, str] | None = None
    ask: dict[str, Any] | None = None
    data: dict[str, Any] | None = None


TOPICS: Final = (
    Topic("availability", "yes", "*plain* `online` or `offline`; the broker says `offline` when the door vanishes"),
    Topic("camera_availability", "yes", "*plain* `online` or `offline`"),
    Topic("info", "yes", "versions, models with their sha256, thresholds, and every command with its JSON Schema"),
    Topic(
        "lock_state",
        "yes",
        "*plain* `LOCKED`, `UNLOCKED` (a pulse is running) or `JAMMED` (the strike cannot confirm its level)",
    ),
    Topic("door_state", "yes", "*plain* `open`, `closed` or `unknown` (no door contact is read)"),
    Topic("status", "yes", "how the door is, every 10 s: [its fields](#status)"),
    Topic("event access", "no", "one for each decided visit"),
    Topic("event door", "no", "what happens at the door besides: [the words](#words-of-eventdoor)"),
    Topic("event system", "no", "what happens to the device: [the words](#words-of-eventsystem)"),
    Topic("backfill", "no", "events that were more than 10 s old when they could be sent, with `late: true`"),
    Topic("request <command>", "never", "what you send: [commands](#commands)"),
    Topic(
        "lock_set",
        "never",
        "*plain* `LOCK`, or `UNLOCK` with the PIN: [Home Assistant's lock](#unlocking-from-home-assistant)",
    ),
    Topic("response <command>", "no", "the answer, with your `transaction`"),
    Topic("progress <command>", "no", "how far an enrolment is"),
    Topic("discovery", "yes", "what Home Assistant needs to show the door: [home-assistant.md](home-assistant.md)"),
    Topic("birth", "read", "Home Assistant's `online`: the door announces itself again"),
)

# In the order of the page: each message, or part of one, with the heading over its fields.
HEADINGS: Final[dict[type, str]] = {
    messages.Message: "In every JSON message",
    messages.JournalMessage: "In every event",
    messages.AccessEvent: "event/access",
    messages.QualityFacts: "quality, of event/access",
    messages.DoorEvent: "event/door",
    messages.SystemEvent: "event/system",
    messages.Info: "info",
    messages.ModelFacts: "models, of info",
    messages.CommandFacts: "commands, of info",
    messages.Status: "status",
    messages.Percentiles: "latency_ms, of status",
    messages.Response: "response/…",
    messages.Problem: "error, of response/…",
    messages.Progress: "progress/…",
}

FIELDS: Final[dict[type, dict[str, str]]] = {
    messages.Message: {
        "v": "version of this contract; without another one no field is removed or given another meaning",
        "ts": "when: RFC 3339, UTC, milliseconds",
        "ts_trusted": "whether the door's clock could be believed then",
        "boot_id": "changes with every start of the door's machine",
    },
    messages.JournalMessage: {
        "id": "the same however often the event is sent: drop what you have seen",
        "seq": "rises by one with each event of this door; 0: it could not be journalled",
        "late": "it could not be sent when it happened, or was asked for again",
    },
    messages.AccessEvent: {
        "visit": "the visit: one face from appearing to leaving",
        "verdict": "whether the door was opened",
        "reason": "why: [the reasons](#reasons)",
        "person_id": "who was let in",
        "person": "their name; only of somebody who was let in",
        "nearest_id": "of a refusal: whom the face resembles most",
        "nearest": "their name: an explanation, not an identification",
        "key": "the id of the key that signed, for `remote`",
        "similarity": "of the best reference of that person: a cosine, larger is more alike",
        "votes": "how many of that person's references reached `detection_threshold`",
        "references": "how many that person has",
        "detection_threshold": "the similarity from which one reference counts",
        "verification_threshold": "the share of references that must count",
        "frames": "how many of the last frames verified that person",
        "frames_seen": "how many frames were looked at for that",
        "frames_needed": "how many must verify",
        "runner_up": "the similarity of the next most similar person",
        "quality": "the deciding picture, where there was one",
        "visit_seconds": "from the first sight of the face to the decision",
        "latency_ms": "from the capture of the deciding picture, or the arrival of the command, to this event",
    },
    messages.QualityFacts: {
        "size": "shorter side of the face, pixels",
        "sharpness": "variance of the Laplacian",
        "brightness": "mean, 0-255",
        "contrast": "standard deviation of the brightness",
        "yaw": "head turned left or right: offset of the nose in eye distances",
        "pitch": "head turned up or down, likewise",
        "roll": "head tilted, degrees",
        "refusal": "what was not good enough",
    },
    messages.DoorEvent: {
        "event": "[the word](#words-of-eventdoor)",
        "detail": "a sentence for people; names nobody",
    },
    messages.SystemEvent: {
        "event": "[the word](#words-of-eventsystem)",
        "detail": "a sentence for people; names nobody",
        "person_id": "who is meant, where somebody is",
        "person": "their name",
    },
    messages.Info: {
        "door": "its id",
        "version": "of Limen",
        "models": "by role: `embedder`, `landmarks`, and those of the detector",
        "thresholds": "the numbers of the rule in force",
        "capabilities": "what this version can do, in words",
        "commands": "every command by name",
    },
    messages.ModelFacts: {
        "name": "of the file",
        "sha256": "of the file",
        "space": "which embeddings can be compared with each other; of the embedder only",
        "quantization": "precision of the weights",
        "runtime": "what runs it",
    },
    messages.CommandFacts: {
        "authority": "what must stand in `mqtt.allow`",
        "allowed": "whether it does",
        "signed": "whether it needs a signature; `with_keys`: once any key was given the right",
        "arguments": "JSON Schema of its own fields; `null`: not in this version",
    },
    messages.Status: {
        "problems": "what somebody should look after, empty when all is well: [the words](#words-of-problems)",
        "granted": "visits since the daemon started",
        "refused": "visits since the daemon started",
        "fps": "pictures looked at, a second",
        "frames_dropped": "pictures that came while another was looked at",
        "frame_age_seconds": "since the newest picture was captured",
        "latency_ms": "by stage, over the last pictures",
        "temperature_celsius": "of the processor",
        "throttled": "`null` in this version",
        "disk_free_bytes": "where `store.directory` lies",
        "outbox_backlog": "events that wait to be sent",
        "commands_dropped": "messages that came faster than they could be taken",
        "audit_head": "`SEQ:HASH`: [the audit](#the-audit)",
        "uptime_seconds": "since the daemon started",
    },
    messages.Percentiles: {"p50": "median, milliseconds", "p95": "95th percentile, milliseconds"},
    messages.Response: {
        "transaction": "yours; `null` when none could be read",
        "status": "`accepted` promises another answer with the same `transaction`; the others are final",
        "data": "what the command says of it, [below](#each-command)",
        "error": "only with `status: error`",
        "duplicate": "this answer was given before, and nothing was done again",
    },
    messages.Problem: {
        "code": "[the codes](#error-codes)",
        "message": "a sentence for people",
        "retryable": "whether the same may work later",
    },
    messages.Progress: {
        "transaction": "of the command",
        "prompt": "[one word](#prompts) for the person at the door",
        "collected": "references so far",
        "wanted": "references it takes",
    },
    arguments.Request: {
        "v": "version of this contract",
        "transaction": "yours to choose, fresh for every command",
        "ts": "your clock, RFC 3339 with its zone; a command older than 30 s by it is refused",
    },
    arguments.NoArguments: {},
    arguments.EnrollArguments: {
        "name": "what the person is called",
        "person_id": "made from the name where it is left out",
        "references": "pictures to collect; `enrolment.references` where it is left out",
        "consent": "whether the person agreed",
        "minor": "whether the person is a child",
    },
    arguments.PersonArguments: {"person_id": "who"},
    arguments.QueryArguments: {
        "after_seq": "events after this `seq`, oldest first; the newest ones where it is left out",
        "limit": "at most so many",
    },
    arguments.ChallengeArguments: {"key": "the id of the key that will sign: nobody else can use the challenge then"},
    arguments.PinArguments: {"pin": "digits in quotes; `null` takes the PIN away"},
    Envelope: {
        "p": "the signed text: the command's fields, and those of the next table",
        "k": "the key's id",
        "s": "the Ed25519 signature over the UTF-8 bytes of `p`, base64",
    },
    Address: {
        "door": "which door it is for",
        "command": "which command it is",
        "challenge": "what that door answered to `challenge` moments ago",
    },
}

COMMANDS: Final[dict[str, Told]] = {
    "enroll": Told(
        "Opens a window in which the door collects references of whoever stands before it. First answered `accepted`,"
        " with `person_id`, `wanted` and `seconds`; `ok` or an error follows.",
        answer={
            "person_id": "whom the references belong to",
            "references": "how many are kept",
            "dropped": "how many did not look like the others",
            "worst_own": "the lowest similarity between the kept ones",
            "nearest": "the most similar other person, or `null`",
            "nearest.person_id": "who that is",
            "nearest.similarity": "how similar",
            "warnings": "sentences for the operator",
        },
        ask={"name": "Ada Lovelace", "references": 10, "consent": True},
        data={
            "person_id": "ada-lovelace",
            "references": 10,
            "dropped": 0,
            "worst_own": 0.71,
            "nearest": {"person_id": "bea-king", "similarity": 0.22},
            "warnings": [],
        },
    ),
    "enroll.cancel": Told("Closes the window; nothing is stored.", answer={}, ask={}, data={}),
    "person.list": Told(
        "Tells who is enrolled.",
        answer={
            "people": "everybody, in the order of their enrolment",
            "people[].person_id": "who",
            "people[].name": "`null` unless `mqtt.privacy: full`",
            "people[].references": "how many",
            "people[].enrolled_at": "RFC 3339",
            "people[].usable": "`false`: enrol them again, the references are damaged or of another model",
        },
        ask={},
        data={
            "people": [
                {
                    "person_id": "ada-lovelace",
                    "name": "Ada Lovelace",
                    "references": 10,
                    "enrolled_at": "2026-11-22T08:15:00.000Z",
                    "usable": True,
                }
            ]
        },
    ),
    "person.set": Told("Changes a person's name or terms."),
    "person.delete": Told(
        "Forgets a person. The journal knows them by a pseudonym from then on.",
        answer={"person_id": "who was forgotten"},
        ask={"person_id": "ada-lovelace"},
        data={"person_id": "ada-lovelace"},
    ),
    "reference.list": Told("Tells what references a person has."),
    "reference.delete": Told("Forgets one reference."),
    "gallery.audit": Told("Tells which people, or which references, are too much alike."),
    "lockout.reset": Told("Ends a lock-out."),
    "pin.set": Told(
        "Gives the door the PIN of [Home Assistant's lock](#unlocking-from-home-assistant), or takes it away.",
        answer={"set": "whether there is one now"},
        ask={"pin": "482913"},
        data={"set": True},
    ),
    "unlock": Told(
        "Opens for one pulse, at most 2 s after it arrived.",
        answer={"seconds": "length of the pulse"},
        ask={},
        data={"seconds": 5.0},
    ),
    "challenge": Told(
        "Gives what a [signed command](#signed-commands) must carry: good for one command, for so many seconds, and"
        " until the door restarts.",
        answer={"challenge": "32 hexadecimal digits", "seconds": "how long it is good"},
        ask={"key": "bb8d5c02bbecc1c8"},
        data={"challenge": "0123456789abcdef0123456789abcdef", "seconds": 30.0},
    ),
    "events.query": Told(
        "Sends journal events again, on `event/backfill`.",
        answer={"count": "how many will come", "last_seq": "`seq` of the last of them, `null` for none"},
        ask={"after_seq": 40, "limit": 100},
        data={"count": 2, "last_seq": 42},
    ),
    "selftest": Told(
        "Asks each room how it is.",
        answer={
            "problems": "as in `status`",
            "strike": "as on `lock/state`",
            "camera": "`starting`, `live`, `lost`, `stalled`, `frozen` or `ended`",
            "models": "sha256 by role",
            "runtime": "what runs them",
            "people": "how many are enrolled",
            "damaged": "ids of those who cannot be read",
            "disk_free_bytes": "where `store.directory` lies",
        },
        ask={},
        data={
            "problems": [],
            "strike": "LOCKED",
            "camera": "live",
            "models": {"embedder": "5f2c8b1d…"},
            "runtime": "ai-edge-litert 2.1.2",
            "people": 1,
            "damaged": [],
            "disk_free_bytes": 24189255680,
        },
    ),
    "config.get": Told(
        "Tells the settings in force, without secrets.",
        answer={one.name: f"[its keys](configuration.md#{one.name})" for one in fields(Settings) if one.name != "home"},
        ask={},
    ),
}

# What `lock/set` answers, on response/lock.set.
LOCK_SET: Final = Told("", answer={"seconds": "length of the pulse; 0 for `LOCK`"}, data={"seconds": 5.0})

CODES: Final = {
    "retained": "commands are never retained; such a message is dropped without an answer",
    "too_large": "more than 4096 bytes",
    "malformed": "the payload is not what this page describes; the message names the field",
    "bad_transaction": "`transaction` is missing or not usable",
    "unsupported_version": "`v` is not 1",
    "expired": "it came too late, your `ts` is too old, or the challenge is too old or none of this door's",
    "replayed": "the transaction was used with other content; the challenge was used, or was given to another key",
    "unknown_command": "there is no such command",
    "not_available": "not in this version",
    "not_allowed": "`mqtt.allow` does not contain what it needs, or the key does not have that right",
    "insecure_transport": "the door's own way to the broker is not good enough for this",
    "not_signed": "this needs a signature",
    "unknown_key": "the door has no such key",
    "revoked_key": "the door has this key no more",
    "bad_signature": "`s` is not the signature of that key over the exact text of `p`",
    "wrong_door": "it was signed for another door",
    "wrong_command": "it was signed for another command",
    "interrupted": "the door was stopped while it obeyed: see what came of it before you ask again",
    "strike_fault": "the strike did not open, or cannot confirm it",
    "bad_pin": "a PIN that anybody would try first, such as 123456",
    "wrong_pin": "on `lock/set`: it is not the PIN",
    "pin_needed": "on `lock/set`: there was none",
    "no_pin": "on `lock/set`: the door has none",
    "locked_out": "on `lock/set`: too many wrong PINs; this one was not looked at",
    "busy": "something of the kind is running; try again later",
    "bad_name": "not usable as a name",
    "person_exists": "the id is taken",
    "already_enrolled": "the face is enrolled under another id",
    "no_such_person": "nobody has this id",
    "no_face": "nobody looked into the camera; nothing was stored",
    "too_few_references": "the enrolment collected too few usable pictures; nothing was stored",
    "two_people": "the pictures show two people; nothing was stored",
    "cancelled": "by `enroll.cancel`; nothing was stored",
    "no_enrolment": "there is nothing to cancel",
    "store_fault": "it could not be stored, or the keys cannot be read",
}

REASONS: Final = {
    "verified": "granted",
    "remote": "granted, by a signed `unlock`; `key` says whose",
    "pin": "granted, by the PIN",
    "wrong_pin": "an `UNLOCK` with a wrong PIN",
    "unknown": "too few references of anybody were similar enough",
    "ambiguous": "two people came too close to each other",
    "unstable": "verified, but not in enough frames",
    "dwell": "left before `access.dwell_seconds` were over",
    "several_faces": "`access.faces: refuse`, and there was more than one",
    "quality:<word>": "no good look: the word is `refusal` of [`quality`](#quality-of-eventaccess)",
    "nobody_enrolled": "there is nobody to compare with",
    "bad_embedding": "the embedding was not a finite unit vector of the gallery's model",
    "stale": "the picture was too old by the time of the decision",
    "store_fault": "it would have been granted, but could not be written to the journal (`seq` is 0)",
}

SYSTEM_EVENTS: Final = {
    "camera_live": "pictures come",
    "camera_lost": "the camera cannot be opened or read",
    "camera_stalled": "no picture for `camera.stall_seconds`; it is opened again",
    "camera_frozen": "the very same picture for `camera.frozen_seconds`",
    "camera_ended": "the file or folder has no more pictures",
    "vision_failed": "pictures cannot be looked at; the door stays locked",
    "vision_recovered": "they can again",
    "strike_jammed": "the strike cannot confirm its level",
    "strike_failed": "somebody was granted, but the strike did not open",
    "store_full": "the disk was full; its reserve was freed",
    "store_recovered": "it is not any more",
    "person_enrolled": "somebody was enrolled",
    "person_deleted": "somebody was forgotten; named by the pseudonym",
    "pin_set": "the door has a new PIN",
    "pin_removed": "the door has no PIN any more",
    "pin_locked_out": "too many wrong PINs",
    "journal_pruned": "events were deleted by age; `detail` says how many",
    "references_damaged": "stored references cannot be read: enrol this person again",
    "references_of_another_model": "they cannot be compared: enrol this person again",
    "broker_restarted": "the embedded broker had ended",
    "unreadable_event": "a row of the journal that this version cannot read",
}

DOOR_EVENTS: Final = {
    "doorbell": "somebody rang (nothing sends this yet)",
    "forced_open": "opened without a grant (nothing sends this yet)",
    "held_open": "open for too long (nothing sends this yet)",
    "exit_button": "somebody leaves (nothing sends this yet)",
    "tamper": "somebody opens the case (nothing sends this yet)",
}

PROBLEMS: Final = {
    "strike_jammed": "the strike cannot confirm its level",
    "camera_lost": "there is no picture to decide by",
    "camera_stalled": "there is no picture to decide by",
    "camera_frozen": "there is no picture to decide by",
    "camera_ended": "there is no picture to decide by",
    "references_damaged": "somebody must be enrolled again: `limen people` says who",
    "references_of_another_model": "somebody must be enrolled again: `limen people` says who",
}

PROMPTS: Final = {
    "look_at_camera": "there is no face to be seen",
    "come_closer": "the face is too small",
    "hold_still": "the picture is blurred",
    "face_the_camera": "the head is turned",
    "too_dark": "more light",
    "too_bright": "less light",
    "one_person_only": "more than one face",
    "done": "that is all",
}

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
    Topic("door_state", "yes", "*plain* `open`, `closed` or `unknown` (no contact is wired, or it cannot be read)"),
    Topic("status", "yes", "how the door is, every 10 s: [its fields](#status)"),
    Topic("event access", "no", "one for each decided visit"),
    Topic("event door", "no", "what happens at the door besides: [the words](#words-of-eventdoor)"),
    Topic("event system", "no", "what happens to the device: [the words](#words-of-eventsystem)"),
    Topic("backfill", "no", "events that were more than 10 s old when they could be sent, with `late: true`"),
    Topic("image", "no", "*plain* JPEG, only with `mqtt.image: true`: [pictures](#pictures)"),
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
        "similarity": "of the best reference of that person, larger is more alike: a cosine, or the score of the "
        "network's own head, 0 to 1 ([which](models.md#siamese-models))",
        "votes": "how many of that person's references reached `detection_threshold`",
        "references": "how many that person has",
        "detection_threshold": "the similarity from which one reference counts",
        "verification_threshold": "the share of references that must count",
        "frames": "how many of the last frames verified that person",
        "frames_seen": "how many frames were looked at for that",
        "frames_needed": "how many must verify",
        "runner_up": "the similarity of the next most similar person",
        "margin": "by how much `similarity` must exceed `runner_up`",
        "best_similarity": "the highest similarity to anybody in the good pictures of this visit",
        "second_factor": "what was given besides the face, or `missing`; `null` where nothing was asked for",
        "schedule": "what that person's dates and hours are and what time it was, where they kept them out",
        "lockout_seconds": "for how long no face would be let in, where there is a lock-out",
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
        "mouth": "how clearly it stands out of the face; little where it is covered",
        "eyes": "likewise",
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
        "timezone": "the time zone of the door's clocks, an IANA name; empty: it cannot say",
        "commands": "every command by name",
    },
    messages.ModelFacts: {
        "name": "of the file",
        "sha256": "of the file",
        "space": "which embeddings can be compared with each other; of the embedder only",
        "quantization": "precision of the weights",
        "runtime": "what runs it",
        "score": "what `similarity` is: the `cosine` of two embeddings, or what the network's own `head` says; of the "
        "embedder only",
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
    arguments.HoursArguments: {
        "days": "the days on which it begins",
        "start": "`HH:MM`",
        "end": "`HH:MM`, not included; at or before `start`: on the next day",
    },
    arguments.ScheduleArguments: {
        "timezone": "whose clocks count, an IANA name such as `Europe/Berlin`; left out: the door's",
        "hours": "spans of the week; within any of them the person may come in",
    },
    arguments.PersonSetArguments: {
        "person_id": "who",
        "name": "what the person is called",
        "valid_from": "before it the person is refused; RFC 3339, and without an offset by the door's own clocks",
        "valid_until": "from then on the person is refused, which is how a guest expires; like `valid_from`",
        "schedule": "when the person may come in; `null`: always",
        "second_factor": "`automatic`: if somebody else's face is too close; `never` overrides that, but for no child",
    },
    arguments.ReferenceArguments: {
        "person_id": "whose",
        "number": "as `reference.list` counts; those behind it move up",
    },
    arguments.QueryArguments: {
        "after_seq": "events after this `seq`, oldest first; the newest ones where it is left out",
        "limit": "at most so many",
    },
    arguments.ChallengeArguments: {"key": "the id of the key that will sign: nobody else can use the challenge then"},
    arguments.PinArguments: {
        "pin": "digits in quotes; `null` takes the PIN away",
        "person_id": "whose it is; the door's where it is left out",
    },
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

_SECOND_FACTOR: Final = {
    "second_factor": "`needed` or `not_needed` besides the face",
    "because": "`minor`, `asked_for` or `looks_like_another`; `overridden` by `second_factor: never`, or `null`",
}
_PERSON: Final = {
    "person_id": "who",
    "name": "`null` unless `mqtt.privacy: full`",
    "references": "how many",
    "enrolled_at": "RFC 3339",
    "usable": "whether the door can know them",
    "state": "`ready`, or `re_enrol`: the references are of another model, so enrol them again",
    "consent": "what was said of their agreement, `null` where nothing was",
    "minor": "whether they are a child",
    "valid_from": "RFC 3339; `null`: no beginning",
    "valid_until": "RFC 3339; `null`: no end",
    "schedule": "as `person.set` carries it; `null`: always",
    "schedule.timezone": "whose clocks count",
    "schedule.hours": "spans of the week",
    "schedule.hours[].days": "the days on which it begins",
    "schedule.hours[].start": "`HH:MM`",
    "schedule.hours[].end": "`HH:MM`, not included",
    **_SECOND_FACTOR,
}
_SCHEDULE: Final = {
    "timezone": "Europe/Berlin",
    "hours": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "07:30", "end": "18:00"}],
}
_ADA: Final = {
    "person_id": "ada-lovelace",
    "name": "Ada Lovelace",
    "references": 10,
    "enrolled_at": "2026-11-22T08:15:00.000Z",
    "usable": True,
    "state": "ready",
    "consent": True,
    "minor": False,
    "valid_from": None,
    "valid_until": None,
    "schedule": None,
    "second_factor": "not_needed",
    "because": None,
}

# Settings that `config.get` does not tell: they are not the door's.
_OTHERS: Final = {"home", "dashboard"}

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
            "nearest.person_id": "who that is; `null` with `mqtt.privacy: none`",
            "nearest.similarity": "how similar",
            **_SECOND_FACTOR,
            "refusals": "how many pictures of a face could not be used, by [word](#words-of-refusals)",
            "warnings": "sentences for the operator; they name nobody",
        },
        ask={"name": "Ada Lovelace", "references": 10, "consent": True},
        data={
            "person_id": "ada-lovelace",
            "references": 10,
            "dropped": 0,
            "worst_own": 0.71,
            "nearest": {"person_id": "bea-king", "similarity": 0.22},
            "second_factor": "not_needed",
            "because": None,
            "refusals": {"turned": 4, "blurred": 2},
            "warnings": [],
        },
    ),
    "enroll.cancel": Told("Closes the window; nothing is stored.", answer={}, ask={}, data={}),
    "person.list": Told(
        "Tells who is enrolled.",
        answer={
            "people": "everybody, in the order of their enrolment",
            **{f"people[].{field}": meaning for field, meaning in _PERSON.items()},
            "damaged": "ids of people whose stored rows were altered or cannot be read: enrol them again",
        },
        ask={},
        data={"people": [_ADA], "damaged": []},
    ),
    "person.set": Told(
        "Changes a person's name, or when they may come in. What is left out stays as it is.",
        answer=_PERSON,
        ask={
            "person_id": "ada-lovelace",
            "valid_until": "2026-12-24T12:00:00+01:00",
            "schedule": _SCHEDULE,
        },
        data=_ADA
        | {
            "valid_until": "2026-12-24T11:00:00.000Z",
            "schedule": _SCHEDULE,
        },
    ),
    "person.delete": Told(
        "Forgets a person. The journal knows them by a pseudonym from then on.",
        answer={"person_id": "who was forgotten"},
        ask={"person_id": "ada-lovelace"},
        data={"person_id": "ada-lovelace"},
    ),
    "reference.list": Told(
        "Tells how a person's references stand among all others. No embedding is ever told.",
        answer={
            "person_id": "whose",
            "references": "each of them, in the order they were taken; `null` below: it cannot be compared",
            "references[].number": "from 1",
            "references[].space": "which model made it",
            "references[].median_own": "its median similarity to the person's other references",
            "references[].worst_own": "the lowest of those",
            "references[].nearest": "the most similar reference of anybody else, or `null`",
            "references[].nearest.person_id": "whose that is; `null` with `mqtt.privacy: none`",
            "references[].nearest.similarity": "how similar",
            "references[].recognised": "whether the others would tell this picture as this person",
        },
        ask={"person_id": "ada-lovelace"},
        data={
            "person_id": "ada-lovelace",
            "references": [
                {
                    "number": 1,
                    "space": "3d3d8c6e2ac0",
                    "median_own": 0.84,
                    "worst_own": 0.71,
                    "nearest": {"person_id": "bea-king", "similarity": 0.22},
                    "recognised": True,
                }
            ],
        },
    ),
    "reference.delete": Told(
        "Forgets one reference; never so many that fewer than 5 are left.",
        answer={"person_id": "whose", "references": "how many are left"},
        ask={"person_id": "ada-lovelace", "number": 3},
        data={"person_id": "ada-lovelace", "references": 9},
    ),
    "gallery.audit": Told(
        "Holds every reference against all others, as the door would: whom would their own references not let in, and"
        " who is too much alike?",
        answer={
            "detection_threshold": "the similarity from which one reference counts",
            "people": "everybody who can be compared",
            "people[].person_id": "who",
            "people[].references": "how many",
            "people[].recognised": "how many of them the others would tell as this person",
            "people[].not_recognised": "the numbers of those they would not: candidates for `reference.delete`",
            "near_misses": "references nearly or quite as similar to somebody else as one reference must be to count,"
            " the closest first, at most 50",
            "near_misses[].person_id": "whose reference it is",
            "near_misses[].number": "which",
            "near_misses[].nearest": "whom it is so much like",
            "near_misses[].nearest.person_id": "who that is; `null` with `mqtt.privacy: none`",
            "near_misses[].nearest.similarity": "how similar",
            "too_close": "everybody with such a reference",
            "too_close[].person_id": "who",
            "too_close[].nearest": "whom they are so much like",
            "too_close[].nearest.person_id": "who that is; `null` with `mqtt.privacy: none`",
            "too_close[].nearest.similarity": "how similar",
            "of_another_model": "ids of those who must be enrolled again",
            "damaged": "ids of those who cannot be read",
        },
        ask={},
        data={
            "detection_threshold": 0.53,
            "people": [
                {"person_id": "ada-lovelace", "references": 10, "recognised": 9, "not_recognised": [7]},
                {"person_id": "bea-king", "references": 10, "recognised": 10, "not_recognised": []},
            ],
            "near_misses": [
                {"person_id": "ada-lovelace", "number": 7, "nearest": {"person_id": "bea-king", "similarity": 0.49}},
                {"person_id": "bea-king", "number": 2, "nearest": {"person_id": "ada-lovelace", "similarity": 0.49}},
            ],
            "too_close": [
                {"person_id": "ada-lovelace", "nearest": {"person_id": "bea-king", "similarity": 0.49}},
                {"person_id": "bea-king", "nearest": {"person_id": "ada-lovelace", "similarity": 0.49}},
            ],
            "of_another_model": [],
            "damaged": [],
        },
    ),
    "lockout.reset": Told(
        "Ends a [lock-out](#attempts-and-the-lock-out) and forgets the attempts before it.",
        answer={"was_locked_out": "whether there was one", "attempts": "how many there had been in a row"},
        ask={},
        data={"was_locked_out": True, "attempts": 6},
    ),
    "pin.set": Told(
        "Gives the door the PIN of [Home Assistant's lock](#unlocking-from-home-assistant), or a person their own as a"
        " [second factor](#a-second-factor), or takes it away.",
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
        answer={
            one.name: f"[its keys](configuration.md#{one.name})" for one in fields(Settings) if one.name not in _OTHERS
        },
        ask={},
    ),
}

# What `lock/set` answers, on response/lock.set.
LOCK_SET: Final = Told(
    "",
    answer={
        "seconds": "length of the pulse; 0 for `LOCK`, and for the PIN of a person",
        "second_factor": "it was the PIN of a person, and counts for their face",
    },
    ask={"action": "UNLOCK", "code": "482913"},
    data={"seconds": 5.0, "second_factor": False},
)

CODES: Final = {
    "retained": "commands are never retained; such a message is dropped without an answer",
    "too_large": "more than 4096 bytes",
    "malformed": "the payload is not what this page describes; the message names the field",
    "bad_transaction": "`transaction` is missing or not usable",
    "unsupported_version": "`v` is not 1",
    "expired": "it came too late, your `ts` is too old, or the challenge is too old or not this key's",
    "replayed": "the transaction was used with other content; the challenge was used",
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
    "bad_pin": "a PIN that anybody would try first, such as 123456, or that is in use at this door",
    "wrong_pin": "on `lock/set`: it is not the PIN",
    "pin_needed": "on `lock/set`: there was none",
    "no_pin": "on `lock/set`: neither the door nor anybody has one",
    "locked_out": "on `lock/set`: too many wrong PINs; this one was not looked at",
    "busy": "something of the kind is running; try again later",
    "bad_name": "not usable as a name",
    "person_exists": "the id is taken",
    "already_enrolled": "the face is enrolled under another id",
    "no_such_person": "nobody has this id",
    "no_such_reference": "the person has fewer references",
    "minor": "a child's face is never enough by itself",
    "no_face": "nobody looked into the camera; nothing was stored",
    "too_few_references": "fewer than 5 usable pictures, or fewer than 5 left; nothing was stored or deleted",
    "consent_needed": "`enrolment.require_consent` is set, and `consent` was not `true`",
    "not_confirmed": "nobody pressed the button inside; nothing was stored",
    "two_people": "the pictures show two people; nothing was stored",
    "cancelled": "by `enroll.cancel`; nothing was stored",
    "no_enrolment": "there is nothing to cancel",
    "store_fault": "it could not be stored, or the keys cannot be read; nothing was done",
}

REASONS: Final = {
    "verified": "granted",
    "remote": "granted, by a signed `unlock`; `key` says whose",
    "pin": "granted, by the PIN",
    "wrong_pin": "an `UNLOCK` with a wrong PIN",
    "unknown": "too few references of anybody were similar enough",
    "ambiguous": "two people came too close to each other",
    "unstable": "verified, but not in enough frames",
    "not_yet_valid": "recognised, before the first day of that person; `schedule` says which",
    "expired": "recognised, after the last day of that person; `schedule` says which",
    "schedule": "recognised, outside that person's hours; `schedule` says which",
    "clock_untrusted": "recognised, but that person has dates or hours, and the clock is not set: `ts_trusted`",
    "lockout": "recognised, but after [attempts](#attempts-and-the-lock-out) no face is let in",
    "second_factor": "recognised, but the [second factor](#a-second-factor) did not come in time",
    "swapped": "recognised, but somebody else took the place while the second factor, or the button, was awaited",
    "not_asked": "`access.trigger: button`: recognised, but nobody pressed it",
    "dwell": "left before `access.dwell_seconds` were over",
    "several_faces": "`access.faces: refuse`, and there was more than one",
    "quality:<word>": "no good look: the word is `refusal` of [`quality`](#quality-of-eventaccess)",
    "nobody_enrolled": "there is nobody to compare with",
    "bad_embedding": "the embedding was not a finite unit vector of the gallery's model",
    "stale": "the picture was too old by the time of the decision; or who was confirmed was not in sight any more",
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
    "person_changed": "`person.set`; `detail` names the fields",
    "reference_deleted": "one of somebody's references was forgotten",
    "person_deleted": "somebody was forgotten: on command, or long after their access ended; named by the pseudonym",
    "pin_set": "the door, or this person, has a new PIN",
    "pin_removed": "the door, or this person, has no PIN any more",
    "pin_locked_out": "too many wrong PINs",
    "second_factor_awaited": "this person's face is complete, and the door waits for their second factor",
    "second_factor_given": "this person's PIN was entered",
    "locked_out": "no face is let in: `detail` says why and for how long",
    "lockout_ended": "faces are let in again",
    "lockout_reset": "an administrator sent `lockout.reset`",
    "deletion_waits": "the clock was put days ahead: nothing is deleted for its age until it has said so for 20 hours",
    "journal_pruned": "events were deleted by age; `detail` says how many",
    "store_rollback": "the people are older than the journal, so nobody is let in: restore a backup, or enrol again",
    "person_restored": "somebody was put back from a backup",
    "references_damaged": "stored references cannot be read: enrol this person again",
    "references_of_another_model": "they cannot be compared: enrol this person again",
    "references_renewed": "made anew for another model, from the pictures that `store.keep_crops` kept",
    "broker_restarted": "the embedded broker had ended; another one works since some seconds",
    "clock_untrusted": "nobody has set the clock since the start: `ts` is a guess, who has dates or hours stays out",
    "clock_trusted": "it is known what time it is; `detail` says by how much the clock was moved",
    "clock_jumped": "the clock was moved while the door works; `detail` says by how much",
    "inputs_failed": "a contact or button cannot be read: which one, and why",
    "inputs_recovered": "all contacts and buttons can be read again",
    "unreadable_event": "a row of the journal that this version cannot read",
}

DOOR_EVENTS: Final = {
    "doorbell": "somebody rang",
    "forced_open": "the door was opened while nobody had been let in or out; by a key or the handle, or by force",
    "held_open": "open for `inputs.held_open_seconds`; again after every `inputs.held_open_reminder_seconds`",
    "exit_button": "somebody inside pressed it, and the strike was pulsed, or `strike_failed` says why not",
    "tamper": "the case was opened, or the wire to its switch was cut",
}

PROBLEMS: Final = {
    "strike_jammed": "the strike cannot confirm its level",
    "clock_untrusted": "the clock is not set: who has dates or hours stays out",
    "locked_out": "no face is let in, after [attempts](#attempts-and-the-lock-out): wait, or `lockout.reset`",
    "camera_lost": "there is no picture to decide by",
    "camera_stalled": "there is no picture to decide by",
    "camera_frozen": "there is no picture to decide by",
    "camera_ended": "there is no picture to decide by",
    "store_rollback": "the people in the store were exchanged for older ones: nobody is let in",
    "references_damaged": "somebody must be enrolled again: `limen people` says who",
    "references_of_another_model": "somebody must be enrolled again: `limen people` says who",
}

REFUSALS: Final = {
    "too_small": "the face was too far away",
    "blurred": "it was not sharp",
    "too_dark": "too little light",
    "too_bright": "too much light",
    "low_contrast": "light and shade hardly differed",
    "turned": "the head was turned too far",
    "covered_mouth": "by a mask or a hand",
    "covered_eyes": "by sunglasses or a hand",
    "not_a_face": "the landmarks said that it was none",
    "several_faces": "there was more than one face",
    "bad_embedding": "the model gave nothing that could be compared",
    "same_picture": "the same up to noise as one that was taken",
}

PROMPTS: Final = {
    "press_the_button": "somebody inside has to agree first: `enrolment.confirm`",
    "look_at_camera": "straight; also while there is no face to be seen",
    "come_closer": "the face is too small",
    "hold_still": "the picture is blurred",
    "face_the_camera": "the head is turned too far",
    "turn_left": "a little, to their own left; asked for, not demanded, as the next three",
    "turn_right": "a little, to their own right",
    "look_up": "a little",
    "look_down": "a little",
    "uncover_your_face": "mouth or eyes are covered",
    "too_dark": "more light",
    "too_bright": "less light",
    "one_person_only": "more than one face",
    "done": "that is all",
}

"""Doors, connections and commands as a person reads them, and what the live stream adds to each update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from edge.comparing import readable
from edge.dashboard.story import LONGEST_SENTENCE, full, sentence, shown, tell
from edge.dashboard.values import Connection, DoorView, EventView, Job, Missed, Update

_STATES: Final = {"LOCKED": "Locked", "UNLOCKED": "Unlocked", "JAMMED": "May not be locked"}

# The first of a door's problems that stands here is what its card says.
PROBLEMS: Final = {
    "strike_jammed": "The strike cannot confirm that it is locked. Look at the door.",
    "silent": "Connected, but it has said nothing for a while.",
    "camera_lost": "The camera is gone: nobody can be recognised.",
    "camera_stalled": "The camera gives no pictures: nobody can be recognised.",
    "camera_frozen": "The camera repeats one picture: nobody can be recognised.",
    "camera_ended": "The recording that stands in for a camera has ended.",
    "store_full": "The door's disk is full.",
    "store_rollback": "The door's people are older than its journal: somebody may have put an old copy back. It lets "
    "nobody in.",
    "locked_out": "No face is let in for a while: there were too many attempts.",
    "references_damaged": "Somebody's references cannot be read: they must be enrolled again.",
    "references_of_another_model": "Somebody was enrolled with another model, and must be enrolled again.",
    "clock_untrusted": "The door does not know the time: who may come in at certain times only stays out.",
    "clock_skewed": "The door's clock is wrong; its events are shown when they arrived.",
    "wrong_id": "Something calls itself by another door's name on this door's topics.",
}
_GRAVE: Final = frozenset(("strike_jammed", "silent", "wrong_id", "store_rollback"))

PROMPTS: Final = {
    "look_at_camera": "Look into the camera",
    "come_closer": "Come closer",
    "hold_still": "Hold still",
    "face_the_camera": "Turn your face to the camera",
    "turn_left": "Turn your head a little to the left",
    "turn_right": "Turn your head a little to the right",
    "look_up": "Look up a little",
    "look_down": "Look down a little",
    "too_dark": "It is too dark: more light on your face",
    "too_bright": "Too much light: step out of the glare",
    "one_person_only": "One person only, please",
    "uncover_your_face": "Uncover your face",
    "press_the_button": "Press the button inside, to agree",
    "done": "Done",
}

_HEADINGS: Final = {
    "enroll": "Enrolling",
    "enroll.cancel": "Stopping",
    "person.set": "Changing a person",
    "person.delete": "Deleting a person",
    "reference.delete": "Deleting a reference",
    "unlock": "Unlocking",
    "lockout.reset": "Ending the lock-out",
}
_DONE: Final = {
    "enroll": "Enrolled.",
    "enroll.cancel": "Stopped. Nothing was kept.",
    "person.set": "Changed.",
    "person.delete": "Deleted. The door knows this person no more.",
    "reference.delete": "The reference is deleted.",
    "unlock": "The door was unlocked for a moment.",
    "lockout.reset": "Faces are let in again.",
}


@dataclass(frozen=True, slots=True)
class DoorState:
    """A door in a word, a headline and, where something is wrong, a sentence (`tone`: no | mind | empty)."""

    word: str
    text: str
    note: str
    tone: str
    facts: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class JobState:
    """A command in words. `share`: how much of an enrolment is done, of 100; `links`: (where to, what it says)."""

    heading: str
    say: str
    hint: str
    count: str
    share: int
    warnings: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]


def door_state(door: DoorView) -> DoorState:
    """What its card shows."""
    if door.presence != "online":
        away = door.presence == "offline"
        note = (
            "It has lost its connection or its power. With power it goes on deciding by face, but nothing can be "
            "seen or done from here."
            if away
            else "What is shown here is what was last heard."
        )
        return DoorState("offline", "Not connected" if away else "Not known", note, "no", _door_facts(door))
    lock = door.lock or ""
    problems = (*(("strike_jammed",) if lock == "JAMMED" else ()), *door.problems)
    first = next((problem for problem in PROBLEMS if problem in problems), problems[0] if problems else "")
    note = PROBLEMS.get(first) or (f"{sentence(first)}." if first else "")
    if not note and door.camera == "offline":
        note = "The camera gives no pictures: nobody can be recognised."
    tone = ("no" if first in _GRAVE else "mind") if note else ""
    return DoorState(lock or "offline", _STATES.get(lock, "Not known yet"), note, tone, _door_facts(door))


def _door_facts(door: DoorView) -> tuple[tuple[str, str, str], ...]:
    """(slot, label, text); an empty text is not shown."""
    contact = {"open": "open", "closed": "closed"}.get(door.contact or "", "")
    camera = {"online": "gives pictures", "offline": "gives none"}.get(door.camera, "")
    heat = "" if door.temperature_celsius is None else f"{door.temperature_celsius:.0f} °C"
    return (
        ("contact", "Door leaf", contact),
        ("camera", "Camera", camera),
        ("fps", "Pictures", "" if door.fps is None else f"{door.fps:.1f} a second"),
        ("latency", "Looked at in", "" if door.latency_p50 is None else f"{door.latency_p50:.0f} ms"),
        ("temperature", "Device", heat),
        ("gaps", "Events still missing", str(door.gaps) if door.gaps else ""),
    )


def connection_said(connection: Connection) -> str:
    """What stands between the page and the doors; empty when nothing does."""
    if connection.connected:
        return ""
    why = f" ({shown(connection.problem, LONGEST_SENTENCE)})" if connection.problem else ""
    return f"No connection to the message broker{why}: what is shown was true before. It is being tried again."


def archive_said(connection: Connection) -> str:
    if not connection.archive_problem:
        return ""
    return f"Events are shown, but cannot be kept: {shown(connection.archive_problem, LONGEST_SENTENCE)}"


def job_state(job: Job) -> JobState:
    """What its page says, at every moment of it."""
    heading = f"{_HEADINGS.get(job.command, sentence(job.command))} at {shown(job.door)}"
    count = f"{job.collected} of {job.wanted}" if job.wanted else "0"
    share = round(100 * job.collected / job.wanted) if job.wanted else 0
    if job.state == "error":
        say, hint = "That did not work.", full(job.message or "") or f"{sentence(job.code or '')}."
        return JobState(heading, say, hint, count, share, (), (), _links(job))
    if job.state == "ok":
        say = _DONE.get(job.command, "Done.")
        warnings = tuple(shown(str(one), LONGEST_SENTENCE) for one in _listed(job.data, "warnings"))
        return JobState(heading, say, _finding(job), count, share, warnings, _job_facts(job.data), _links(job))
    say = "Waiting for the door" if job.prompt is None else PROMPTS.get(job.prompt) or sentence(job.prompt)
    hint = "Stand in front of the door's camera." if job.command == "enroll" else ""
    return JobState(heading, say, hint, count, share, (), (), ())


def _finding(job: Job) -> str:
    if job.command != "enroll":
        return ""
    return "The door knows this person from now on, and lets them in."


def _listed(data: Mapping[str, Any], name: str) -> list[Any]:
    value = data.get(name)
    return value if isinstance(value, list) else []


def _job_facts(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The separation report of an enrolment, as far as there is one."""
    nearest = data.get("nearest")
    facts: list[tuple[str, str]] = []
    if isinstance(data.get("references"), int):
        facts.append(("References", str(data["references"])))
    if data.get("dropped"):
        facts.append(("Left out", shown(str(data["dropped"]))))
    if isinstance(data.get("worst_own"), float):
        facts.append(("Least similar two of their own", readable(data["worst_own"])))
    if isinstance(nearest, dict) and isinstance(nearest.get("similarity"), float):
        who = shown(str(nearest.get("person_id")))
        facts.append(("Nearest other person", f"{who}, {readable(nearest['similarity'])}"))
    return tuple(facts)


def _links(job: Job) -> tuple[tuple[str, str], ...]:
    again = (("/people/enroll", "Enrol again" if job.state == "error" else "Enrol somebody else"),)
    if job.command in {"enroll", "enroll.cancel"}:
        return (*again, ("/people", "People")) if job.state == "error" else (("/people", "People"), *again)
    return (("/doors", "Doors"),) if job.command in {"unlock", "lockout.reset"} else (("/people", "People"),)


_TOLD: Final[dict[type, Callable[[Any], Any]]] = {
    EventView: lambda event: asdict(tell(event)),
    DoorView: lambda door: asdict(door_state(door)),
    Connection: lambda connection: {"broker": connection_said(connection), "archive": archive_said(connection)},
    Job: lambda job: asdict(job_state(job)),
    Missed: lambda missed: {"text": f"{missed.count} updates were left out: this browser is too slow for them."},
}


def told(update: Update) -> dict[str, Any]:
    """The words for an update of the live stream, so that scripts have only to put them in their places."""
    words: dict[str, Any] = _TOLD[type(update)](update)
    return words

"""Why it happened, in a sentence, and everything else that a page shows of one event."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from edge.comparing import readable
from edge.dashboard.hearing import Told
from edge.dashboard.values import EventView
from edge.mqtt.messages import AccessEvent, DoorEvent, EventMessage, SystemEvent

_QUALITY: Final = {
    "too_small": "the face was too far away",
    "blurred": "the picture was blurred",
    "too_dark": "it was too dark",
    "too_bright": "there was too much light",
    "low_contrast": "the picture had too little contrast",
    "turned": "the face was turned away",
    "not_a_face": "it was not certainly a face",
    "covered_mouth": "the mouth was covered",
    "covered_eyes": "the eyes were covered",
}
_REFUSED: Final = {
    "ambiguous": "Two people came too close to each other.",
    "unstable": "Recognised, but not in enough pictures.",
    "dwell": "Left before the door was sure that somebody wants to come in.",
    "several_faces": "There was more than one face.",
    "nobody_enrolled": "Nobody is enrolled at this door.",
    "bad_embedding": "The picture could not be compared: its numbers made no sense.",
    "stale": "The picture was too old by the time of the decision.",
    "store_fault": "It would have been let in, but the door could not write that down.",
    "wrong_pin": "The PIN was wrong.",
    "not_yet_valid": "Recognised, but before the first day they may come in.",
    "expired": "Recognised, but after the last day they may come in.",
    "schedule": "Recognised, but outside the hours they may come in.",
    "clock_untrusted": "Recognised, but they may come in at certain times only, and the door does not know the time.",
    "lockout": "Recognised, but after too many attempts no face is let in for a while.",
    "second_factor": "Recognised, but they need a second proof, and none came in time.",
    "swapped": "Recognised, but then somebody else took the place.",
    "not_asked": "Recognised, but nobody pressed the button.",
}
# Whose sentence ends with what the person's dates and hours are.
_TERMS: Final = ("not_yet_valid", "expired", "schedule", "clock_untrusted")
_DOOR: Final = {
    "forced_open": "The door was opened without being unlocked.",
    "held_open": "The door has stood open for too long.",
    "exit_button": "Somebody pressed the exit button.",
    "doorbell": "Somebody rang.",
    "tamper": "Somebody tampers with the device.",
}
_SYSTEM: Final = {
    "camera_lost": "The camera is gone.",
    "camera_stalled": "The camera gives no pictures.",
    "camera_frozen": "The camera gives the same picture again and again.",
    "camera_ended": "The recording that stands in for a camera has ended.",
    "camera_live": "The camera gives pictures.",
    "strike_jammed": "The strike cannot confirm that it is locked.",
    "strike_failed": "The strike did not open.",
    "store_full": "The disk of the door is full.",
    "store_recovered": "The disk of the door has room again.",
    "vision_failed": "Pictures cannot be looked at.",
    "vision_recovered": "Pictures can be looked at again.",
    "person_enrolled": "Somebody was enrolled.",
    "person_deleted": "Somebody was deleted.",
    "person_changed": "Somebody's name or terms were changed.",
    "person_restored": "Somebody was put back from a backup.",
    "reference_deleted": "Somebody has one reference less.",
    "references_renewed": "References were made anew for another model.",
    "second_factor_awaited": "The door waits for a second proof.",
    "second_factor_given": "A second proof was given.",
    "locked_out": "No face is let in for a while.",
    "lockout_ended": "Faces are let in again.",
    "lockout_reset": "An administrator ended the lock-out.",
    "store_rollback": "The door's people are older than its journal, so nobody is let in.",
    "clock_untrusted": "The door does not know the time: nobody has set its clock since it started.",
    "clock_trusted": "The door knows the time again.",
    "clock_jumped": "The door's clock was moved.",
    "inputs_failed": "A contact or a button cannot be read.",
    "inputs_recovered": "All contacts and buttons can be read again.",
    "unreadable_event": "An event that this door could not read any more.",
    "deletion_waits": "The door's clock was put far ahead: for now nothing is deleted for being old.",
    "journal_pruned": "Old events were deleted at the door.",
    "references_damaged": "Stored references cannot be read: this person must be enrolled again.",
    "references_of_another_model": "References are of another model: this person must be enrolled again.",
    "broker_restarted": "The door's own broker had ended and was started again.",
    "pin_set": "The PIN was changed.",
    "pin_removed": "The PIN was taken away.",
    "pin_locked_out": "Too many wrong PINs: none is looked at for a while.",
}


def view(told: Told, number: int) -> EventView:
    """The row of a page. `number` 0: not in the archive."""
    event = told.event
    row = EventView(
        number=number,
        door=told.door,
        kind=told.kind,
        id=event.id,
        seq=event.seq,
        at=told.at,
        received_at=told.received_at,
        marks=told.marks,
        word=event.reason if isinstance(event, AccessEvent) else event.event,
        why=_why(event),
    )
    if isinstance(event, AccessEvent):
        return _visit(row, event)
    if isinstance(event, SystemEvent):
        return replace(row, name=event.person, person_id=event.person_id, detail=event.detail)
    return replace(row, detail=event.detail)


def _visit(row: EventView, event: AccessEvent) -> EventView:
    granted = event.verdict == "granted"
    return replace(
        row,
        verdict=event.verdict,
        name=event.person if granted else event.nearest,
        person_id=event.person_id if granted else event.nearest_id,
        resembled=not granted and (event.nearest or event.nearest_id) is not None,
        key=event.key,
        visit=event.visit,
        similarity=event.similarity,
        runner_up=event.runner_up,
        votes=event.votes,
        references=event.references,
        detection_threshold=event.detection_threshold,
        verification_threshold=event.verification_threshold,
        frames=event.frames,
        frames_needed=event.frames_needed,
        visit_seconds=event.visit_seconds,
        latency_ms=event.latency_ms,
    )


def _why(event: EventMessage) -> str:
    """A word of a newer door is better than nothing."""
    if isinstance(event, AccessEvent):
        return _granted_why(event) if event.verdict == "granted" else _refused_why(event)
    known = _DOOR if isinstance(event, DoorEvent) else _SYSTEM
    return known.get(event.event) or f"{_plain(event.event)}."


def _granted_why(event: AccessEvent) -> str:
    if event.reason == "remote":
        return "Opened from afar, with a signed command."
    if event.reason == "pin":
        return "Opened with the PIN."
    if event.reason != "verified" or not event.references:
        return f"Let in: {_plain(event.reason, capital=False)}."
    second = {"pin": " The PIN was right, too.", "confirmed": " Somebody inside agreed."}.get(
        event.second_factor or "", ""
    )
    return f"{_votes(event)} were similar enough, in {event.frames} of the last {event.frames_seen} pictures.{second}"


def _refused_why(event: AccessEvent) -> str:
    reason, _, word = event.reason.partition(":")
    if reason == "quality":
        return f"No good look at the face: {_QUALITY.get(word, _plain(word, capital=False))}."
    if reason == "unknown":
        return _unknown_why(event)
    said = _REFUSED.get(reason) or f"{_plain(event.reason)}."
    if event.schedule and reason in _TERMS:
        return f"{said.removesuffix('.')}: {event.schedule}."
    if event.lockout_seconds and reason == "lockout":
        return f"{said} It goes on for {event.lockout_seconds:.0f} s."
    return said


def _unknown_why(event: AccessEvent) -> str:
    """Which of the two thresholds was missed, and by how much."""
    if event.similarity is None or event.detection_threshold is None or not event.references:
        return "Like nobody who is enrolled here."
    nearest = f"like {event.nearest}" if event.nearest else "like anybody"
    if event.votes == 0:
        return (
            f"Not enough {nearest}: similarity {readable(event.similarity)}, and at least "
            f"{readable(event.detection_threshold)} is needed."
        )
    share = event.verification_threshold or 0.0
    return f"Not enough {nearest}: {_votes(event)} were similar enough, and {share:.0%} are needed."


def _votes(event: AccessEvent) -> str:
    return f"{event.votes} of {event.references} references"


def _plain(word: str, *, capital: bool = True) -> str:
    text = word.replace("_", " ").replace(":", ": ")
    return text[:1].upper() + text[1:] if capital else text

"""What each word of the contract (docs/mqtt.md) means to the person who lives with the door."""

from __future__ import annotations

from typing import Final

# Why the door stayed locked.
REFUSALS: Final = {
    "ambiguous": "The face was about equally close to two people, so the door could not tell which of them it was.",
    "unstable": "Recognised now and then, but in too few pictures in a row to be sure.",
    "dwell": "Recognised, but gone again before the door had looked long enough.",
    "several_faces": "There was more than one face in front of the camera, and this door wants one at a time.",
    "nobody_enrolled": "Nobody is enrolled at this door yet, so there was nobody to compare with.",
    "bad_embedding": "The face could not be turned into numbers that can be trusted. Nothing was compared.",
    "stale": "The picture was too old by the time of the decision. The camera or the device is too slow.",
    "store_fault": "Would have been let in, but the door could not write it to its journal and stayed locked. Its disk "
    "may be full.",
    "wrong_pin": "Somebody sent a wrong PIN. No face was looked at.",
    "not_live": "The door was not convinced that this was a living face and not a picture of one.",
    "schedule": "Recognised, but outside the hours this person may come in.",
    "expired": "Recognised, but this person's access has ended or has not begun yet.",
    "lockout": "Faces are not looked at for a while: there were too many attempts that looked like somebody else.",
    "second_factor": "Recognised, but this person needs a second proof, and none came in time.",
    "clock_untrusted": "Recognised, but the door does not know the time well enough for this person's hours.",
    "quality:too_small": "Too far away: the face was too small to compare. Step closer.",
    "quality:blurred": "The face was blurred. Hold still for a moment, and see that the lens is clean.",
    "quality:too_dark": "It was too dark to see the face well enough.",
    "quality:too_bright": "It was too bright: the face was washed out by the light.",
    "quality:low_contrast": "The picture was too flat to see the face well: mist, a dirty lens, or hardly any light.",
    "quality:turned": "The face was turned away. Look into the camera.",
    "quality:not_a_face": "What the camera saw did not hold up as a face.",
    "quality:occluded": "Part of the face was covered.",
}

GRANTS: Final = {
    "verified": "Recognised.",
    "remote": "Opened from afar by a signed command. No face was looked at.",
    "pin": "Opened with the PIN. No face was looked at.",
}

UNNAMED: Final = {"remote": "Somebody with a key", "pin": "Somebody with the PIN"}
# The refusals of somebody who had been recognised: these may be told by name.
RECOGNISED: Final = frozenset(
    ("schedule", "expired", "second_factor", "dwell", "unstable", "store_fault", "clock_untrusted")
)

HAPPENINGS: Final = {
    "forced_open": "The door was opened without anybody being let in",
    "held_open": "The door has been open for too long",
    "exit_button": "Somebody left by the exit button",
    "doorbell": "Somebody rang the bell",
    "tamper": "Somebody tampered with the device",
    "camera_live": "The camera gives pictures again",
    "camera_lost": "The camera is gone: the door cannot see",
    "camera_stalled": "The camera stopped giving pictures: the door cannot see",
    "camera_frozen": "The camera repeats the same picture: the door cannot see",
    "camera_ended": "The camera's recording has ended: the door cannot see",
    "strike_jammed": "The strike cannot confirm that it is locked. Look at the door",
    "strike_failed": "The strike did not open when it should have",
    "store_full": "The door's disk is full",
    "store_recovered": "The door has room to write again",
    "vision_failed": "Looking at pictures failed; the door stays locked",
    "vision_recovered": "Looking at pictures works again",
    "person_enrolled": "Enrolled",
    "person_deleted": "Forgotten",
    "person_changed": "Changed",
    "journal_pruned": "Old events were removed from the door's journal",
    "references_damaged": "Stored references are damaged; somebody must be enrolled again",
    "references_of_another_model": "Somebody was enrolled with another model and must be enrolled again",
    "broker_restarted": "The door's message broker was restarted",
    "pin_set": "The PIN was changed",
    "pin_removed": "The PIN was taken away",
    "pin_locked_out": "Too many wrong PINs: none is looked at for a while",
    "clock_untrusted": "The door does not know what time it is",
    "unreadable_event": "An event that this version cannot read",
}
ALARMS: Final = frozenset(
    (
        "forced_open",
        "held_open",
        "tamper",
        "camera_lost",
        "camera_stalled",
        "camera_frozen",
        "camera_ended",
        "strike_jammed",
        "strike_failed",
        "store_full",
        "vision_failed",
        "references_damaged",
        "pin_locked_out",
        "clock_untrusted",
    )
)

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
    "uncover_face": "Uncover your face",
    "done": "Done",
}

"""An open window collects references from the door camera and tells the person what to do. A pure state machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from edge.access.gallery import Gallery
from edge.access.policy import Rule
from edge.access.references import (
    SAME_FRAME,
    SAME_PHOTOGRAPH,
    EnrolmentRequest,
    Outcome,
    conclude,
    refused,
    same_pixels,
)
from edge.settings import EnrolmentSettings
from edge.values import Embedding, Probe, QualityWord

__all__ = ["EnrolmentRequest", "Outcome", "Progress", "Window", "from_photographs", "start", "step"]

Prompt = Literal[
    "look_at_camera",
    "come_closer",
    "hold_still",
    "face_the_camera",
    "too_dark",
    "too_bright",
    "one_person_only",
    "done",
]

# Seconds: between two references, so that the ten of them see the head move a little (4.2 s at 15 fps, 5.4 s at
# 5 fps); for which a new prompt must hold before it is told; between two messages.
BETWEEN_REFERENCES: Final = 0.45
PROMPT_HOLDS: Final = 0.4
BETWEEN_MESSAGES: Final = 0.5

_PROMPTS: Final[dict[QualityWord, Prompt]] = {
    "too_small": "come_closer",
    "blurred": "hold_still",
    "turned": "face_the_camera",
    "too_dark": "too_dark",
    "low_contrast": "too_dark",
    "too_bright": "too_bright",
    "not_a_face": "look_at_camera",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """What the person should do now, and how many references there are."""

    transaction: str
    prompt: Prompt
    count: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Window:
    """An open enrolment. `taken` are the probes whose embeddings become references.

    `prompt` is what the person is told; `next_prompt` has been right since `next_since` and replaces it when it holds.
    """

    request: EnrolmentRequest
    closes_at: float
    require_variety: bool
    taken: tuple[Probe, ...] = ()
    taken_at: float = -math.inf
    face_seen: bool = False
    prompt: Prompt = "look_at_camera"
    next_prompt: Prompt = "look_at_camera"
    next_since: float = -math.inf
    told: Progress | None = None
    told_at: float = -math.inf


def start(request: EnrolmentRequest, now: float, settings: EnrolmentSettings) -> Window:
    """Open a window. There is one at a time; the caller sees to that."""
    return Window(request, now + settings.window_seconds, settings.require_variety)


def step(
    window: Window, probe: Probe | None, gallery: Gallery, rule: Rule, now: float
) -> tuple[Window | None, tuple[Progress | Outcome, ...]]:
    """One frame; with `probe` None only time passes. The window is None, and an Outcome last, when it has closed."""
    if probe is not None and now < window.closes_at:
        window = _look(window, probe, gallery, now)
    complete = len(window.taken) >= window.request.references
    if complete or not now < window.closes_at:
        outcome = _close(window, gallery, rule)
        return None, (outcome,) if outcome.person is None else (_progress(window, "done"), outcome)
    progress = _progress(window, window.prompt)
    if progress == window.told or now - window.told_at < BETWEEN_MESSAGES:
        return window, ()
    return replace(window, told=progress, told_at=now), (progress,)


def from_photographs(
    request: EnrolmentRequest, probes: Sequence[Probe], gallery: Gallery, rule: Rule, *, require_variety: bool = True
) -> Outcome:
    """Enrol from one probe per photograph, with the gate and the checks of the door camera.

    Photographs that fail the gate are left out with a warning; with `require_variety` also those that show the same
    pixels as an earlier one.
    """
    taken: list[Probe] = []
    left_out = []
    for number, probe in enumerate(probes, start=1):
        word = _fault(probe, gallery)
        if word is None and require_variety and same_pixels(probe.crop, [one.crop for one in taken], SAME_PHOTOGRAPH):
            left_out.append(f"photograph {number} was left out: the same picture as an earlier one")
        elif word is not None:
            left_out.append(f"photograph {number} was left out: {word}")
        elif len(taken) < request.references:
            taken.append(probe)
    if all(probe.face is None for probe in probes):
        outcome = refused(request, "no_face", "no face in any photograph")
    else:
        outcome = conclude(request, _references(taken), gallery, rule)
    return replace(outcome, warnings=(*left_out, *outcome.warnings))


def _fault(probe: Probe, gallery: Gallery) -> Prompt | None:
    """Why `probe` cannot be a reference, as what to do about it; None when it can."""
    if probe.face is None or probe.quality is None:
        return "look_at_camera"
    if probe.faces > 1:
        return "one_person_only"
    if probe.quality.refusal is not None:
        return _PROMPTS[probe.quality.refusal]
    return None if gallery.comparable(probe.embedding) else "look_at_camera"


def _look(window: Window, probe: Probe, gallery: Gallery, now: float) -> Window:
    """Take the probe if it is good and something new, and find what to tell the person."""
    word = _fault(probe, gallery)
    if word is None and now - window.taken_at >= BETWEEN_REFERENCES and not _seen_before(window, probe):
        window = replace(window, taken=(*window.taken, probe), taken_at=now)
    prompt = word or "look_at_camera"
    if prompt != window.next_prompt:
        window = replace(window, next_prompt=prompt, next_since=now)
    elif now - window.next_since >= PROMPT_HOLDS:
        window = replace(window, prompt=prompt)
    return replace(window, face_seen=window.face_seen or probe.face is not None)


def _seen_before(window: Window, probe: Probe) -> bool:
    return window.require_variety and same_pixels(probe.crop, [one.crop for one in window.taken], SAME_FRAME)


def _close(window: Window, gallery: Gallery, rule: Rule) -> Outcome:
    if not window.face_seen:
        return refused(window.request, "no_face", "nobody looked into the camera")
    return conclude(window.request, _references(window.taken), gallery, rule)


def _references(taken: Sequence[Probe]) -> list[Embedding]:
    return [probe.embedding for probe in taken if probe.embedding is not None]


def _progress(window: Window, prompt: Prompt) -> Progress:
    return Progress(window.request.transaction, prompt, len(window.taken), window.request.references)

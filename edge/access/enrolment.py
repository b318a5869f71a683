"""An open window collects references from the door camera and tells the person what to do. A pure state machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from edge.access.coverage import View, lacking, views, with_another
from edge.access.gallery import Gallery
from edge.access.policy import Rule
from edge.access.references import (
    SAME_FRAME,
    SAME_PHOTOGRAPH,
    EnrolmentRequest,
    Outcome,
    RefusalWord,
    conclude,
    counted,
    refused,
    same_pixels,
)
from edge.settings import EnrolmentSettings
from edge.values import Probe

__all__ = ["EnrolmentRequest", "Outcome", "Progress", "Window", "confirm", "from_photographs", "start", "step"]

Prompt = Literal[
    "press_the_button",
    "look_at_camera",
    "come_closer",
    "hold_still",
    "face_the_camera",
    "turn_left",
    "turn_right",
    "look_up",
    "look_down",
    "uncover_your_face",
    "too_dark",
    "too_bright",
    "one_person_only",
    "done",
]

# Seconds: between two references, so that the ten of them see the head move a little; for which a new prompt must hold
# before it is told; between two messages.
BETWEEN_REFERENCES: Final = 0.45
PROMPT_HOLDS: Final = 0.4
BETWEEN_MESSAGES: Final = 0.5

# Views are asked for, never demanded: each for so many seconds of good pictures, in the first half of the window, and
# no more after so many that did not come. Ten references of somebody who does not follow take about 7 s.
ASKS_FOR: Final = 2.5
IN_VAIN: Final = 2
_LONGEST_GAP: Final = 0.5  # between two good pictures, counted as time in which one could have turned the head

_PROMPTS: Final[Mapping[RefusalWord, Prompt]] = {
    "no_face": "look_at_camera",
    "not_a_face": "look_at_camera",
    "bad_embedding": "look_at_camera",
    "same_picture": "look_at_camera",
    "several_faces": "one_person_only",
    "too_small": "come_closer",
    "blurred": "hold_still",
    "turned": "face_the_camera",
    "too_dark": "too_dark",
    "low_contrast": "too_dark",
    "too_bright": "too_bright",
    "covered_eyes": "uncover_your_face",
    "covered_mouth": "uncover_your_face",
}
_WISHES: Final[Mapping[View, Prompt]] = {
    "straight": "look_at_camera",
    "left": "turn_left",
    "right": "turn_right",
    "up": "look_up",
    "down": "look_down",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """What the person should do now, and how many references there are."""

    transaction: str
    prompt: Prompt
    count: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Asking:
    """Which view is asked for, for how many seconds of good pictures so far, and which ones did not come."""

    view: View | None = None
    seconds: float = 0.0
    in_vain: tuple[View, ...] = ()
    good_at: float = -math.inf


@dataclass(frozen=True, slots=True)
class Window:
    """An open enrolment. `taken` are the probes whose embeddings become references.

    `refusals` counts by word the pictures of a face that could not be used. `prompt` is what the person is told;
    `next_prompt` has been right since `next_since` and replaces it when it holds.
    """

    request: EnrolmentRequest
    closes_at: float
    asks_until: float
    require_variety: bool
    confirmed: bool
    taken: tuple[Probe, ...] = ()
    taken_at: float = -math.inf
    face_seen: bool = False
    refusals: Mapping[RefusalWord, int] = field(default_factory=dict)
    asking: Asking = Asking()
    prompt: Prompt = "look_at_camera"
    next_prompt: Prompt = "look_at_camera"
    next_since: float = -math.inf
    told: Progress | None = None
    told_at: float = -math.inf


def start(request: EnrolmentRequest, now: float, settings: EnrolmentSettings) -> Window:
    """Open a window. There is one at a time; the caller sees to that.

    With `settings.confirm` "button" it looks at nobody before `confirm`, and closes at the same time all the same.
    """
    closes_at = now + settings.window_seconds
    window = Window(request, closes_at, closes_at, settings.require_variety, confirmed=False, prompt="press_the_button")
    return confirm(window, now) if settings.confirm == "none" else window


def confirm(window: Window, now: float) -> Window:
    """Somebody inside agrees: `window` looks from now on."""
    asks_until = now + (window.closes_at - now) / 2
    return replace(window, confirmed=True, asks_until=asks_until, prompt="look_at_camera", next_since=now)


def step(
    window: Window, probe: Probe | None, gallery: Gallery, rule: Rule, now: float
) -> tuple[Window | None, tuple[Progress | Outcome, ...]]:
    """One frame; with `probe` None only time passes. The window is None, and an Outcome last, when it has closed."""
    if probe is not None and window.confirmed and now < window.closes_at:
        window = _look(window, probe, gallery, rule, now)
    complete = len(window.taken) >= window.request.references and _wish(window, now) is None
    if complete or not now < window.closes_at:
        outcome = _close(window, gallery, rule)
        return None, (outcome,) if outcome.person is None else (_progress(window, "done"), outcome)
    progress = _progress(window, window.prompt)
    if progress == window.told or now - window.told_at < BETWEEN_MESSAGES:
        return window, ()
    return replace(window, told=progress, told_at=now), (progress,)


def from_photographs(
    request: EnrolmentRequest,
    photographs: Sequence[tuple[str, Probe]],
    gallery: Gallery,
    rule: Rule,
    *,
    require_variety: bool = True,
) -> Outcome:
    """Enrol from one probe per photograph, each with the photograph's name; the gate and the checks of the door camera.

    Photographs that fail the gate are left out with a warning; with `require_variety` also those that show the same
    pixels as an earlier one, and of the others those are taken that show the head from most sides.
    """
    taken: tuple[Probe, ...] = ()
    refusals: Mapping[RefusalWord, int] = {}
    left_out = []
    for name, probe in photographs:
        word = _fault(probe, gallery)
        if word is None and require_variety and same_pixels(probe.crop, [one.crop for one in taken], SAME_PHOTOGRAPH):
            word = "same_picture"
        if word is not None:
            refusals = counted(refusals, word)
            left_out.append(f"{name} was left out: {word}")
        elif require_variety or len(taken) < request.references:
            taken = with_another(taken, probe, request.references, rule.compare)
    if all(probe.face is None for _, probe in photographs):
        outcome = refused(request, "no_face", "no face in any photograph")
    else:
        outcome = _conclude(request, taken, refusals, gallery, rule)
    return replace(outcome, warnings=(*left_out, *outcome.warnings))


def _fault(probe: Probe, gallery: Gallery) -> RefusalWord | None:
    """Why `probe` cannot be a reference; None when it can."""
    if probe.face is None or probe.quality is None:
        return "no_face"
    if probe.faces > 1:
        return "several_faces"
    if probe.quality.refusal is not None:
        return probe.quality.refusal
    return None if gallery.comparable(probe.embedding) else "bad_embedding"


def _look(window: Window, probe: Probe, gallery: Gallery, rule: Rule, now: float) -> Window:
    """Take the probe if it is good and something new, and find what to tell the person."""
    fault = _fault(probe, gallery)
    taken = window.taken
    if fault is None and now - window.taken_at >= BETWEEN_REFERENCES:
        if _seen_before(window, probe):
            fault = "same_picture"
        else:
            taken = with_another(taken, probe, window.request.references, rule.compare)
    new = taken is not window.taken
    if new:
        window = replace(window, taken=taken, taken_at=now)
    if fault is None:
        came = new and views(taken)[-1] == window.asking.view
        window = replace(window, asking=_ask(window, now, came=came))
    elif fault != "no_face":
        window = replace(window, refusals=counted(window.refusals, fault))
    prompt = _WISHES[window.asking.view or "straight"] if fault is None else _PROMPTS[fault]
    if prompt != window.next_prompt:
        window = replace(window, next_prompt=prompt, next_since=now)
    elif now - window.next_since >= PROMPT_HOLDS:
        window = replace(window, prompt=prompt)
    return replace(window, face_seen=window.face_seen or probe.face is not None)


def _ask(window: Window, now: float, *, came: bool) -> Asking:
    """After a good picture: go on asking for a view, for the next one when it `came`, or give it up."""
    asked, wish = window.asking, _wish(window, now)
    if wish != asked.view or came:
        return replace(asked, view=wish, seconds=0.0, good_at=now)
    seconds = asked.seconds + min(now - asked.good_at, _LONGEST_GAP)
    if wish is None or seconds < ASKS_FOR:
        return replace(asked, seconds=seconds, good_at=now)
    given_up = replace(window, asking=replace(asked, in_vain=(*asked.in_vain, wish)))
    return replace(given_up.asking, view=_wish(given_up, now), seconds=0.0, good_at=now)


def _wish(window: Window, now: float) -> View | None:
    """The view to ask for; None when there is nothing more to wait for."""
    in_vain = window.asking.in_vain
    if not window.require_variety or not now < window.asks_until or len(in_vain) >= IN_VAIN:
        return None
    missing = lacking(window.taken, window.request.references)
    return next((view for view in missing if view not in in_vain), None)


def _seen_before(window: Window, probe: Probe) -> bool:
    return window.require_variety and same_pixels(probe.crop, [one.crop for one in window.taken], SAME_FRAME)


def _close(window: Window, gallery: Gallery, rule: Rule) -> Outcome:
    if not window.confirmed:
        return refused(window.request, "not_confirmed", "nobody pressed the button inside")
    if not window.face_seen:
        return refused(window.request, "no_face", "nobody looked into the camera")
    return _conclude(window.request, window.taken, window.refusals, gallery, rule)


def _conclude(
    request: EnrolmentRequest,
    taken: Sequence[Probe],
    refusals: Mapping[RefusalWord, int],
    gallery: Gallery,
    rule: Rule,
) -> Outcome:
    references = [probe.embedding for probe in taken if probe.embedding is not None]
    outcome = replace(conclude(request, references, gallery, rule), refusals=refusals)
    if outcome.person is None:
        return outcome
    kept = [probe.crop for index, probe in enumerate(taken) if index not in outcome.dropped]
    return replace(outcome, crops=tuple(crop for crop in kept if crop is not None))


def _progress(window: Window, prompt: Prompt) -> Progress:
    return Progress(window.request.transaction, prompt, len(window.taken), window.request.references)

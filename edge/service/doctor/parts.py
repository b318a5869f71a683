"""Models, camera and store: looked at directly where no daemon holds them, else as the daemon tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from edge.camera import open_camera
from edge.clock import Clock
from edge.errors import ConfigError, ModelError, StoreBusyError, StoreError
from edge.service.doctor.finding import Finding, fail, ok, warn
from edge.service.rule import effective_rule
from edge.settings import Settings
from edge.store.store import open_store
from edge.values import Frame
from edge.vision.eye import open_eye

_PATIENCE: Final = 4.0
_LOOK_SECONDS: Final = 1.5
_SAME_ANSWER: Final = 0.999
_DARK, _BRIGHT = 40.0, 215.0


def models(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Every model's hash, one inference of each, and the embedder's answer against the one on its card."""
    try:
        eye = open_eye(settings.vision, settings.models, clock)
        eye.look(Frame(np.full((480, 640, 3), 128, dtype=np.uint8), clock.now(), 0))
        agrees = eye.agreement()
        compare = effective_rule(settings).compare
    except ConfigError as error:
        yield fail("models", "no door decides by them", "`limen check-config` says what to change", private=str(error))
        return
    except ModelError as error:
        fix = "copy the models of this version again: its cards know their hashes"
        yield fail("models", "they cannot be used", fix, private=str(error))
        return
    if agrees is not None and not agrees >= _SAME_ANSWER:
        yield fail(
            "models",
            f"{eye.runtime} gives another embedding than the one on the card (cosine {agrees:.4f})",
            "install the runtime that the card names, and enrol everybody with it",
        )
        return
    names = ", ".join(card.name for card in eye.cards.values())
    by = "" if compare.score == "cosine" else "; embeddings are compared by the network's own head"
    yield ok("models", f"whole, and they run with {eye.runtime}{by}", private=names)


def store(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Whether the store opens and everybody can be read. Raises StoreBusyError where a daemon holds it."""
    if not (settings.state / "store.db").exists():
        yield warn("store", "there is none yet, so nobody is enrolled", "start the door, which makes it: limen run")
        return
    try:
        with open_store(settings.store, settings.state, clock) as opened:
            people = opened.people()
            damaged = opened.damaged
    except StoreError as error:
        if isinstance(error, StoreBusyError):
            raise
        fix = "make room, or put a backup in its place: docs/security.md"
        yield fail("store", "it cannot be used", fix, private=str(error))
        return
    if damaged:
        fix = "restore a backup, or delete and enrol them again"
        yield fail("store", f"{len(damaged)} people cannot be read", fix, private=", ".join(damaged))
    elif not people:
        yield warn("store", "nobody is enrolled", 'limen enroll "Your Name"')
    else:
        yield ok("store", f"{len(people)} people, {sum(len(one.references) for one in people)} references")


def camera(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Whether frames come, how fast, and how bright they are."""
    source = open_camera(settings.camera, clock, settings.path("."))
    frames: list[Frame] = []
    with source:
        give_up = clock.now() + max(_PATIENCE, settings.camera.open_timeout_seconds)
        while clock.now() < give_up:
            frame = source.take(0.2)
            if frame is None:
                continue
            if not frames:
                give_up = clock.now() + _LOOK_SECONDS
            frames.append(frame)
        trouble = "; ".join(notice.detail for notice in source.notices() if notice.state != "live" and notice.detail)
    if not frames:
        fix = "check the cable and camera.source; `limen run` must be stopped"
        yield fail("camera", "no picture came", fix, private=trouble)
        return
    yield ok("camera", _pace(frames))
    brightness = float(np.mean([frame.image.mean() for frame in frames]))
    if not _DARK <= brightness <= _BRIGHT:
        word = "dark" if brightness < _DARK else "bright"
        yield warn("light", f"the picture is too {word} ({brightness:.0f} of 255)", "see docs/hardware.md, The camera")
    else:
        yield ok("light", f"brightness {brightness:.0f} of 255")


def of_daemon(told: dict[str, Any]) -> Iterator[Finding]:
    """What a running door's `selftest` comes to."""
    problems = told.get("problems", [])
    if problems:
        text = f"the running door reports: {', '.join(map(str, problems))}"
        yield fail("door", text, "see docs/mqtt.md, Words of problems")
    else:
        yield ok("door", f"running: strike {told.get('strike')}, camera {told.get('camera')}")
    yield ok("models", f"in use with {told.get('runtime')}")
    people = told.get("people", 0)
    yield ok("store", f"{people} people") if people else warn("store", "nobody is enrolled", 'limen enroll "Your Name"')


def _pace(frames: list[Frame]) -> str:
    height, width = frames[0].image.shape[:2]
    seconds = frames[-1].at - frames[0].at
    pace = f", {(len(frames) - 1) / seconds:.0f} pictures a second" if seconds > 0 else ""
    return f"{width}x{height}{pace}"

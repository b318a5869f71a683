"""`limen enroll NAME`: at the door's own camera over MQTT, or from a folder of photographs with the door stopped."""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any, Final

from edge.access.enrolment import from_photographs
from edge.access.gallery import Gallery
from edge.camera.files import read_picture
from edge.clock import Clock, SystemClock
from edge.commands.configuration import chosen_settings
from edge.commands.conversation import ask
from edge.errors import LimenError, StoreBusyError
from edge.mqtt.messages import Progress, Response
from edge.service.enrolling import new_request
from edge.service.rule import effective_rule
from edge.service.telling import outcome_facts, system_event
from edge.settings import Settings
from edge.store.store import open_store
from edge.values import Frame, Probe
from edge.vision.eye import Eye, open_eye

_PICTURES: Final = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
_MOST_PICTURES: Final = 200
_LARGEST_FILE: Final = 32 * 1024 * 1024
_PROMPTS: Final = {
    "look_at_camera": "Look into the camera.",
    "come_closer": "Come closer.",
    "hold_still": "Hold still.",
    "face_the_camera": "Turn your face to the camera.",
    "too_dark": "It is too dark here.",
    "too_bright": "There is too much light.",
    "one_person_only": "One person only, please.",
    "done": "Done.",
}


def execute(options: Namespace) -> int:
    """Enrol, and say how well it went."""
    settings = chosen_settings(options)
    if options.from_images is not None:
        facts = _from_folder(settings, options)
    else:
        facts = enroll_at_the_door(settings, options.name, options.person_id, options.references, key=options.key)
    tell(options.name, facts)
    return 0


def enroll_at_the_door(
    settings: Settings, name: str, person_id: str | None, references: int | None, *, key: Path | None = None
) -> dict[str, Any]:
    """Open an enrolment window over MQTT and show its prompts; returns the answer's `data`."""
    wanted = {"name": name, "person_id": person_id, "references": references}
    arguments = {key: value for key, value in wanted.items() if value is not None}
    timeout = settings.enrolment.window_seconds + 10.0
    try:
        return ask(settings, "enroll", arguments, timeout=timeout, key=key, heard=_show)
    except KeyboardInterrupt:
        # An open window would enrol whoever comes next under this name.
        with contextlib.suppress(LimenError):
            ask(settings, "enroll.cancel", key=key)
        raise
    finally:
        print()


def tell(name: str, facts: dict[str, Any]) -> None:
    """How well an enrolment went, in a few lines."""
    print(f"{name} is enrolled as `{facts['person_id']}` with {facts['references']} references.")
    if facts["worst_own"] is not None:
        print(f"  least alike of their own pictures: {facts['worst_own']:.2f}")
    if facts["nearest"] is not None:
        print(f"  nearest other person: {facts['nearest']['person_id']} at {facts['nearest']['similarity']:.2f}")
    for warning in facts["warnings"]:
        print(f"  note: {warning}")


def _show(answer: Progress | Response) -> None:
    if isinstance(answer, Progress):
        bar = "#" * answer.collected + "." * (answer.wanted - answer.collected)
        prompt = _PROMPTS.get(answer.prompt, answer.prompt)
        begin, end = ("\r", "") if sys.stdout.isatty() else ("", "\n")
        print(f"{begin}  [{bar}] {prompt:<32}", end=end, flush=True)


def _from_folder(settings: Settings, options: Namespace) -> dict[str, Any]:
    clock = SystemClock()
    try:
        with open_store(settings.store, settings.state, clock) as store:
            eye = open_eye(settings.vision, settings.models, clock, faces="refuse")
            rule = effective_rule(settings)
            request = new_request(
                options.name,
                options.person_id,
                options.references or settings.enrolment.references,
                "",
                taken=store.person_ids(),
                asked_at=clock.wall(),
            )
            probes = [_probe(path, eye, clock, number) for number, path in enumerate(_pictures(options.from_images))]
            people = Gallery.of(store.people(), eye.space, rule)
            variety = settings.enrolment.require_variety
            outcome = from_photographs(request, probes, people, rule, require_variety=variety)
            for warning in outcome.warnings if outcome.person is None else ():
                print(f"  note: {warning}", file=sys.stderr)
            if outcome.person is None:
                raise outcome.error or LimenError("nothing usable in these photographs")
            store.add_person(outcome.person, system_event("person_enrolled", person=outcome.person))
    except StoreBusyError as error:
        raise StoreBusyError(
            "the door is running: stop it first, or enrol at its camera without --from-images"
        ) from error
    return outcome_facts(outcome)


def _pictures(folder: Path) -> list[Path]:
    """The photographs in `folder`, by name. Raises LimenError when there are none, or something is too large."""
    if not folder.is_dir():
        raise LimenError(f"--from-images: {folder} is not a folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES and path.is_file())
    if not paths:
        raise LimenError(f"--from-images: no photographs in {folder} ({' '.join(sorted(_PICTURES))})")
    if len(paths) > _MOST_PICTURES:
        raise LimenError(f"--from-images: more than {_MOST_PICTURES} photographs in {folder}")
    large = [path.name for path in paths if path.stat().st_size > _LARGEST_FILE]
    if large:
        raise LimenError(f"--from-images: larger than {_LARGEST_FILE >> 20} MiB: {', '.join(large)}")
    return paths


def _probe(path: Path, eye: Eye, clock: Clock, number: int) -> Probe:
    """Look at one photograph; one that cannot be read shows nobody."""
    image = read_picture(path)
    if image.size == 0:
        print(f"  note: {path.name} is not a picture that can be read", file=sys.stderr)
        return Probe(at=clock.now(), number=number, faces=0)
    return eye.look(Frame(image, clock.now(), number))

"""`limen enroll NAME`: at the door's own camera over MQTT, or from a folder of photographs with the door stopped."""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from edge.access.enrolment import from_photographs
from edge.access.gallery import Gallery
from edge.camera.photographs import photographs
from edge.clock import Clock, SystemClock
from edge.commands.configuration import chosen_settings
from edge.commands.conversation import ask
from edge.comparing import readable
from edge.errors import LimenError, StoreBusyError
from edge.log_lines import printable
from edge.mqtt.messages import Progress, Response
from edge.service.enrolling import new_request, require_consent, why_not_enrolled
from edge.service.rule import effective_rule
from edge.service.telling import outcome_facts, system_event
from edge.settings import Settings
from edge.store.store import open_store
from edge.values import Frame, Probe
from edge.vision.eye import Eye, open_eye

_PROMPTS: Final = {
    "press_the_button": "Press the button inside.",
    "look_at_camera": "Look into the camera.",
    "come_closer": "Come closer.",
    "hold_still": "Hold still.",
    "face_the_camera": "Turn your face to the camera.",
    "turn_left": "Turn a little to your left.",
    "turn_right": "Turn a little to your right.",
    "look_up": "Look up a little.",
    "look_down": "Look down a little.",
    "uncover_your_face": "Show your whole face.",
    "too_dark": "It is too dark here.",
    "too_bright": "There is too much light.",
    "one_person_only": "One person only, please.",
    "done": "Done.",
}


def execute(options: Namespace) -> int:
    """Enrol, and say how well it went."""
    settings = chosen_settings(options)
    if options.photos is not None:
        facts = _from_folder(settings, options)
    else:
        wanted = {name: getattr(options, name) for name in ("person_id", "references", "consent", "minor")}
        facts = enroll_at_the_door(settings, options.name, **wanted, key=options.key)
    tell(options.name, facts)
    return 0


def enroll_at_the_door(settings: Settings, name: str, *, key: Path | None = None, **wanted: Any) -> dict[str, Any]:
    """Open an enrolment window over MQTT and show its prompts; returns the answer's `data`.

    `wanted`: what else `enroll` carries, None where nothing is said of it.
    """
    arguments = {"name": name} | {field: value for field, value in wanted.items() if value is not None}
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
        print(f"  least alike of their own pictures: {readable(facts['worst_own'])}")
    if facts["nearest"] is not None:
        who = facts["nearest"]["person_id"] or "somebody"
        print(f"  nearest other person: {who} at {readable(facts['nearest']['similarity'])}")
    if facts["second_factor"] == "needed":
        print(f"  needs a second factor: {facts['because'].replace('_', ' ')}")
    for warning in facts["warnings"]:
        print(f"  note: {warning}")


def _show(answer: Progress | Response) -> None:
    if isinstance(answer, Progress):
        bar = "#" * answer.collected + "." * (answer.wanted - answer.collected)
        prompt = _PROMPTS.get(answer.prompt) or printable(answer.prompt)
        begin, end = ("\r", "") if sys.stdout.isatty() else ("", "\n")
        print(f"{begin}  [{bar}] {prompt:<32}", end=end, flush=True)


def _from_folder(settings: Settings, options: Namespace) -> dict[str, Any]:
    clock = SystemClock()
    require_consent(settings.enrolment, consent=options.consent)
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
                consent=options.consent,
                minor=options.minor,
            )
            probes = list(_probes(options.photos, eye, clock))
            people = Gallery.of(store.people(), eye.space, rule)
            variety = settings.enrolment.require_variety
            outcome = from_photographs(request, probes, people, rule, require_variety=variety)
            for warning in outcome.warnings if outcome.person is None else ():
                print(f"  note: {warning}", file=sys.stderr)
            if outcome.person is None:
                raise why_not_enrolled(outcome, people.people, "full")
            store.add_person(
                outcome.person,
                system_event("person_enrolled", person=outcome.person),
                [crop.pixels for crop in outcome.crops],
            )
            return outcome_facts(outcome, Gallery.of(store.people(), eye.space, rule), "full")
    except StoreBusyError as error:
        raise StoreBusyError("the door is running: stop it first, or enrol at its camera without --photos") from error


def _probes(folder: Path, eye: Eye, clock: Clock) -> Iterator[tuple[str, Probe]]:
    """Look at every photograph; one that cannot be read is named, with the reason."""
    for number, photograph in enumerate(photographs(folder)):
        if photograph.image is None:
            print(f"  note: {photograph.name} was left out: {photograph.refusal}", file=sys.stderr)
        else:
            yield photograph.name, eye.look(Frame(photograph.image, clock.now(), number))

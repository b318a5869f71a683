"""`limen policy explain`: what it takes to be let in, how often that goes wrong, who needs more than a face."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Final

from edge.access.gallery import Gallery
from edge.access.policy import Rule
from edge.access.second_factor import Need, why_needed
from edge.commands.configuration import chosen_settings
from edge.comparing import readable
from edge.errors import StoreError
from edge.service.bounds import measured_bound
from edge.service.rule import effective_rule, embedder_card
from edge.settings import Settings
from edge.store.look import people_in

_NEEDS: Final[Mapping[Need, str]] = {
    "minor": "a minor",
    "asked_for": "told to",
    "looks_like_another": "looks too much like another",
}


def execute(options: Namespace) -> int:
    """Explain; also while the door runs, which is not asked."""
    settings = chosen_settings(options)
    rule = effective_rule(settings)
    print(rule.explain(), end="\n\n")
    try:
        gallery = Gallery.of(people_in(settings.state), embedder_card(settings).space or "", rule)
        people = _people(gallery, rule, settings)
    except StoreError as error:
        gallery = Gallery.of((), "", rule)
        people = [f"Who is enrolled cannot be told: {error}"]
    print(measured_bound(settings, rule, len(gallery.people)), end="\n\n")
    print("\n".join(people))
    return 0


def _people(gallery: Gallery, rule: Rule, settings: Settings) -> list[str]:
    reasons = {person.id: why_needed(person, gallery) for person in gallery.people}
    needing = {person_id: reason for person_id, reason in reasons.items() if reason is not None}
    lines = [f"{len(gallery.people)} enrolled, of whom {len(needing)} must give a second factor besides the face."]
    if rule.second_factor == "always":
        lines[0] = f"{len(gallery.people)} enrolled, who all must give a second factor besides the face."
    for person in gallery.people:
        reason = reasons[person.id]
        if reason is not None and settings.mqtt.privacy == "full":
            lines.append(f"  {person.id} ({person.name}): {_why(person.id, reason, gallery)}")
    if settings.mqtt.privacy != "full":
        lines += [
            f"  {list(needing.values()).count(reason)}: {words}"
            for reason, words in _NEEDS.items()
            if reason in needing.values()
        ]
    if gallery.unusable:
        lines.append(f"{len(gallery.unusable)} must be enrolled again: their references are of another model.")
    return lines


def _why(person_id: str, reason: Need, gallery: Gallery) -> str:
    if reason != "looks_like_another":
        return _NEEDS[reason]
    other, similarity = gallery.close[person_id]
    return f"looks too much like {other}, similarity {readable(similarity, 3)}"

"""`limen people`: who is enrolled. Over MQTT while the door runs; from the store itself when it is stopped."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from typing import Any

from edge.access.gallery import Gallery
from edge.clock import SystemClock
from edge.commands.configuration import chosen_settings
from edge.commands.conversation import ask
from edge.errors import LimenError, StoreBusyError
from edge.service.roll import forget
from edge.service.rule import effective_rule, embedder_card
from edge.service.telling import roster
from edge.settings import Settings
from edge.store.store import open_store


def execute(options: Namespace) -> int:
    """List, or with --delete forget one person."""
    settings, clock = chosen_settings(options), SystemClock()
    try:
        with open_store(settings.store, settings.state, clock) as store:
            if options.delete and not forget(store, clock, options.delete):
                raise LimenError(f"nobody has the id {options.delete}")
            space = embedder_card(settings).space or ""
            people = roster(store.people(), Gallery.of(store.people(), space, effective_rule(settings)), "full")
            damaged = store.damaged
    except StoreBusyError:
        if options.delete:
            ask(settings, "person.delete", {"person_id": options.delete}, key=options.key)
        answer = ask(settings, "person.list")
        people, damaged = answer["people"], answer["damaged"]
    _show(people, settings, as_json=options.json)
    for person_id in damaged:
        print(f"{person_id}: what is stored of this person is damaged: enrol them again", file=sys.stderr)
    return 0


def _show(people: list[dict[str, Any]], settings: Settings, *, as_json: bool) -> None:
    if as_json:
        for person in people:
            print(json.dumps(person))
        return
    if not people:
        print(f"Nobody is enrolled at the door `{settings.door.id}`.")
        return
    print(f"{'id':<24} {'name':<28} {'references':>10}  enrolled")
    for person in people:
        notes = ["must be enrolled again: other model"] if person["state"] == "re_enrol" else []
        if person["second_factor"] == "needed":
            notes.append(f"second factor ({person['because'].replace('_', ' ')})")
        if person["valid_until"] is not None:
            notes.append(f"until {person['valid_until'][:16]}Z")
        print(
            f"{person['person_id']:<24} {person['name'] or '-':<28} {person['references']:>10}  "
            f"{'  '.join([person['enrolled_at'][:10], *notes])}"
        )

"""`limen people`: who is enrolled. Over MQTT while the door runs; from the store itself when it is stopped."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

from edge.access.gallery import Gallery
from edge.clock import SystemClock
from edge.commands.configuration import chosen_settings
from edge.commands.conversation import ask
from edge.errors import LimenError, StoreBusyError
from edge.service.rule import effective_rule, embedder_card
from edge.service.telling import roster
from edge.settings import Settings
from edge.store.store import open_store


def execute(options: Namespace) -> int:
    """List, or with --delete forget one person."""
    settings = chosen_settings(options)
    try:
        with open_store(settings.store, settings.state, SystemClock()) as store:
            if options.delete and not store.delete_person(options.delete):
                raise LimenError(f"nobody has the id {options.delete}")
            space = embedder_card(settings).space or ""
            people = roster(store.people(), Gallery.of(store.people(), space, effective_rule(settings)), "full")
    except StoreBusyError:
        if options.delete:
            ask(settings, "person.delete", {"person_id": options.delete}, key=options.key)
        people = ask(settings, "person.list")["people"]
    _show(people, settings, as_json=options.json)
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
        note = "" if person["usable"] else "  must be enrolled again: other model"
        print(
            f"{person['person_id']:<24} {person['name'] or '-':<28} {person['references']:>10}  "
            f"{person['enrolled_at'][:10]}{note}"
        )

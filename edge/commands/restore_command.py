"""`limen restore FILE`: put everybody of a backup back, or nobody. With the door stopped."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator

from edge.clock import SystemClock
from edge.commands.backup_command import passphrase
from edge.commands.configuration import chosen_settings
from edge.errors import LimenError
from edge.service.person_pins import restored
from edge.service.rule import embedder_card
from edge.service.telling import system_event
from edge.settings import Settings
from edge.store.backup import Member, same
from edge.store.store import Store, open_store
from edge.values import Event, Person


def execute(options: Namespace) -> int:
    """Restore, and say of each person what was done."""
    settings = chosen_settings(options)
    secret = passphrase(options.passphrase_file)
    with open_store(settings.store, settings.state, SystemClock()) as store:
        members, kept = store.backed_up(options.file, secret)
        problems = [*_of_another_model(members, settings), *_in_the_way(members, store, replace=options.replace)]
        if problems:
            raise LimenError("nobody was restored. " + " ".join(problems))
        known = {person.id: person for person in store.people()}
        wanted = [one for one in members if one.person.id not in known or not same(one.person, known[one.person.id])]
        done = {one.person.id for one in wanted}
        pins = restored(store, kept, done)
        store.restore(wanted, _told, pins.kept)
    for person, _ in members:
        how = f"restored{', with their PIN' if person.id in pins.whose else ''}"
        print(f"{person.id}  {person.name}  {how if person.id in done else 'was there already'}")
    for person_id in sorted(pins.in_vain):
        print(f"{person_id}: their PIN could not come along; set it anew with pin.set", file=sys.stderr)
    print(f"{len(wanted)} of {len(members)} people were restored.")
    return 0


def _told(person: Person) -> Event:
    return system_event("person_restored", "from a backup", person=person)


def _of_another_model(members: Iterable[Member], settings: Settings) -> Iterator[str]:
    """References of another space are of no use, unless the door can make them anew."""
    space = embedder_card(settings).space
    others = [
        person.id
        for person, crops in members
        if any(reference.space != space for reference in person.references)
        and not (crops and settings.store.keep_crops)
    ]
    if others:
        yield f"References of another model, not {space}: {', '.join(others)}; these people must be enrolled again."


def _in_the_way(members: Iterable[Member], store: Store, *, replace: bool) -> Iterator[str]:
    known = {person.id: person for person in store.people()}
    others = [person.id for person, _ in members if person.id in known and not same(person, known[person.id])]
    if others and not replace:
        yield f"Changed since the backup: {', '.join(others)}; --replace takes what the backup has."

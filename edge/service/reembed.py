"""Another model, the same people: their references are made anew from the pictures that were kept, where they were."""

from __future__ import annotations

import logging
from dataclasses import replace

from edge.errors import StoreError
from edge.service.telling import system_event
from edge.store.store import Store
from edge.values import Person
from edge.vision.eye import Eye

_log = logging.getLogger(__name__)


def renew_references(store: Store, eye: Eye) -> None:
    """Bring everybody whose pictures were kept into the space of `eye`, each whole or not at all.

    Whoever has none stays as they are, and must be enrolled again.
    """
    for person in store.people():
        if any(reference.space != eye.space for reference in person.references):
            try:
                _renew(store, eye, person)
            except StoreError as error:
                _log.error("%s: the references cannot be made anew: %s", person.id, error)


def _renew(store: Store, eye: Eye, person: Person) -> None:
    crops = store.crops(person.id)
    references = [embedding for embedding in map(eye.embed_pixels, crops) if embedding is not None]
    if not references or len(references) != len(crops):
        return
    # How they stood among the others was measured with the model of before, and means nothing with this one.
    renewed = replace(person, references=tuple(references), separation=None)
    told = system_event(
        "references_renewed", f"from {len(crops)} pictures, for the model space {eye.space}", person=person
    )
    store.change_person(renewed, told, crops)

"""Who needs more than a face: children, people whose face is too much like somebody else's, and whoever is told to."""

from __future__ import annotations

from edge.access.gallery import Gallery
from edge.values import Person


def needs_second_factor(person: Person, gallery: Gallery) -> bool:
    """Whether `person`'s face alone must not open. `gallery` must hold them: it knows whose faces are too close.

    Children's faces are nearly one face to the embedder (docs/accuracy.md), so for a minor no setting changes it.
    """
    if person.terms.minor or person.terms.second_factor == "always":
        return True
    return person.terms.second_factor == "automatic" and person.id in gallery.close

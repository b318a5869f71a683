"""How a person stands among the others: how alike their own references are, and who comes nearest."""

from __future__ import annotations

from edge.access.gallery import Gallery
from edge.access.policy import Rule
from edge.values import Person, Separation


def separate(person: Person, others: Gallery, rule: Rule) -> Separation:
    """`person`, whose references can be compared, among `others`. Its sentences name nobody; `nearest_id` does."""
    own = Gallery.of((person,), others.space, rule).matrix
    worst_own = float(rule.compare.against(own, own).min())
    nearest = [matches[0] for matches in (others.match(one, rule) for one in person.references) if matches]
    if not nearest:
        return Separation(worst_own)
    match = max(nearest, key=lambda one: one.similarity)
    too_close = match.similarity >= rule.detection_threshold - rule.margin
    warning = (
        f"looks much like somebody who is enrolled already (similarity {match.similarity:.2f}): "
        "without a second factor the door may take one for the other, or refuse both"
    )
    return Separation(worst_own, match.person_id, match.similarity, (warning,) if too_close else ())

"""The same rules where a network has a head of its own: every comparison is by its score."""

from __future__ import annotations

import numpy as np
import pytest

from edge.access.references import conclude
from tests.edge.access_scene import DIMENSION, REQUEST, Door, Sight, face_of, like, person, tell
from tests.edge.heads import a_head


def test_with_a_head_votes_swaps_and_enrolments_are_by_its_score() -> None:
    by_head = {"compare": a_head(DIMENSION), "detection_threshold": 0.6, "attempt_similarity": 0.5}
    door = Door(person("ana"), person("ben"), **by_head)
    assert door.rule.swapped_below == door.rule.same_again == 0.5
    near = like(ana=0.97)  # its cosine, and this is what the head says of it:
    score = float(a_head(DIMENSION).against(face_of("ana").vector[np.newaxis], near.vector)[0])
    assert abs(score - 0.97) > 0.02
    (granted,) = door.watch(Sight(near), 1.5)
    assert granted.match is not None
    assert (tell(granted), granted.match.similarity) == (("granted", "ana"), pytest.approx(score))
    # The cosine of this one and the last is 0.6, as of one face; to the head it is another, though in the same place.
    assert [tell(one) for one in door.watch(Sight(like(ana=0.4)), 4.0)] == [("refused", "unknown")]
    alike = conclude(REQUEST, [face_of("ana")] * 5, door.gallery, door.rule)
    assert (alike.error and alike.error.code, alike.known_as) == ("already_enrolled", "ana")
    apart = conclude(REQUEST, [like(cem=0.95)] * 3 + [face_of("cem")] * 7, door.gallery, door.rule)
    assert apart.person is not None
    assert apart.person.separation is not None
    assert apart.person.separation.worst_own == pytest.approx(
        float(a_head(DIMENSION).against(like(cem=0.95).vector[np.newaxis], face_of("cem").vector)[0])
    )

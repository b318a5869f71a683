"""The decision rule of the article that recipe A comes from, and where the door's differs: at equality, twice.

The article counts a reference whose score is *greater* than the detection threshold, and opens when the share of those
is *greater* than the verification threshold. The door says "at least" both times.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from edge.access.gallery import Gallery
from edge.access.policy import make_rule
from edge.settings import AccessSettings
from edge.values import Embedding, Person

SPACE = "0" * 12
THRESHOLD = 0.8
# The threshold as the door's float32 similarities have it, and the next numbers on both sides of it.
AT = float(np.float32(0.8))
ABOVE, BELOW = (float(np.nextafter(np.float32(0.8), np.float32(side))) for side in (1, 0))


def original(scores: Sequence[float], detection_threshold: float, verification_threshold: float) -> bool:
    """The article's `verify`: strictly greater, twice."""
    detections = sum(score > detection_threshold for score in scores)
    return detections / len(scores) > verification_threshold


def at_the_door(scores: Sequence[float], detection_threshold: float, verification_threshold: float) -> bool:
    """The door's verdict on a face whose similarities to the references are `scores`."""
    references = tuple(
        Embedding(np.array([score, np.sqrt(1 - np.float64(score) ** 2)], np.float32), SPACE) for score in scores
    )
    person = Person("ada", "Ada", references, datetime(2026, 11, 22, tzinfo=UTC))
    rule = make_rule(
        AccessSettings(detection_threshold=detection_threshold, verification_threshold=verification_threshold),
        [(1e-4, detection_threshold)],
    )
    (match,) = Gallery.of([person], SPACE, rule).match(Embedding(np.array([1, 0], np.float32), SPACE), rule)
    return match.verified


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ([0.9] * 10, "opens"),
        ([0.9] * 9 + [0.1], "opens"),  # 0.9 > 0.8
        ([0.9] * 7 + [0.1] * 3, "stays locked"),
        ([0.1] * 10, "stays locked"),
        ([0.81] * 9 + [0.79], "opens"),
        ([0.79] * 10, "stays locked"),
    ],
)
def test_away_from_equality_both_say_the_same(scores: list[float], verdict: str) -> None:
    assert original(scores, THRESHOLD, THRESHOLD) == (verdict == "opens")
    assert at_the_door(scores, THRESHOLD, THRESHOLD) == (verdict == "opens")


EQUALITIES = {
    "every score is the threshold itself": ([AT] * 10, AT, 0.8),
    "the share of detections is the threshold itself, 8 of 10": ([0.9] * 8 + [0.1] * 2, AT, 0.8),
    "all references detect, and all are asked for": ([0.9] * 10, AT, 1.0),
    "half of them detect, and half is asked for": ([0.9] * 5 + [0.1] * 5, AT, 0.5),
    "one score at the threshold tips the share": ([0.9] * 8 + [AT] + [0.1], AT, 0.85),
}


@pytest.mark.parametrize("case", EQUALITIES)
def test_at_equality_the_original_refuses_and_the_door_does_not(case: str) -> None:
    scores, detection, verification = EQUALITIES[case]
    assert original(scores, detection, verification) is False
    assert at_the_door(scores, detection, verification) is True


def test_one_step_of_a_float_beside_equality_they_agree_again() -> None:
    for score, verdict in ((ABOVE, True), (BELOW, False)):
        assert original([score] * 10, AT, 0.8) is verdict
        assert at_the_door([score] * 10, AT, 0.8) is verdict


def test_the_article_can_never_ask_for_every_reference() -> None:
    """No share is greater than 1: a verification threshold of 1 never opens there, and means "all of them" here."""
    assert not original([1.0] * 10, THRESHOLD, 1.0)
    assert at_the_door([1.0] * 10, THRESHOLD, 1.0)

"""Who needs more than a face."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.access.second_factor import needs_second_factor
from edge.values import Person, Terms
from tests.edge.access_scene import RULE, WHEN, gallery, like, person

TOO_CLOSE = RULE.detection_threshold - RULE.margin


def relative(similarity: float, **terms: object) -> Person:
    """Somebody with this similarity to ana, in one reference of five."""
    references = (*(like(ben=1.0),) * 4, like(ana=similarity))
    return Person("ben", "Ben", references, WHEN, Terms(**terms))


def test_two_who_look_alike_are_both_close_and_a_third_is_not() -> None:
    people = gallery(person("ana"), relative(0.48), person("cem"))
    assert set(people.close) == {"ana", "ben"}
    assert people.close["ana"] == ("ben", pytest.approx(0.48))
    assert people.close["ben"] == ("ana", pytest.approx(0.48))


def test_close_begins_where_the_margin_over_the_other_could_be_missing() -> None:
    assert gallery(person("ana"), relative(TOO_CLOSE + 0.001)).close
    assert not gallery(person("ana"), relative(TOO_CLOSE - 0.001)).close


def test_nobody_is_close_to_themselves_nor_in_an_empty_house() -> None:
    assert dict(gallery(person("ana")).close) == {}
    assert dict(gallery().close) == {}


@pytest.mark.parametrize(
    ("alike", "second_factor", "minor", "needed"),
    [
        (False, "automatic", False, False),
        (True, "automatic", False, True),
        (True, "never", False, False),
        (False, "always", False, True),
        (False, "automatic", True, True),
        (False, "never", True, True),
    ],
)
def test_who_needs_a_second_factor(alike: bool, second_factor: str, minor: bool, needed: bool) -> None:  # noqa: FBT001
    ben = relative(0.48 if alike else 0.1, second_factor=second_factor, minor=minor)
    assert needs_second_factor(ben, gallery(person("ana"), ben)) is needed


def test_the_operators_never_is_for_that_person_only() -> None:
    ana, ben = person("ana"), relative(0.48, second_factor="never")
    people = gallery(ana, ben)
    assert needs_second_factor(ana, people)
    assert not needs_second_factor(ben, people)
    assert not needs_second_factor(replace(ana, terms=Terms(second_factor="never")), people)

"""From settings and card to a rule; from references and an embedding to matches; from a name to an id."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.access.gallery import Gallery, similarity
from edge.access.names import clean_name, person_id_for
from edge.access.policy import level_fmr, make_rule
from edge.comparing import COSINE
from edge.errors import ConfigError, EnrolmentError
from edge.settings import AccessSettings
from edge.values import Person
from tests.edge.access_scene import CARD, RULE, SPACE, WHEN, face_of, gallery, like, person, vector
from tests.surfaces import surface


@pytest.mark.parametrize(("level", "threshold"), [("convenience", 0.4375), ("balanced", 0.5), ("strict", 0.5625)])
def test_a_level_takes_its_threshold_from_the_card(level: str, threshold: float) -> None:
    assert make_rule(AccessSettings(security=level), CARD).detection_threshold == threshold


def test_a_level_holds_for_the_group_of_people_that_needs_most() -> None:
    assert make_rule(AccessSettings(), [*CARD, (1e-4, 0.61), (1e-4, 0.3)]).detection_threshold == 0.61


def test_a_threshold_by_hand_may_only_be_stricter() -> None:
    assert make_rule(AccessSettings(detection_threshold=0.7), CARD).detection_threshold == 0.7
    assert make_rule(AccessSettings(detection_threshold=0.5), CARD).detection_threshold == 0.5
    lax = AccessSettings(detection_threshold=0.49)
    with pytest.raises(
        ConfigError, match=r"^access\.detection_threshold: 0\.49 lowers .* at least 0\.500 for `balanced`"
    ):
        make_rule(lax, CARD)
    allowed = AccessSettings(detection_threshold=0.49, accept_lower_security=True)
    assert make_rule(allowed, CARD).detection_threshold == 0.49


@pytest.mark.parametrize("card", [[], CARD[:1], [(math.nan, 0.5)]])
def test_a_card_without_the_levels_figure_is_refused(card: Sequence[tuple[float, float]]) -> None:
    with pytest.raises(ConfigError, match=r"^access\.security: .*no threshold for `balanced` \(FMR 0\.0001\)"):
        make_rule(AccessSettings(), card)
    with pytest.raises(ConfigError, match=r"^access\.detection_threshold: .*nothing to hold it against"):
        make_rule(AccessSettings(detection_threshold=0.9), card)
    on_your_own = AccessSettings(detection_threshold=0.9, accept_lower_security=True)
    assert "set by hand" in make_rule(on_your_own, card).explain()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("detection_threshold", 0.0),
        ("detection_threshold", -1.0),
        ("detection_threshold", math.nan),
        ("detection_threshold", 1.01),
        ("verification_threshold", 0.0),
        ("verification_threshold", math.nan),
        ("frames_needed", 0),
        ("frames_needed", 6),
        ("margin", -0.1),
        ("margin", math.nan),
    ],
)
def test_a_rule_that_would_let_everybody_in_cannot_be_made(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^access\.{key}: .*no possible value"):
        replace(RULE, **{key: value})


def test_a_card_with_an_impossible_threshold_makes_no_rule() -> None:
    with pytest.raises(ConfigError, match="detection_threshold"):
        make_rule(AccessSettings(), [(1e-4, math.nan)])


def test_the_levels_stand_for_false_match_rates() -> None:
    assert [level_fmr("convenience"), level_fmr("balanced"), level_fmr("strict")] == [1e-3, 1e-4, 1e-5]


def test_a_rule_explains_itself_in_words() -> None:
    told = RULE.explain()
    for words in (
        "similarity 0.500 with at least 50% of that person's references (5 or more)",
        "the level `balanced`: by the model's card, 1 in 10,000 comparisons of two different people reaches it",
        "3 of the last 5 good frames",
        "at least 0.05 less similar",
        "been there for 0.6 s",
        "older than 1 s",
        "the nearest one decides",
        "refused after 3 s and may try again 5 s later",
    ):
        assert words in told
    other = make_rule(AccessSettings(detection_threshold=0.7, trigger="always", faces="refuse"), CARD).explain()
    assert "set by hand; the level `balanced` (1 in 10,000" in other
    assert "asks for 0.500" in other
    assert "been there" not in other
    assert "nobody is let in" in other


def test_a_reference_that_just_reaches_the_threshold_is_a_detection() -> None:
    (match,) = gallery(person("ana")).match(like(ana=0.5), RULE)
    assert (match.similarity, match.votes, match.references, match.verified) == (0.5, 10, 10, True)
    (below,) = gallery(person("ana")).match(like(ana=0.499), RULE)
    assert (below.votes, below.verified) == (0, False)


def test_a_share_of_references_that_just_reaches_the_threshold_verifies() -> None:
    half = Person("ana", "Ana", (face_of("ana"),) * 5 + (face_of("ben"),) * 5, WHEN)
    fewer = Person("ana", "Ana", (face_of("ana"),) * 4 + (face_of("ben"),) * 6, WHEN)
    assert gallery(half).match(face_of("ana"), RULE)[0].verified
    assert not gallery(fewer).match(face_of("ana"), RULE)[0].verified


def test_a_person_with_four_references_is_never_verified() -> None:
    (match,) = gallery(person("ana", references=4)).match(face_of("ana"), RULE)
    assert (match.votes, match.verified) == (4, False)
    assert gallery(person("ana", references=5)).match(face_of("ana"), RULE)[0].verified


def test_the_most_similar_person_comes_first_with_the_best_reference() -> None:
    mixed = Person("ben", "Ben", (like(ben=0.5), like(ben=1.0), like(ben=0.75)) * 2, WHEN)
    matches = gallery(person("ana"), mixed, person("cem")).match(like(ana=0.25, ben=0.5, cem=0.375), RULE)
    assert [one.person_id for one in matches] == ["ben", "cem", "ana"]
    assert matches[0].similarity == pytest.approx(0.890, abs=1e-3)


def test_people_of_another_space_or_with_damaged_references_are_set_aside() -> None:
    damaged = Person("cem", "Cem", (*person("cem").references[:9], vector([math.nan] * 6)), WHEN)
    elsewhere = Person("ben", "Ben", tuple(vector(face_of("ben").vector, "old") for _ in range(10)), WHEN)
    short = Person("short", "S", (vector([1.0]),) * 5, WHEN)
    empty = Person("empty", "E", (), WHEN)
    people = gallery(damaged, person("ana"), elsewhere, short, empty)
    assert [one.id for one in people.people] == ["ana"]
    assert set(people.unusable) == {"cem", "ben", "short", "empty"}
    assert [one.person_id for one in people.match(face_of("ben"), RULE)] == ["ana"]


def test_a_matrix_damaged_in_memory_never_votes() -> None:
    whole = gallery(person("ana"), person("ben"))
    matrix = np.array(whole.matrix)
    matrix[:] = math.nan
    damaged = Gallery(SPACE, whole.people, (), matrix, whole.starts)
    assert [(one.votes, one.verified) for one in damaged.match(face_of("ana"), RULE)] == [(0, False)] * 2


def test_a_gallery_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        gallery(person("ana")).matrix[0, 0] = 0.0


def test_similarity_of_what_cannot_be_compared_is_no_number() -> None:
    assert similarity(COSINE, like(ana=0.5), face_of("ana")) == 0.5
    for other in (None, vector([1.0]), vector(face_of("ana").vector, "old"), vector([math.nan] * 6), vector([0.0] * 6)):
        assert math.isnan(similarity(COSINE, face_of("ana"), other))


@pytest.mark.parametrize(
    ("text", "name", "person_id"),
    [
        ("Ana", "Ana", "ana"),
        ("  Ana \u00a0 María ", "Ana María", "ana-maria"),
        ("Zoe\u0308 Müller", "Zoë Müller", "zoe-muller"),
        ("Straße", "Straße", "strasse"),
        ("O'Neil-Smith, Jr.", "O'Neil-Smith, Jr.", "o-neil-smith-jr"),
        ("王小明", "王小明", "person"),
        ("Ωμέγα 7", "Ωμέγα 7", "7"),
        ("../../etc/passwd", "../../etc/passwd", "etc-passwd"),
        ("<script>1</script>", "<script>1</script>", "script-1-script"),
        ("\ufb01fi \uff21\uff2e\uff21", "\ufb01fi \uff21\uff2e\uff21", "fifi-ana"),
        ("a" * 80, "a" * 80, "a" * 64),
        ("e\u0301" * 80, "é" * 80, "e" * 64),
        ("👩 Ana", "👩 Ana", "ana"),
    ],
)
def test_a_name_is_kept_as_people_write_it_and_its_id_is_plain(text: str, name: str, person_id: str) -> None:
    assert clean_name(text) == name
    assert person_id_for(name) == person_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\u00a0\u2003",
        "a" * 81,
        "a" * 10_000,
        "e\u0301" * 5_000,
        "\ufdfa" * 10_000,
        "Ana\n",
        "A\x00na",
        "A\x1b[31mna",
        "A\x7fna",
        "Ana\u0085",
        "A\u2028na",
        "\u202eanA",
        "A\u2066na",
        "A\u200bna",
        "A\u200dna",
        "\ufeffAna",
        "A\u00adna",
        "A\ud800na",
        "A\ue000na",
        "A\uffffna",
        "A\U000e0041na",
        "\u3164",
        "\u2800\u2800",
        "\u0301\u0301",
        "--- !!!",
        "🙂",
        None,
        7,
        ["Ana"],
    ],
)
def test_a_name_nobody_could_read_is_refused(text: str) -> None:
    with pytest.raises(EnrolmentError) as refused:
        clean_name(text)
    assert refused.value.code == "bad_name"
    assert str(refused.value).isprintable()


def test_an_id_is_never_taken_twice_nor_too_long() -> None:
    taken: set[str] = set()
    for _ in range(12):
        taken.add(person_id_for("a" * 80, taken))
    assert len(taken) == 12
    assert {len(one) for one in taken} == {64}
    assert person_id_for("Ana", {"ana", "ana-2"}) == "ana-3"


@surface("names")
@given(st.text(max_size=100), st.sets(st.sampled_from(["person", "a", "person-2"])))
def test_any_text_gives_a_clean_name_or_a_refusal(text: str, taken: set[str]) -> None:
    try:
        name = clean_name(text)
    except EnrolmentError as refused:
        assert refused.code == "bad_name"  # noqa: PT017 - a name is the other right answer
    else:
        assert clean_name(name) == name
        assert 1 <= len(name) <= 80
        assert name.isprintable()
        person_id = person_id_for(name, taken)
        assert re.fullmatch(r"[a-z0-9_-]{1,64}", person_id)
        assert person_id not in taken

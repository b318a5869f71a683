"""The simulated door, with people whose faces are axes of the embedding space and decisions by the door's own code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.datasets import Identities, identities, people_of, read_pairs
from convert.door import Scene, Tally, decide, household, nearest_strangers, scene_of, simulate, worth_a_look
from convert.door_cast import cast_of
from convert.door_figures import clopper_pearson, extrapolate, false_negatives, false_positives, let_in_as, mistaken
from convert.door_runs import changes, rules_of, scene
from convert.embeddings import NOT_ACQUIRED, Device
from convert.errors import ConversionError
from convert.frames import JITTER, Jitter, Visits, jittered
from convert.models import FOLDER
from edge.access.policy import make_rule
from edge.settings import AccessSettings

RULE = make_rule(AccessSettings(), [(1e-4, 0.5)])
RESIDENTS, STRANGERS, PICTURES = 6, 4, 12
SIZE = RESIDENTS + STRANGERS
PEOPLE = Identities(
    names=tuple(f"p{number}" for number in range(SIZE)),
    pictures=(),
    people=tuple(np.repeat(np.arange(SIZE), [PICTURES] * RESIDENTS + [1] * STRANGERS).tolist()),
)
FRAMES = JITTER.frames


def faces(owners: tuple[int, ...], noise: float = 0.1) -> np.ndarray:
    random = np.random.default_rng(7)
    vectors = np.eye(SIZE)[list(owners)] + random.normal(0, noise, (len(owners), SIZE))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def seen(vectors: np.ndarray) -> Visits:
    """Each picture stands still for all frames of its visit."""
    count = len(vectors)
    boxes = np.tile(np.float32([100, 100, 90, 90]), (count, FRAMES, 1))
    return Visits(np.repeat(vectors[:, np.newaxis], FRAMES, axis=1), boxes, np.full((count, FRAMES), "", "<U16"))


def made_up(visits: Visits | None = None) -> Scene:
    cast, vectors = cast_of(PEOPLE), faces(PEOPLE.people)
    called = visits or seen(vectors[list(cast.visits)])
    return scene_of(cast, vectors, np.full(len(vectors), ""), called, JITTER, space="0" * 12)


def test_who_has_many_pictures_lives_here_and_who_has_one_comes_by() -> None:
    cast = cast_of(PEOPLE)
    assert [one.name for one in cast.residents] == [f"p{number}" for number in range(RESIDENTS)]
    assert len(cast.strangers) == STRANGERS
    for one in cast.residents:
        assert len(one.references) == 10
        assert not set(one.references) & set(one.visits)
        assert {PEOPLE.people[index] for index in one.references + one.visits} == {int(one.name[1:])}


def test_a_door_needs_residents_and_strangers() -> None:
    with pytest.raises(ConversionError, match="here are 0 and 2"):
        cast_of(Identities(("a", "b"), (), (0, 1)))


def test_residents_come_in_and_strangers_stay_out() -> None:
    tally = simulate(made_up(), RULE, people=3, references=10, galleries=5)
    assert tally.visits.sum() == tally.granted.sum() == 5 * 3 * 2
    assert tally.enrolled.sum() == 5 * 3
    assert tally.let_in == []
    assert tally.mistaken.sum() == tally.refused.sum() == 0


def test_a_stranger_with_a_residents_face_is_let_in_whenever_that_resident_is_enrolled() -> None:
    cast, vectors = cast_of(PEOPLE), faces(PEOPLE.people)
    called = vectors[list(cast.visits)]
    called[-1] = vectors[0]  # the last stranger is resident 0's double
    tally = simulate(made_up(seen(called)), RULE, people=3, references=10, galleries=20)
    assert tally.let_in == [(STRANGERS - 1, 0)] * int(tally.enrolled[0])
    assert tally.enrolled[0] > 0
    rate = false_positives(tally, rounds=200)
    assert rate.value == pytest.approx(tally.enrolled[0] / (20 * STRANGERS), abs=1e-6)
    assert rate.low == 0.0, "a draw without the double or without the resident lets nobody in"
    assert rate.low <= rate.value <= rate.high

    near = nearest_strangers(made_up(seen(called)), share=0.01)
    assert near[:, 0].tolist() == [False] * (STRANGERS - 1) + [True]
    alike = let_in_as(tally, near, rounds=50)
    assert alike.events == tally.enrolled[0]
    assert alike.visits == tally.enrolled.sum()


def test_a_visit_without_a_usable_frame_counts_against_the_door() -> None:
    cast = cast_of(PEOPLE)
    blind = seen(faces(PEOPLE.people)[list(cast.visits)])
    blind.words[:] = NOT_ACQUIRED
    blind.words[1] = "blurred"
    tally = simulate(made_up(blind), RULE, people=6, references=10, galleries=1)
    assert tally.reasons == {"no_usable_frame": 12}
    assert false_negatives(tally, 12, rounds=50).value == 1.0
    assert mistaken(tally, 12, rounds=50).value == 0.0


def test_who_cannot_be_enrolled_is_counted_and_another_is_drawn() -> None:
    cast, vectors = cast_of(PEOPLE), faces(PEOPLE.people)
    first = [index for index, owner in enumerate(PEOPLE.people) if owner == 0]
    vectors[first] = np.eye(SIZE, dtype=np.float32)[np.arange(len(first)) % SIZE]  # looks like somebody else each time
    mixed = scene_of(cast, vectors, np.full(len(vectors), ""), seen(vectors[list(cast.visits)]), JITTER, space="0" * 12)
    tally = simulate(mixed, RULE, people=5, references=10, galleries=10)
    assert tally.enrolled[0] == 0
    assert tally.refused[0] > 0
    assert tally.enrolled.sum() == 50
    with pytest.raises(ConversionError, match="only 5 of 6 residents can be enrolled"):
        simulate(mixed, RULE, people=6, references=10, galleries=1)


def test_leaving_out_strangers_who_cannot_match_changes_nothing() -> None:
    crowd = made_up(seen(faces(PEOPLE.people, noise=0.6)[list(cast_of(PEOPLE).visits)]))
    lax = replace(RULE, detection_threshold=0.3, verification_threshold=0.1, margin=0.0)
    tally = simulate(crowd, lax, people=4, references=10, galleries=1, seed=3)
    assert tally.let_in, "the scene is one in which strangers come in"
    random = np.random.default_rng(1)
    gallery = household(crowd, lax, 2, 10, random, Tally.of(1, STRANGERS, RESIDENTS))
    worth = worth_a_look(crowd, gallery, lax)
    for stranger, frames in enumerate(crowd.strangers):
        decision = decide(frames, gallery, lax)
        assert worth[stranger] or decision is None or decision.verdict == "refused"


def test_the_same_seed_tells_the_same_story() -> None:
    one, other = (simulate(made_up(), RULE, 3, 5, 4, seed=5) for _ in range(2))
    assert (one.enrolled == other.enrolled).all()
    assert false_negatives(one, 12, rounds=50) == false_negatives(other, 12, rounds=50)


@pytest.mark.parametrize(
    ("events", "trials", "low", "high"),
    [(0, 100, 0.0, 0.036217), (1, 100, 0.000253, 0.054459), (10, 20, 0.271957, 0.728043), (20, 20, 0.831566, 1.0)],
)
def test_the_exact_interval_is_the_published_one(events: int, trials: int, low: float, high: float) -> None:
    assert clopper_pearson(events, trials) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))


def test_a_larger_household_errs_more_often() -> None:
    assert extrapolate(0.01, 10, 10) == pytest.approx(0.01)
    assert extrapolate(0.01, 10, 100) == pytest.approx(1 - 0.99**10)
    assert extrapolate(0.0, 10, 1000) == 0.0


def test_every_number_that_is_tried_has_the_shipped_one_among_its_values() -> None:
    shipped = {setting for setting, _, changed in changes(RULE) if replace(RULE, **changed) == RULE}
    assert shipped == {setting for setting, _, _ in changes(RULE)}


def test_the_frames_of_a_visit_are_alike_seeded_and_never_the_same() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (64, 48, 3), np.uint8)
    one, again, other = (list(jittered(picture, name)) for name in ("a", "a", "b"))
    assert len(one) == FRAMES
    assert all(frame.shape == picture.shape and frame.dtype == np.uint8 for frame in one)
    assert all((left == right).all() for left, right in zip(one, again, strict=True))
    assert not (one[0] == one[1]).all()
    assert not (one[0] == other[0]).all()


@pytest.mark.data
def test_real_people_at_the_simulated_door(data: Path) -> None:
    images = data / "lfw"
    names = people_of(read_pairs(images / "pairsDevTest.txt", images))
    pictures = {name: len(list((images / name).glob("*.jpg"))) for name in names}
    residents = [name for name, count in pictures.items() if count == 11][:4]
    strangers = [name for name, count in pictures.items() if count == 1][:10]
    device = Device(FOLDER)
    everybody = scene(identities(images, sorted(residents + strangers)), device, Jitter(frames=5, every=0.3))
    tally = simulate(everybody, rules_of(device)["balanced"], people=3, references=10, galleries=2)
    assert tally.visits.sum() == 6
    assert tally.granted.sum() >= 4
    assert tally.let_in == []

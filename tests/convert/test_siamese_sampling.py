"""Pairs, batches and small changes: seeded, balanced, and never a person against themselves."""

from __future__ import annotations

import numpy as np
import pytest

from convert.siamese.augment import augmented
from convert.siamese.judge import auc, judged, precision_recall, tar_at
from convert.siamese.sampling import draw_crowd, draw_group, draw_pairs, lookalikes, seeded

PEOPLE = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3, 3])


@pytest.mark.parametrize("negatives", [1.0, 1.5, 3.0])
def test_pairs_are_what_they_say(negatives: float) -> None:
    pairs = draw_pairs(PEOPLE, 200, seeded(1), negatives)
    assert ((PEOPLE[pairs.first] == PEOPLE[pairs.second]) == pairs.same.astype(bool)).all()
    assert (pairs.first != pairs.second).all()
    assert pairs.same.sum() == round(200 / (1 + negatives))


def test_pairs_are_shuffled_and_seeded() -> None:
    one, again, other = (draw_pairs(PEOPLE, 50, seeded(*seed)) for seed in ((1, 2), (1, 2), (1, 3)))
    assert one.first.tolist() == again.first.tolist()
    assert one.first.tolist() != other.first.tolist()
    assert 0 < one.same[:10].sum() < 10


def test_somebody_with_one_picture_is_only_ever_somebody_else() -> None:
    pairs = draw_pairs(PEOPLE, 300, seeded(1))
    single = (PEOPLE[pairs.first] == 2) | (PEOPLE[pairs.second] == 2)
    assert single.any()
    assert not pairs.same[single].any()


@pytest.mark.parametrize("count", [2, 3, 8])
def test_a_batch_for_mining_has_positives_for_everybody(count: int) -> None:
    rows = draw_group(PEOPLE, count, 4, seeded(1))
    assert len(rows) == 4 * count
    assert 2 not in PEOPLE[rows]
    assert all((PEOPLE[rows] == person).sum() >= 2 for person in set(PEOPLE[rows].tolist()))


# Persons 0 and 1 look alike, and so do 2 and 3; their pictures point in these directions, in degrees.
DEGREES = np.radians([0, 2, 4, 10, 14, 90, 100, 101, 102, 103])
FACES = np.column_stack([np.cos(DEGREES), np.sin(DEGREES)]).astype(np.float32) * 7


def test_look_alikes_are_those_with_the_nearest_mean_face_and_never_oneself() -> None:
    # The mean faces are at 2, 12, 90 and 101.5 degrees.
    assert lookalikes(FACES, PEOPLE, 2).tolist() == [[1, 2], [0, 2], [3, 1], [2, 1]]
    assert lookalikes(FACES, PEOPLE, 9).shape == (4, 3)


def test_strangers_of_a_pair_are_look_alikes() -> None:
    alike = lookalikes(FACES, PEOPLE, 1)
    pairs = draw_pairs(PEOPLE, 200, seeded(1), alike=alike)
    met = {(PEOPLE[a], PEOPLE[b]) for a, b, same in zip(pairs.first, pairs.second, pairs.same, strict=True) if not same}
    assert met == {(0, 1), (1, 0), (2, 3), (3, 2)}


def test_a_crowd_is_somebody_and_who_looks_like_them() -> None:
    rows = draw_crowd(PEOPLE, 2, 2, seeded(1), lookalikes(FACES, PEOPLE, 1))
    assert len(rows) == len(set(rows.tolist())) == 4
    assert set(PEOPLE[rows].tolist()) in ({0, 1}, {2, 3}, {2, 3, 0}, {2, 3, 1})  # person 2 has one picture only


def test_a_crowd_is_always_full_and_seeded() -> None:
    people = np.repeat(np.arange(40), 1 + np.arange(40) % 3)
    alike = lookalikes(np.random.default_rng(1).normal(size=(len(people), 8)).astype(np.float32), people, 3)
    one, again, other = (draw_crowd(people, 6, 4, seeded(*seed), alike).tolist() for seed in ((1, 2), (1, 2), (1, 3)))
    assert one == again != other
    assert len(one) == len(set(one)) == 24


def test_light_changes_are_light_and_seeded() -> None:
    crops = np.random.default_rng(1).integers(60, 200, (6, 4, 4, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    changed, again = (augmented(crops, "light", seeded(5)) for _ in range(2))
    assert (changed == again).all()
    assert changed.shape == crops.shape
    flipped = [
        np.abs(new.astype(int) - old[:, ::-1]).mean() < np.abs(new.astype(int) - old).mean()
        for new, old in zip(changed, crops, strict=True)
    ]
    assert 0 < sum(flipped) < 6
    nearest = [
        min(np.abs(new.astype(int) - side).mean() for side in (old, old[:, ::-1]))
        for new, old in zip(changed, crops, strict=True)
    ]
    assert 0 < max(nearest) < 20
    assert (augmented(crops, "none", seeded(5)) == crops).all()


def test_figures_by_hand() -> None:
    similarities, same = np.array([0.9, 0.8, 0.4, 0.7, 0.3, 0.1]), np.array([1, 1, 1, 0, 0, 0])
    assert auc(similarities, same) == pytest.approx(8 / 9)  # only 0.4 against 0.7 is the wrong way round
    assert precision_recall(similarities, same, 0.7) == (2 / 3, 2 / 3)
    assert precision_recall(similarities, same, 0.95) == (0.0, 0.0)
    assert tar_at(similarities, same, 0.01) == pytest.approx(2 / 3)  # above 0.7, the most alike of two people
    assert tar_at(similarities, same, 0.34) == 1.0


def test_chance_and_ties_are_one_half() -> None:
    assert auc(np.zeros(4), np.array([1, 1, 0, 0])) == 0.5


def test_a_pair_without_a_face_is_told_wrong() -> None:
    figures = judged(np.array([0.9, 0.1]), np.array([1, 0]), 0.5, unusable=2, fmr=0.1)
    assert figures.accuracy.value == 0.5
    assert (figures.pairs, figures.unusable) == (4, 2)

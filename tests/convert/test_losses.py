"""Each loss against numbers worked out by hand, with its signs and labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.convert.networks import QUIET

pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")

from convert.siamese import losses

pytestmark = QUIET

EAST, NORTH, WEST = (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)


def rows(*vectors: tuple[float, float]) -> np.ndarray:
    return np.array(vectors, np.float32)


def numbers(tensor: Any) -> list[float]:
    return [round(float(value), 4) for value in np.asarray(tensor)]


def test_similarity_is_larger_for_those_more_alike() -> None:
    assert numbers(losses.cosine(rows(EAST, EAST, EAST), rows(EAST, NORTH, WEST))) == [1, 0, -1]


def test_distance_is_between_vectors_of_unit_length() -> None:
    apart = losses.distance(rows((5, 0), EAST, EAST), rows((0, 9), WEST, (3, 0)))
    assert numbers(apart) == [round(math.sqrt(2), 4), 2, 0.0003]


def test_distance_and_similarity_put_pairs_into_the_opposite_order() -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(size=(2, 20, 4)).astype(np.float32)
    assert np.argsort(losses.distance(a, b)).tolist() == np.argsort(-np.asarray(losses.cosine(a, b))).tolist()


@pytest.mark.parametrize(
    ("second", "same", "cost"),
    [
        (EAST, 1, 0.0),  # one person, alike: nothing to pay
        (NORTH, 1, 1.0),  # one person, D² = 2: D²/2
        (WEST, 1, 2.0),
        (EAST, 0, 0.5),  # two people, D = 0: (1 - 0)²/2
        (NORTH, 0, 0.0),  # two people, farther apart than the margin of 1
        ((0.875, math.sqrt(1 - 0.875**2)), 0, 0.125),  # D² = 2 - 1.75 = 1/4, D = 1/2: (1 - 1/2)²/2
    ],
)
def test_contrastive(second: tuple[float, float], same: int, cost: float) -> None:
    (found,) = numbers(losses.contrastive(rows(EAST), rows(second), np.array([same], np.float32), 1.0))
    assert found == pytest.approx(cost, abs=5e-4)


@pytest.mark.parametrize(
    ("positive", "negative", "cost"),
    [
        (EAST, WEST, 0.0),  # 0 - 4 + 0.2 < 0
        (EAST, EAST, 0.2),  # the margin
        (NORTH, NORTH, 0.2),
        (WEST, EAST, 4.2),  # the wrong way round: 4 - 0 + 0.2
        (NORTH, EAST, 2.2),
    ],
)
def test_triplet(positive: tuple[float, float], negative: tuple[float, float], cost: float) -> None:
    assert numbers(losses.triplet(rows(EAST), rows(positive), rows(negative), 0.2)) == [pytest.approx(cost, abs=1e-3)]


@pytest.mark.parametrize(
    ("score", "same", "cost"),
    [(0.5, 1, math.log(2)), (0.5, 0, math.log(2)), (0.9, 1, -math.log(0.9)), (0.9, 0, -math.log(0.1)), (0, 1, 16.118)],
)
def test_binary_cross_entropy_of_scores_after_their_sigmoid(score: float, same: int, cost: float) -> None:
    (found,) = numbers(losses.binary_cross_entropy(np.array([score], np.float32), np.array([same], np.float32)))
    assert found == pytest.approx(cost, rel=1e-3)


def at(degrees: float) -> tuple[float, float]:
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))


def squared(degrees: float) -> float:
    return 2 - 2 * math.cos(math.radians(degrees))


BATCH = rows(at(0), at(40), at(60), at(10), at(50), at(180))  # three of Ann, two of Bob, one of Cy
PEOPLE = np.array([0, 0, 0, 1, 1, 2])


def mined(mining: losses.Mining, noise: np.ndarray | None = None) -> list[float]:
    noise = np.zeros((6, 6), np.float32) if noise is None else noise
    return [float(cost) for cost in np.asarray(losses.mined_triplet(BATCH, PEOPLE, 0.2, mining, noise))]


def test_hard_takes_the_farthest_positive_and_the_nearest_negative() -> None:
    ann = mined("hard")[0]
    assert ann == pytest.approx(squared(60) - squared(10) + 0.2, abs=1e-4)


def test_semi_hard_takes_the_nearest_negative_beyond_the_positive() -> None:
    noise = np.zeros((6, 6), np.float32)
    noise[0, 1] = 1  # Ann's positive is the one at 40 degrees
    assert mined("semi-hard", noise)[0] == pytest.approx(max(0, squared(40) - squared(50) + 0.2), abs=1e-4)


def test_semi_hard_falls_back_to_the_farthest_negative() -> None:
    people = np.array([0, 0, 1])
    batch = rows(at(0), at(170), at(20))  # no negative is farther from the first than its positive
    cost = losses.mined_triplet(batch, people, 0.2, "semi-hard", np.zeros((3, 3), np.float32))
    assert float(np.asarray(cost)[0]) == pytest.approx(squared(170) - squared(20) + 0.2, abs=1e-3)


def test_random_takes_what_the_noise_says() -> None:
    noise = np.zeros((6, 6), np.float32)
    noise[0, 2] = noise[0, 3] = 1
    assert mined("random", noise)[0] == pytest.approx(squared(60) - squared(10) + 0.2, abs=1e-4)


@pytest.mark.parametrize("mining", ["random", "semi-hard", "hard"])
def test_somebody_alone_in_the_batch_costs_nothing(mining: losses.Mining) -> None:
    assert mined(mining)[5] == 0


@pytest.mark.parametrize("mining", ["random", "semi-hard", "hard"])
def test_mining_is_the_triplet_loss_of_some_triplet(mining: losses.Mining) -> None:
    noise = np.random.default_rng(2).random((6, 6), np.float32)
    for anchor, cost in enumerate(mined(mining, noise)[:5]):
        possible = {
            round(float(np.asarray(losses.triplet(BATCH[[anchor]], BATCH[[near]], BATCH[[far]], 0.2))[0]), 3)
            for near in range(6)
            for far in range(6)
            if near != anchor and PEOPLE[near] == PEOPLE[anchor] and PEOPLE[far] != PEOPLE[anchor]
        }
        assert min(abs(cost - one) for one in possible) < 2e-3


def test_gradients_are_numbers_where_two_embeddings_coincide() -> None:
    import tensorflow as tf

    a = tf.Variable(rows(EAST, NORTH))
    with tf.GradientTape() as tape:
        cost = losses.contrastive(a, tf.constant(rows(EAST, NORTH)), tf.constant([1.0, 0.0]), 1.0)
    assert np.isfinite(tape.gradient(cost, a).numpy()).all()


@pytest.mark.parametrize(
    ("student", "cost"),
    [
        (EAST, 0.0),  # says what it said
        ((7.0, 0.0), 0.0),  # also where it says it louder: embeddings are compared at unit length
        ((0.6, 0.8), 0.4),  # 1 - 0.6
        (NORTH, 1.0),
        (WEST, 2.0),  # the opposite
    ],
)
def test_distillation_costs_what_is_lost_of_the_cosine(student: tuple[float, float], cost: float) -> None:
    (found,) = numbers(losses.distillation(rows(student), rows((3.0, 0.0))))
    assert found == pytest.approx(cost, abs=1e-4)

"""The losses, and every convention about labels, signs and distances: stated here, and nowhere else.

- `same` is 1 where two pictures show one person, 0 where they show two. All code in this package speaks `same`. The Y
  of contrastive loss is its opposite, 0 for the same person and 1 for two: it exists inside `contrastive` only.
- *Similarity* is larger where two pictures are more alike, whatever made it: the cosine of two embeddings, in [-1, 1],
  or the sigmoid of a head, in [0, 1].
- D is the Euclidean distance of two embeddings *of unit length*, in [0, 2]. There D² = 2 - 2 cosine: whoever is nearest
  is most similar, and a network trained with distances is served with cosines without a further thought.
- A loss is one number for each example, [n], never a mean: a loss that is not a number can then be traced to its file.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from convert.tensorflow import load_keras

Mining = Literal["random", "semi-hard", "hard"]

_EPSILON: Final = 1e-7  # the square root has no slope at 0, and the logarithm no value
_FAR: Final = 1e9  # beyond every distance


def cosine(a: Any, b: Any) -> Any:
    """The similarity of each row of `a` [n, d] with the same row of `b` [n, d]: [n]."""
    return load_keras().ops.sum(_unit(a) * _unit(b), axis=-1)


def distance(a: Any, b: Any) -> Any:
    """D of each row of `a` [n, d] and the same row of `b` [n, d]: [n]."""
    ops = load_keras().ops
    return ops.sqrt(ops.maximum(ops.sum(ops.square(_unit(a) - _unit(b)), axis=-1), _EPSILON))


def contrastive(a: Any, b: Any, same: Any, margin: float) -> Any:
    """(1 - Y) D²/2 + Y max(0, margin - D)²/2, with Y = 0 for the same person and 1 for two."""
    ops = load_keras().ops
    y = 1.0 - same
    apart = distance(a, b)
    return (1.0 - y) * ops.square(apart) / 2 + y * ops.square(ops.maximum(0.0, margin - apart)) / 2


def triplet(anchor: Any, positive: Any, negative: Any, margin: float) -> Any:
    """max(0, D²(anchor, positive) - D²(anchor, negative) + margin): the positive must be nearer, by `margin`."""
    ops = load_keras().ops
    near, far = ops.square(distance(anchor, positive)), ops.square(distance(anchor, negative))
    return ops.maximum(0.0, near - far + margin)


def mined_triplet(embeddings: Any, people: Any, margin: float, mining: Mining, noise: Any) -> Any:
    """Triplet loss with triplets found within a batch: `embeddings` [n, d] of the people `people` [n] -> [n].

    For each anchor, the positive is its farthest one with "hard", otherwise one drawn by `noise`. The negative is

    - "random": drawn by `noise` [n, n], uniform in [0, 1);
    - "semi-hard": the nearest of those farther than the positive; where there is none, the farthest of all;
    - "hard": the nearest.

    An anchor without a positive or without a negative in the batch costs 0.
    """
    ops = load_keras().ops
    units = _unit(embeddings)
    squared = ops.maximum(2.0 - 2.0 * ops.matmul(units, ops.transpose(units)), 0.0)  # D², [n, n]
    alike = ops.equal(people[:, None], people[None, :])
    other = ops.logical_not(alike)
    another = ops.logical_and(alike, ops.logical_not(ops.eye(ops.shape(people)[0], dtype="bool")))
    positive = _pick(squared if mining == "hard" else noise, another)
    near = ops.take_along_axis(squared, positive[:, None], axis=1)  # [n, 1]
    far = ops.take_along_axis(squared, _negative(squared, near, other, mining, noise)[:, None], axis=1)
    possible = ops.logical_and(ops.any(another, axis=1), ops.any(other, axis=1))
    return ops.where(possible, ops.maximum(0.0, near - far + margin)[:, 0], 0.0)


def binary_cross_entropy(score: Any, same: Any) -> Any:
    """-same log(score) - (1 - same) log(1 - score), of scores that have been through their sigmoid already."""
    ops = load_keras().ops
    score = ops.clip(score, _EPSILON, 1 - _EPSILON)
    return -(same * ops.log(score) + (1.0 - same) * ops.log(1.0 - score))


def distillation(student: Any, teacher: Any) -> Any:
    """1 - cosine of each row with the same row of `teacher`: nothing where the network says what it said before."""
    return 1.0 - cosine(student, teacher)


def _negative(squared: Any, near: Any, other: Any, mining: Mining, noise: Any) -> Any:
    ops = load_keras().ops
    if mining == "random":
        return _pick(noise, other)
    if mining == "hard":
        return _pick(-squared, other)
    farther = ops.logical_and(other, squared > near)
    return ops.where(ops.any(farther, axis=1), _pick(-squared, farther), _pick(squared, other))


def _pick(score: Any, allowed: Any) -> Any:
    """For each row, the column with the largest `score` among those `allowed`: [n]."""
    ops = load_keras().ops
    return ops.argmax(ops.where(allowed, score, -_FAR), axis=1)


def _unit(vectors: Any) -> Any:
    ops = load_keras().ops
    return vectors / ops.sqrt(ops.maximum(ops.sum(ops.square(vectors), axis=-1, keepdims=True), _EPSILON**2))

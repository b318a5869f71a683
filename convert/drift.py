"""What rounding does to single similarities: the same pairs of pictures by float32 and by each smaller file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from convert.drawing import BLUE, GREEN, GREY, RED, TOP, Axes, cloud, grid, svg, text, titles
from edge.comparing import COSINE, Comparator

# The files in the picture, each in its colour, the last one on top.
COLOURS: Final[Mapping[str, str]] = {"plain": GREY, "dynamic": RED, "int8": BLUE, "float16": GREEN}
_PAIRS: Final = 150  # of one person, and as many of two
_SEED: Final = 1


class Drift(Struct, frozen=True, forbid_unknown_fields=True):
    """Similarities of pairs by `float32`, and of the same ones by `files`: `genuine` of one person, the rest of two."""

    genuine: int
    float32: tuple[float, ...]
    files: dict[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Rows of pictures, [n] each; the first `genuine` pairs are of one person."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    genuine: int

    @classmethod
    def drawn(cls, people: Sequence[int], usable: NDArray[np.bool_]) -> Pairs:
        """Of the usable pictures, with a fixed seed; everybody who has two of them is as likely as the others."""
        random, owners, rows = np.random.default_rng(_SEED), np.asarray(people), np.flatnonzero(usable)
        several = [own for person in np.unique(owners[rows]) if len(own := rows[owners[rows] == person]) > 1]
        same = [random.choice(several[random.integers(len(several))], 2, replace=False) for _ in range(_PAIRS)]
        others = random.choice(rows, (20 * _PAIRS, 2))
        others = others[owners[others[:, 0]] != owners[others[:, 1]]][:_PAIRS]
        first, second = np.concatenate([np.array(same, np.intp).reshape(-1, 2), others]).T
        return cls(first, second, len(same))

    def similarities(self, vectors: NDArray[np.float32], compare: Comparator = COSINE) -> tuple[float, ...]:
        """Of unit vectors [pictures, dimension]; 0 where a file gave none."""
        both = compare.paired(vectors[self.first], vectors[self.second])
        return tuple(np.nan_to_num(both).round(4).tolist())


def drawing(drift: Drift, name: str) -> str:
    """How far each file's similarity is from float32's, over that one."""
    apart = {kind: np.subtract(drift.files[kind], drift.float32) for kind in COLOURS if kind in drift.files}
    reach = math.ceil(max((np.abs(one).max() for one in apart.values()), default=0.0) * 10 + 1e-9) / 10
    low = math.floor(min(drift.float32) * 5) / 5
    axes = Axes((low, 1.0), (-reach, reach))
    across = [(tick / 5, f"{tick / 5:.1f}") for tick in range(round(low * 5), 6)]
    parts = grid(axes, across, [(step * reach / 2, f"{step * reach / 2:+.2f}") for step in range(-2, 3)])
    for row, (kind, values) in enumerate(apart.items()):
        points = list(zip(drift.float32, values.tolist(), strict=True))
        parts.append(cloud(axes, points, COLOURS[kind]))
        parts.append(text(axes.x(low) + 8, TOP + 16 + 16 * row, kind, COLOURS[kind], "start"))
    of_whom = f"{drift.genuine} pairs of one person, {len(drift.float32) - drift.genuine} of two"
    parts += titles(f"{name}: similarity less that of float32, {of_whom}", "similarity by float32", "difference")
    return svg(parts)

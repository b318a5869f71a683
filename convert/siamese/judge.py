"""What a network is worth: from similarities and truth to AUC, precision, recall, accuracy and TAR at an FMR.

A pair is accepted when its similarity is at least the threshold, as the device compares. What has no similarity (NaN)
is never accepted, and never told right.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from convert.figures import best_threshold, correct_pairs, wilson
from convert.record import Interval

Floats = NDArray[np.float64]


class Epoch(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of metrics.csv. All but `loss` are of the validation pairs, and so is the threshold's choice."""

    epoch: int
    loss: float
    validation_loss: float
    auc: float
    threshold: float
    precision: float
    recall: float
    seconds: float
    tar: float = 0.0  # at FMR 1e-4, all their pictures against each other; only where the best epoch is chosen by it


class Figures(Struct, frozen=True, forbid_unknown_fields=True):
    """On people nobody learned from, with the threshold of the validation people. `fmr` is where `tar` was read."""

    pairs: int
    unusable: int
    threshold: float
    accuracy: Interval
    auc: float
    fmr: float
    tar: float


def auc(similarities: Floats, same: NDArray[Any]) -> float:
    """How often a pair of one person is more alike than a pair of two; a tie counts half. 0.5 is chance."""
    truth = same.astype(bool)
    genuine, impostors = similarities[truth], np.sort(similarities[~truth])
    if not len(genuine) or not len(impostors):
        return math.nan
    below = np.searchsorted(impostors, genuine, side="left") + np.searchsorted(impostors, genuine, side="right")
    return float(below.mean() / (2 * len(impostors)))


def precision_recall(similarities: Floats, same: NDArray[Any], threshold: float) -> tuple[float, float]:
    """Of those accepted, the share of one person; of those of one person, the share accepted."""
    truth, accepted = same.astype(bool), similarities >= threshold
    right, told, true = (int(np.count_nonzero(each)) for each in (truth & accepted, accepted, truth))
    return right / max(1, told), right / max(1, true)


def tar_at(similarities: Floats, same: NDArray[Any], fmr: float) -> float:
    """The share of pairs of one person above the similarity that a share `fmr` of the others exceeds at most."""
    truth = same.astype(bool)
    impostors = -np.sort(-similarities[~truth])
    limit = impostors[min(math.floor(fmr * len(impostors)), len(impostors) - 1)]
    return float(np.mean(similarities[truth] > limit))


def chosen_threshold(similarities: Floats, same: NDArray[Any]) -> float:
    """The one with the most correct pairs."""
    return best_threshold(similarities, same.astype(bool))


def judged(similarities: Floats, same: NDArray[Any], threshold: float, unusable: int, fmr: float) -> Figures:
    """The figures of the test pairs; `unusable` more of them had no face, and count as told wrong."""
    right = correct_pairs(similarities, same.astype(bool), threshold)
    return Figures(
        pairs=len(same) + unusable,
        unusable=unusable,
        threshold=threshold,
        accuracy=wilson(right, len(same) + unusable),
        auc=auc(similarities, same),
        fmr=fmr,
        tar=tar_at(similarities, same, fmr),
    )

"""From what happened at the simulated door to shares with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from convert.door import Tally
from convert.door_record import Rate
from convert.figures import draw

ROUNDS: Final = 1000
_TAIL: Final = 0.025


def clopper_pearson(events: int, trials: int) -> tuple[float, float]:
    """The exact 95 % interval of a share (Clopper and Pearson 1934): it is never narrower than the truth.

    With no event in n trials the upper end is 1 - 0.025^(1/n), about 3.7 in n.
    """
    if not 0 <= events <= trials or trials == 0:
        raise ValueError(f"{events} of {trials} is not a share")
    low = 0.0 if events == 0 else _solve(lambda p: 1 - _at_most(events - 1, trials, p) - _TAIL)
    high = 1.0 if events == trials else _solve(lambda p: _TAIL - _at_most(events, trials, p))
    return low, high


def false_positives(tally: Tally, rounds: int = ROUNDS, seed: int = 1) -> Rate:
    """FPIR. The draws take strangers and residents anew.

    A stranger who resembles one resident is one bad pair, however many galleries the two meet in.
    """
    events, strangers = len(tally.let_in), tally.strangers
    visits = tally.galleries * strangers
    household = tally.enrolled.sum() / max(1, tally.galleries)
    pairs = np.array(tally.let_in, np.int64).reshape(-1, 2)
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(rounds):
        who, home = draw(random, strangers), draw(random, len(tally.enrolled))
        doors = (home * tally.enrolled).sum() / household  # as many galleries as the drawn residents would fill
        drawn.append((who[pairs[:, 0]] * home[pairs[:, 1]]).sum() / max(1.0, doors * strangers))
    return _rate(events, visits, strangers, drawn)


def let_in_as(tally: Tally, near: NDArray[np.bool_], rounds: int = ROUNDS, seed: int = 1) -> Rate:
    """FPIR of look-alikes: of the visits by strangers who are `near` [strangers, residents] to somebody enrolled.

    Only those count that open the door under that resident's name.
    """
    pairs = [(stranger, resident) for stranger, resident in tally.let_in if near[stranger, resident]]
    who, whom = np.array(pairs, np.int64).reshape(-1, 2).T
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(rounds):
        visitor, home = draw(random, len(near)), draw(random, near.shape[1])
        visits = visitor @ near @ (home * tally.enrolled)
        drawn.append((visitor[who] * home[whom]).sum() / max(1, int(visits)))
    return _rate(len(pairs), int(near.sum(axis=0) @ tally.enrolled), int(near[:, tally.enrolled > 0].sum()), drawn)


def false_negatives(tally: Tally, distinct: int, rounds: int = ROUNDS, seed: int = 1) -> Rate:
    """FNIR, of residents' visits of which `distinct` are different; the draws take residents anew."""
    return _of_residents(tally, tally.visits - tally.granted, distinct, rounds, seed)


def mistaken(tally: Tally, distinct: int, rounds: int = ROUNDS, seed: int = 1) -> Rate:
    """Residents let in under another resident's name; part of the FNIR."""
    return _of_residents(tally, tally.mistaken, distinct, rounds, seed)


def extrapolate(share: float, enrolled: int, people: int) -> float:
    """The share of strangers let in with `people` enrolled, if each of them erred like each of the `enrolled` did.

    1 - (1 - p)^people, where 1 - (1 - p)^enrolled is `share`: strangers who resemble several residents at once make it
    too high, residents who resemble many strangers make no difference.
    """
    return float(1.0 - (1.0 - share) ** (people / enrolled))


def _of_residents(tally: Tally, events: NDArray[np.int64], distinct: int, rounds: int, seed: int) -> Rate:
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(rounds):
        weights = draw(random, len(events))
        drawn.append((weights * events).sum() / max(1, int((weights * tally.visits).sum())))
    return _rate(int(events.sum()), int(tally.visits.sum()), distinct, drawn)


def _rate(events: int, visits: int, people_visits: int, drawn: list[float]) -> Rate:
    value = events / max(1, visits)
    low, high = np.percentile(np.clip(drawn, 0, 1), [2.5, 97.5]).tolist()
    bound = clopper_pearson(min(people_visits, math.ceil(value * people_visits - 1e-9)), people_visits)
    value, low, high, bound_low, bound_high = (round(share, 6) for share in (value, low, high, *bound))
    return Rate(value, low, high, bound_low, bound_high, events, visits, people_visits)


def _at_most(events: int, trials: int, p: float) -> float:
    """The binomial probability of at most `events`."""
    if p in {0.0, 1.0}:
        return float(p == 0.0 or events >= trials)
    terms = (
        math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        + k * math.log(p) + (trials - k) * math.log1p(-p)
        for k in range(events + 1)
    )  # fmt: skip
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def _solve(rising: Callable[[float], float]) -> float:
    """Where a function that rises over [0, 1] crosses 0."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2

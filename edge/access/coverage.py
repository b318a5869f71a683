"""Which way the head is turned in each reference, and which views a set of them still lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final, Literal

from edge.access.gallery import similarity
from edge.comparing import Comparator
from edge.values import Probe

# The sides are the person's own: who turns left shows the camera a nose further right in the picture.
View = Literal["straight", "left", "right", "up", "down"]

# From how far on a head counts as turned, in eye distances (`Quality.yaw`, `Quality.pitch`); about 12 degrees. A flat
# picture that is tilted stays below. How high a nose sits differs from face to face and with the camera's height, so
# up and down are counted from the middle of the set.
_TURNED: Final = 0.12
_TILTED: Final = 0.08
_TURNS: Final[tuple[View, ...]] = ("left", "right", "up", "down")


def needs(wanted: int) -> Mapping[View, int]:
    """How many of each view make `wanted` references good: half of them straight, and one of each turn that fits."""
    turns = dict.fromkeys(_TURNS[: wanted // 2], 1)
    return {"straight": wanted - wanted // 2, **turns}


def views(probes: Sequence[Probe]) -> list[View]:
    """The view of each of `probes`, which have all passed the quality gate."""
    poses = [(one.quality.yaw, one.quality.pitch) for one in probes if one.quality is not None]
    level = median(pitch for _, pitch in poses) if poses else 0.0
    return [_view(yaw / _TURNED, (pitch - level) / _TILTED) for yaw, pitch in poses]


def lacking(taken: Sequence[Probe], wanted: int) -> list[View]:
    """The views of which there are too few, straight first."""
    have = Counter(views(taken))
    return [view for view, need in needs(wanted).items() if have[view] < need]


def with_another(taken: tuple[Probe, ...], probe: Probe, wanted: int, compare: Comparator) -> tuple[Probe, ...]:
    """`taken` with `probe`: added while there is room, else in the place of the member that is missed least.

    A full set changes only where `probe` shows a view that it lacks. What goes is of a view with more than it needs,
    and the one most like another member.
    """
    both = (*taken, probe)
    if len(both) <= wanted:
        return both
    seen, need = views(both), needs(wanted)
    have = Counter(seen)
    spare = [index for index, view in enumerate(seen) if have[view] > need.get(view, 0)]
    if seen[-1] in {seen[index] for index in spare}:
        return taken
    redundant = max(spare, key=lambda index: _nearest(both, index, compare))
    return (*both[:redundant], *both[redundant + 1 :])


def _view(across: float, down: float) -> View:
    if max(abs(across), abs(down)) < 1:
        return "straight"
    if abs(across) >= abs(down):
        return "left" if across > 0 else "right"
    return "down" if down > 0 else "up"


def _nearest(probes: Sequence[Probe], index: int, compare: Comparator) -> float:
    """The similarity of one to whichever other is most like it."""
    own = probes[index].embedding
    others = (similarity(compare, own, one.embedding) for place, one in enumerate(probes) if place != index)
    return max((one for one in others if one >= -1.0), default=-1.0)  # `>=` leaves NaN out

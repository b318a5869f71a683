"""Finding the shared tower of a siamese model: the part that each of its inputs goes through alone.

A model is given as its `Step`s, whatever library it comes from. Two steps compute the same when the same operation,
with the same weights, made them from steps that compute the same; all inputs count as the same. So the tower ends at
the last steps that belong to one input each and compute the same for every input, and what follows is the head.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from convert.errors import ConversionError

_SHOWN: Final = 12


@dataclass(frozen=True, eq=False)
class Step:
    """One tensor of a model. `kind` is equal for two steps only if one operation with the same weights made both."""

    name: str  # as people see it in the model
    shape: str
    kind: Hashable = None
    parents: tuple[Step, ...] = ()
    tensor: Any = field(default=None, repr=False)  # the library's own


def find_tower(inputs: Sequence[Step], outputs: Sequence[Step], wanted: str | None = None) -> tuple[Step, ...]:
    """Where the tower ends: one step for each input.

    `wanted` names that step instead of having it found. A model of one input is its own tower. Raises ConversionError
    with the candidates when there is not exactly one.
    """
    graph = _Graph(inputs, outputs)
    if wanted is not None:
        towers = graph.complete(graph.like(wanted))
        if len(towers) != 1:
            what = "is ambiguous" if towers else f"is not in the model or not in a part that {_all_of(inputs)}"
            raise ConversionError(f"--tower {wanted}: {what}; {_listed(graph)}")
        return towers[0]
    towers = graph.complete(graph.frontier())
    if not towers:
        raise ConversionError(f"no shared tower: the branches have weights of their own; {_listed(graph)}")
    if len(towers) > 1:
        ends = [tower[0] for tower in towers]
        raise ConversionError(f"more than one place where the tower may end; name it with --tower: {_names(ends)}")
    return towers[0]


def head_steps(inputs: Sequence[Step], outputs: Sequence[Step]) -> tuple[Step, ...]:
    """The steps that see several inputs, in the order of the computation."""
    graph = _Graph(inputs, outputs)
    return tuple(step for step in graph.steps if len(graph.reached[step]) > 1)


class _Graph:
    """The steps in order of computation, which inputs each sees, and which compute the same."""

    def __init__(self, inputs: Sequence[Step], outputs: Sequence[Step]) -> None:
        self.steps = tuple(_ordered(outputs))
        self._inputs = tuple(inputs)
        self._outputs = frozenset(outputs)
        self.reached: dict[Step, frozenset[int]] = {}
        self._same: dict[Step, int] = {}
        known: dict[Hashable, int] = {}
        number = {step: index for index, step in enumerate(inputs)}
        for step in self.steps:
            of_parents = frozenset[int]().union(*(self.reached[parent] for parent in step.parents))
            self.reached[step] = frozenset({number[step]}) if step in number else of_parents
            computed = None if step in number else (step.kind, *(self._same[parent] for parent in step.parents))
            self._same[step] = known.setdefault(computed, len(known))

    def frontier(self) -> list[Step]:
        """Steps that see one input and whose result leaves its branch."""
        leaving = set(self._outputs)
        for step in self.steps:
            if len(self.reached[step]) > 1:
                leaving.update(step.parents)
        return [step for step in self.steps if step in leaving and len(self.reached[step]) == 1]

    def like(self, name: str) -> list[Step]:
        """Steps that see one input and compute the same as one of that name."""
        alone = [step for step in self.steps if len(self.reached[step]) == 1]
        meant = {self._same[step] for step in alone if step.name == name}
        return [step for step in alone if self._same[step] in meant]

    def complete(self, steps: Sequence[Step]) -> list[tuple[Step, ...]]:
        """Those of the steps that compute the same for every input, put together."""
        found: dict[int, dict[int, Step]] = {}
        for step in steps:
            if step not in self._inputs:
                (branch,) = self.reached[step]
                found.setdefault(self._same[step], {})[branch] = step
        complete = [group for group in found.values() if len(group) == len(self._inputs)]
        return [tuple(group[branch] for branch in sorted(group)) for group in complete]

    def shared(self) -> list[Step]:
        """The first input's side of everything that every input goes through."""
        alone = [step for step in self.steps if len(self.reached[step]) == 1]
        return [tower[0] for tower in self.complete(alone)]


def _ordered(outputs: Sequence[Step]) -> Iterator[Step]:
    """Every step after its parents; without recursion, for networks are deep."""
    done: set[Step] = set()
    waiting = list(reversed(outputs))
    while waiting:
        step = waiting[-1]
        missing = [parent for parent in step.parents if parent not in done]
        if missing:
            waiting.extend(reversed(missing))
            continue
        waiting.pop()
        if step not in done:
            done.add(step)
            yield step


def _all_of(inputs: Sequence[Step]) -> str:
    return "its input goes through" if len(inputs) == 1 else f"all {len(inputs)} inputs go through"


def _listed(graph: _Graph) -> str:
    shared = graph.shared()
    return f"candidates for --tower: {_names(shared)}" if shared else "nothing is shared by all inputs"


def _names(steps: Sequence[Step]) -> str:
    """The last few, which are the likelier ones, last first."""
    names = dict.fromkeys(f"{step.name} {step.shape}" for step in reversed(steps))
    more = f" and {len(names) - _SHOWN} earlier" if len(names) > _SHOWN else ""
    return ", ".join(list(names)[:_SHOWN]) + more

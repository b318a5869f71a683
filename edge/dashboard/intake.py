"""Events on their way into the archive: each once, shown at once, and kept as soon as that is possible."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from edge.dashboard.archive import Archive
from edge.dashboard.hearing import Told
from edge.dashboard.values import EventView
from edge.dashboard.why import view
from edge.errors import StoreError

_MOST_SEEN: Final = 10_000
_MOST_UNSTORED: Final = 2000
_MOST_AT_ONCE: Final = 500
_RETRY_SECONDS: Final = 5.0

_Key = tuple[str, str]  # a door, and the id it gave an event


class Intake:
    """Memory is bounded: `lost` has what could be kept neither in the archive nor here, to be asked for again."""

    def __init__(self, archive: Archive, now: float) -> None:
        self.problem = ""
        self.lost: list[Told] = []
        self._archive = archive
        self._seen: OrderedDict[_Key, None] = OrderedDict((key, None) for key in archive.keys(_MOST_SEEN))
        self._fresh: list[tuple[Told, int]] = []
        self._unstored: deque[tuple[Told, int]] = deque()
        self._store_at = now

    def seen(self, told: Told) -> bool:
        """Whether this event came lately. The archive knows the rest."""
        return (told.door, told.event.id) in self._seen

    def offer(self, told: Told, era: int) -> None:
        self._seen[told.door, told.event.id] = None
        if len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        self._fresh.append((told, era))

    def flush(self, now: float) -> list[EventView]:
        """Store what there is; returns what to show: what was stored, or what is new and could not be."""
        waiting = [*self._unstored, *self._fresh]
        if not waiting:
            return []
        if now >= self._store_at:
            try:
                shown = [row for part in _parts(waiting) for row in self._archive.add(part)]
            except StoreError as error:
                self.problem = str(error)
                self._store_at = now + _RETRY_SECONDS
            else:
                self.problem = ""
                self._unstored.clear()
                self._fresh = []
                return shown
        return self._set_aside()

    def _set_aside(self) -> list[EventView]:
        fresh, self._fresh = self._fresh, []
        self._unstored.extend(fresh)
        while len(self._unstored) > _MOST_UNSTORED:
            told, _ = self._unstored.popleft()
            self._seen.pop((told.door, told.event.id), None)
            self.lost.append(told)
        return [view(replace(told, marks=(*told.marks, "unstored")), 0) for told, _ in fresh]


def _parts(waiting: Sequence[tuple[Told, int]]) -> Iterator[Sequence[tuple[Told, int]]]:
    """Short transactions: others want to write, too."""
    for start in range(0, len(waiting), _MOST_AT_ONCE):
        yield waiting[start : start + _MOST_AT_ONCE]

"""Does one case many times, and says what the pin did meanwhile."""

from __future__ import annotations

import hashlib
import random
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from msgspec import Struct

from tests.edge.pins import CLOCK, PROMISE
from tests.faults.cases import Case
from tests.faults.house import UNLOCK

_BEAT: Final = 0.02
_PROJECT: Final = Path(__file__).parents[2]
# What a case depends on: the product, and what is done to it.
_TREE: Final = (
    "edge/**/*.py",
    *(f"tests/faults/{name}.py" for name in ("bench", "cases", "house", "systemctl", "upgrading")),
)


class Record(Struct, frozen=True):
    """`unwanted`: openings that no grant asked for. `late_seconds`: how late a mere sleeper was woken at worst.

    `tree`: what was measured, as `tree()` names it.
    """

    case: str
    times: int
    seed: int
    openings: int
    unwanted: int
    longest_seconds: float
    late_seconds: float
    took_seconds: float
    troubles: tuple[str, ...] = ()
    tree: str = ""

    @property
    def beyond(self) -> float:
        """Seconds by which the longest pulse was longer than asked."""
        return self.longest_seconds - UNLOCK

    def problems(self, case: Case) -> list[str]:
        """What is not as promised."""
        found = [*self.troubles]
        if self.unwanted:
            found.append(f"unlocked {self.unwanted} times without a grant")
        if case.bounded and self.beyond > PROMISE + self.late_seconds:
            found.append(
                f"unlocked for {self.longest_seconds:.3f} s; a mere sleeper was {self.late_seconds:.3f} s late"
            )
        return found


class Sleeper:
    """Sleeps beside the door, and notes by how much the machine woke it late: what is not the door's doing."""

    def __init__(self) -> None:
        self.latest = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sleep)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _sleep(self) -> None:
        while not self._done.is_set():
            asleep = CLOCK.now()
            CLOCK.sleep(_BEAT)
            self.latest = max(self.latest, CLOCK.now() - asleep - _BEAT)


def tree() -> str:
    """A name for the code that is measured: a digest of its files."""
    whole = hashlib.sha256()
    for file in sorted(file for pattern in _TREE for file in _PROJECT.glob(pattern)):
        whole.update(f"{file.relative_to(_PROJECT)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:8]


def run(case: Case, times: int, seed: int, done: Callable[[], object] = lambda: None) -> Record:
    """Calls `done` after each fault. Raises nothing for what a door does wrong: that stands in `troubles`."""
    chance = random.Random(f"{seed} {case.name}")
    troubles: list[str] = []
    measured = tree()
    began = CLOCK.now()
    with (
        tempfile.TemporaryDirectory(prefix="limen-faults-") as folder,
        case.house(Path(folder), chance) as house,
        Sleeper() as sleeper,
    ):
        for number in range(times):
            try:
                case.act(house)
            except AssertionError as error:
                first = next(iter(str(error).strip().splitlines()), repr(error))
                troubles.append(f"{number + 1}: {first}")
                house.clear_away()
            done()
        house.clear_away()
        longest, openings, unwanted = house.pin.longest(), house.openings(), len(house.unwanted())
    return Record(
        case=case.name,
        times=times,
        seed=seed,
        openings=openings,
        unwanted=unwanted,
        longest_seconds=round(longest, 4),
        late_seconds=round(sleeper.latest, 4),
        took_seconds=round(CLOCK.now() - began, 1),
        troubles=tuple(troubles),
        tree=measured,
    )

"""What a configuration makes of a recording: the whole rule over its pictures, in the recording's own time.

No strike and no journal are near. Every picture is looked at, also where a slow computer at the door would miss some;
nobody gives a PIN or presses a button; and attempts lead to a lock-out as they would at the door.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from edge.access.policy import SECOND_FACTOR_SECONDS
from edge.camera.recording import recorded
from edge.pipeline import Pipeline
from edge.service.rule import effective_rule
from edge.settings import Settings
from edge.values import Decision, Person
from edge.vision.eye import open_eye

# Long enough for whatever is still waited for when the recording ends.
_AFTERWARDS: Final = SECOND_FACTOR_SECONDS + 2.0
_STEP: Final = 0.25


class RecordedClock:
    """Goes at the pace of a recording. `began`: when that began; without it the clock is not to be trusted."""

    def __init__(self, began: datetime | None) -> None:
        self._began = began
        self._seconds = 0.0

    def now(self) -> float:
        return self._seconds

    def cpu(self) -> float:
        return self._seconds

    def wall(self) -> datetime:
        return (self._began or datetime(1970, 1, 1, tzinfo=UTC)) + timedelta(seconds=self._seconds)

    def trusted(self) -> bool:
        return self._began is not None

    def sleep(self, seconds: float) -> None:
        self._seconds += max(0.0, seconds)


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of it. `unusable`: how many people the embedder of this configuration cannot compare with."""

    decisions: tuple[Decision, ...]
    frames: int
    failed: int
    unusable: int


def replay(clip: Path, settings: Settings, people: Iterable[Person], began: datetime | None) -> Replay:
    """Decide `clip` under `settings`. Raises LimenError when it cannot be read, or the models cannot."""
    clock = RecordedClock(began)
    eye = open_eye(settings.vision, settings.models, clock, faces=settings.access.faces)
    pipeline = Pipeline(eye, effective_rule(settings), people, clock)
    decisions: list[Decision] = []
    frames = failed = 0
    for frame in recorded(clip, settings.camera, clock):
        step = pipeline.step(frame)
        decisions += step.decisions
        frames += 1
        failed += step.failed
    end = clock.now() + _AFTERWARDS
    while clock.now() < end:
        clock.sleep(_STEP)
        decisions += pipeline.step(None).decisions
    return Replay(tuple(decisions), frames, failed, len(pipeline.gallery.unusable))


def side_by_side(
    one: Sequence[Decision], other: Sequence[Decision]
) -> Iterator[tuple[Decision | None, Decision | None]]:
    """Decisions of two replays in the order of time; those of visits that overlap together."""
    left, right = list(one), list(other)
    while left and right:
        if left[0].at < right[0].started_at:
            yield left.pop(0), None
        elif right[0].at < left[0].started_at:
            yield None, right.pop(0)
        else:
            yield left.pop(0), right.pop(0)
    yield from ((decision, None) for decision in left)
    yield from ((None, decision) for decision in right)

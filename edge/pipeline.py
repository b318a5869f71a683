"""One frame through the house: Frame -> Probe -> Decision. The whole step fits on a screen.

Owns what must survive from one frame to the next: the visit, the gallery and the enrolment window. It decides; it does
not act: opening, storing and telling belong to `edge.app`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from edge.access import enrolment, visits
from edge.access.enrolment import Outcome, Progress, Window
from edge.access.gallery import Gallery
from edge.access.policy import Rule
from edge.clock import Clock
from edge.values import Decision, Frame, Match, Person, Probe
from edge.vision.eye import Eye

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one frame, or the passing of time, led to. `nearest` is the person the face resembles most."""

    probe: Probe | None = None
    nearest: Match | None = None
    decisions: tuple[Decision, ...] = ()
    enrolment: tuple[Progress | Outcome, ...] = ()
    failed: bool = False


class Pipeline:
    """Feed it frames in order, from one thread."""

    def __init__(self, eye: Eye, rule: Rule, people: Iterable[Person], clock: Clock) -> None:
        self.rule = rule
        self.window: Window | None = None
        self.gallery = Gallery.of(people, eye.space, rule)
        self._eye = eye
        self._clock = clock
        self._visits = visits.begin()

    def admit(self, people: Iterable[Person]) -> None:
        """Take a new set of enrolled people. A visit goes on; its next frame is held against the new set."""
        self.gallery = Gallery.of(people, self._eye.space, self.rule)

    def open_window(self, window: Window) -> None:
        """Begin an enrolment. Whoever is there is not being judged any more."""
        self.window = window
        self._visits = visits.begin()

    def step(self, frame: Frame | None) -> Step:
        """Look at one frame; with None only time has passed. Never raises: an error is a frame that decides nothing."""
        try:
            return self._step(frame)
        except Exception:  # noqa: BLE001 - a named place
            # The door outlives whatever a picture can do to a library, and stays locked.
            _log.exception("a frame was dropped")
            return Step(failed=True)

    def _step(self, frame: Frame | None) -> Step:
        enrolling = self.window is not None
        probe = None if frame is None else self._eye.look(frame, keep=self._visits.box, count=enrolling)
        now = self._clock.now()
        if self.window is not None:
            self.window, news = enrolment.step(self.window, probe, self.gallery, self.rule, now)
            return Step(probe, enrolment=news)
        self._visits, decisions = visits.step(self._visits, probe, self.gallery, self.rule, now, _new_id)
        look = self._visits.look
        return Step(probe, None if look is None else look.match, decisions)


def _new_id() -> str:
    return uuid.uuid4().hex

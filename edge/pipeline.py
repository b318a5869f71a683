"""One frame through the house: Frame -> Probe -> Decision. The whole step fits on a screen.

Owns what must survive from one frame to the next: the visit, the gallery, the enrolment window, the lock-out and what
was given besides faces. It decides; it does not act: opening, storing and telling belong to `edge.app`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from edge.access import enrolment, lockout, visits
from edge.access.checks import Circumstances
from edge.access.enrolment import Outcome, Progress, Window
from edge.access.gallery import Gallery
from edge.access.lockout import Lockout
from edge.access.policy import Rule
from edge.access.second_factor import NOTHING, Given
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
        self.lockout = Lockout()
        self.given: Given = NOTHING
        self.gallery = Gallery.of(people, eye.space, rule)
        self._eye = eye
        self._clock = clock
        self._visits = visits.begin()

    def admit(self, people: Iterable[Person]) -> None:
        """Take a new set of enrolled people. A visit goes on; its next frame is held against the new set."""
        self.gallery = Gallery.of(people, self._eye.space, self.rule)

    @property
    def awaits(self) -> str | None:
        """Whose second factor the present visit waits for: a person's id."""
        waiting = self._visits.waiting
        return waiting.person_id if waiting is not None and waiting.missing == "second_factor" else None

    def open_window(self, window: Window) -> None:
        """Begin an enrolment. From the next frame on nobody is being judged; whoever tried until then has tried."""
        self.window = window

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
        self.lockout = lockout.passed(self.lockout, now)
        besides = Circumstances(self._clock.wall(), self._clock.trusted(), self.lockout.until, self.given)
        if self.window is not None:
            self._visits, decisions = visits.end(self._visits, self.gallery, self.rule, now, besides)
            self._count(decisions, now)
            self.window, news = enrolment.step(self.window, probe, self.gallery, self.rule, now)
            return Step(probe, decisions=decisions, enrolment=news)
        self._visits, decisions = visits.step(self._visits, probe, self.gallery, self.rule, now, _new_id, besides)
        self._count(decisions, now)
        look = self._visits.look
        return Step(probe, None if look is None else look.match, decisions)

    def _count(self, decisions: Iterable[Decision], now: float) -> None:
        """What decisions leave behind for the next ones."""
        for decision in decisions:
            self.lockout = lockout.after(self.lockout, decision, self.rule, now)
            if decision.verdict == "granted" and decision.match is not None:
                self.given = self.given.spent_on(decision.match.person_id)


def _new_id() -> str:
    return uuid.uuid4().hex

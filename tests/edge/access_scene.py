"""What the access tests are told with: faces at chosen similarities, frames, and a door that watches them.

Every person is an axis of the embedding space, so a similarity is one coordinate and exactly what the test says.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from edge.access import enrolment, visits
from edge.access.checks import Circumstances
from edge.access.enrolment import EnrolmentRequest, Outcome, Progress
from edge.access.gallery import Gallery
from edge.access.policy import Rule, make_rule
from edge.access.second_factor import Given
from edge.settings import AccessSettings, EnrolmentSettings
from edge.values import Box, Crop, Decision, Embedding, Face, Person, Probe, Quality, QualityWord, Terms

SPACE = "0123456789ab"
WHEN = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CARD = [(1e-3, 0.4375), (1e-4, 0.5), (1e-5, 0.5625)]
RULE = make_rule(AccessSettings(), CARD)  # 0.5 with half of the references, 3 of 5 frames, margin 0.05, dwell 0.6 s

AXES = {name: axis for axis, name in enumerate(("ana", "ben", "cem", "stranger", "passer_by"))}
_REST = len(AXES)  # the axis for whatever of a face is like nobody
DIMENSION = _REST + 1

HERE = Box(200, 100, 100, 120)
BESIDE = Box(400, 100, 100, 120)


def vector(values: Any, space: str = SPACE) -> Embedding:
    return Embedding(np.array(values, dtype=np.float32), space)


def like(**similarities: float) -> Embedding:
    """A face with these similarities to the people named."""
    values = np.zeros(DIMENSION)
    for name, similarity in similarities.items():
        values[AXES[name]] = similarity
    values[_REST] = math.sqrt(max(0.0, 1.0 - float(values @ values)))
    return vector(values)


def face_of(name: str) -> Embedding:
    return like(**{name: 1.0})


def person(name: str, references: int = 10, **terms: Any) -> Person:
    return Person(name, name.title(), (face_of(name),) * references, WHEN, Terms(**terms))


def gallery(*people: Person) -> Gallery:
    return Gallery.of(people, SPACE, RULE)


@dataclass(frozen=True)
class Sight:
    """What the camera sees for a while."""

    embedding: Embedding | None
    box: Box = HERE
    refusal: QualityWord | None = None
    faces: int = 1
    age: float = 0.0
    crop: Crop | None = None
    yaw: float = 0.0
    pitch: float = 0.0

    def probe(self, now: float, number: int = 0) -> Probe:
        face = Face(self.box, score=0.9, keypoints=np.zeros((6, 2), np.float32))
        quality = Quality(self.box.size, 200.0, 120.0, 50.0, self.yaw, self.pitch, 0.0, self.refusal)
        return Probe(now - self.age, number, self.faces, face, self.crop, quality, self.embedding)


def sight(name: str, box: Box = HERE, **changes: Any) -> Sight:
    return Sight(face_of(name), box, **changes)


def unclear(word: QualityWord = "blurred", box: Box = HERE) -> Sight:
    return Sight(None, box, word)


NOBODY: Sight | None = None


class Door:
    """Watches sights in story time, and keeps what was decided. `besides` is all but time and pictures."""

    def __init__(self, *people: Person, at: float = 1000.0, **rule: Any) -> None:
        self.rule: Rule = replace(RULE, **rule)
        self.gallery = gallery(*people)
        self.besides = Circumstances(WHEN, clock_trusted=True)
        self.state = visits.begin()
        self.now = at
        self.decisions: list[Decision] = []
        numbers = itertools.count(1)
        self._new_id: Callable[[], str] = lambda: f"visit-{next(numbers)}"

    def watch(self, seen: Sight | None, seconds: float, *, every: float = 0.125) -> list[Decision]:
        """See the same thing for a while; the decisions made meanwhile."""
        return [made for _ in range(round(seconds / every)) for made in self.frame(seen, every=every)]

    def frames(self, *sights: Sight | None, every: float = 0.125) -> list[Decision]:
        return [made for seen in sights for made in self.frame(seen, every=every)]

    def frame(self, seen: Sight | None, *, every: float = 0.125) -> list[Decision]:
        """One frame, then `every` seconds pass."""
        probe = seen.probe(self.now) if seen is not None else Probe(self.now, 0, 0)
        made = self.step(probe)
        self.now += every
        return made

    def step(self, probe: Probe | None) -> list[Decision]:
        self.state, made = visits.step(self.state, probe, self.gallery, self.rule, self.now, self._new_id, self.besides)
        self.decisions += made
        for decision in made:
            if decision.verdict == "granted" and decision.match is not None:
                self._give(self.besides.given.spent_on(decision.match.person_id))
        return list(made)

    def pin(self, name: str) -> Door:
        """This person's PIN is entered."""
        return self._give(self.besides.given.with_pin(name, self.now))

    def confirm(self) -> Door:
        """Somebody inside presses their button."""
        return self._give(replace(self.besides.given, confirmed=self.now))

    def press(self) -> Door:
        """The button at the door is pressed."""
        return self._give(replace(self.besides.given, pressed=self.now))

    def _give(self, given: Given) -> Door:
        self.besides = replace(self.besides, given=given)
        return self

    @property
    def told(self) -> list[tuple[str, str]]:
        """Every decision so far: who was granted, or `refused` and why."""
        return [tell(decision) for decision in self.decisions]


def tell(decision: Decision) -> tuple[str, str]:
    who = decision.match.person_id if decision.match is not None else "nobody"
    return ("granted", who) if decision.verdict == "granted" else ("refused", decision.reason)


REQUEST = EnrolmentRequest("Ana", "ana", references=10, transaction="t1", asked_at=WHEN)


class Booth:
    """A door with an enrolment window open; keeps what was told and when."""

    def __init__(self, *enrolled: Person, request: EnrolmentRequest = REQUEST, **changes: Any) -> None:
        self.gallery = gallery(*enrolled)
        self.now = 1000.0
        self.window: enrolment.Window | None = enrolment.start(request, self.now, EnrolmentSettings(**changes))
        self.told: list[tuple[float, Progress]] = []
        self.outcome: Outcome | None = None

    def watch(self, *sights: Sight | None, seconds: float, every: float = 0.125) -> Booth:
        """See these in turn, again and again."""
        for number in range(round(seconds / every)):
            if self.window is None:
                break
            seen = sights[number % len(sights)]
            self.step(seen.probe(self.now) if seen is not None else Probe(self.now, 0, 0))
            self.now += every
        return self

    def step(self, probe: Probe | None) -> None:
        assert self.window is not None
        self.window, news = enrolment.step(self.window, probe, self.gallery, RULE, self.now)
        for one in news:
            if isinstance(one, Progress):
                self.told.append((self.now, one))
            else:
                self.outcome = one
        assert (self.window is None) == (self.outcome is not None)

    @property
    def ended(self) -> Outcome:
        assert self.outcome is not None
        assert (self.outcome.person is None) != (self.outcome.error is None)
        return self.outcome

    @property
    def error(self) -> str:
        assert self.ended.error is not None
        return self.ended.error.code

    @property
    def enrolled(self) -> Person:
        assert self.ended.person is not None
        return self.ended.person

    @property
    def prompts(self) -> list[str]:
        """The prompts in the order they were told, each once in a row."""
        words = [one.prompt for _, one in self.told]
        return [word for number, word in enumerate(words) if number == 0 or word != words[number - 1]]

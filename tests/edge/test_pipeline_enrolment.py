"""Enrolments and the door they interrupt: whoever tried before one has tried, and a flat photograph can be enrolled."""

from __future__ import annotations

from itertools import count
from typing import cast

import numpy as np

from edge.access import enrolment
from edge.access.enrolment import Outcome, Progress
from edge.access.policy import make_rule
from edge.access.references import EnrolmentRequest
from edge.camera import make_source
from edge.pipeline import Pipeline
from edge.settings import AccessSettings, CameraSettings, EnrolmentSettings, VisionSettings
from edge.values import Decision, Frame, Probe
from edge.vision import Eye, open_eye
from tests.conftest import PICTURES
from tests.edge.access_scene import REQUEST, RULE, SPACE, Sight, like, person, sight, tell
from tests.edge.cameras import ObedientClock
from tests.edge.eyes import MODELS


def test_a_flat_picture_that_cannot_turn_is_enrolled_in_less_than_ten_seconds() -> None:
    """The demo's resident before a real eye, swaying: asked to turn, and taken all the same."""
    clock = ObedientClock()
    eye = open_eye(VisionSettings(), MODELS, clock)
    rule = make_rule(AccessSettings(), [(step.fmr, step.similarity) for step in eye.cards["embedder"].thresholds])
    pipeline = Pipeline(eye, rule, (), clock)
    source = make_source(CameraSettings(source=f"demo:{PICTURES}"), clock, PICTURES)
    source.open()
    started = clock.now()
    request = EnrolmentRequest("Eileen", "eileen", 10, "t", clock.wall())
    pipeline.open_window(enrolment.start(request, started, EnrolmentSettings()))
    told: list[Progress | Outcome] = []
    for number in count():
        picture = source.read()
        assert picture is not None
        told += pipeline.step(Frame(picture, clock.now(), number)).enrolment
        if pipeline.window is None:
            break
    outcome = told[-1]
    assert isinstance(outcome, Outcome)
    assert outcome.person is not None, outcome.error
    assert len(outcome.person.references) == 10
    assert len(outcome.crops) == 10
    assert clock.now() - started < 10
    assert "turn_left" in {one.prompt for one in told if isinstance(one, Progress)}


class Faces:
    """Stands in for the eye: sees what a test says."""

    space = SPACE

    seen: Sight | None = None

    def look(self, frame: Frame, **_: object) -> Probe:
        return self.seen.probe(frame.at, frame.number) if self.seen is not None else Probe(frame.at, frame.number, 0)


class Scene:
    """A door that knows ana, what it has decided, and an enrolment that can be begun and cancelled at any moment."""

    def __init__(self) -> None:
        self.clock = ObedientClock()
        self.faces = Faces()
        self.pipeline = Pipeline(cast(Eye, self.faces), RULE, [person("ana")], self.clock)
        self.decisions: list[Decision] = []

    def watch(self, seen: Sight | None, seconds: float) -> Scene:
        self.faces.seen = seen
        for number in range(round(seconds * 8)):
            frame = Frame(np.zeros((4, 4, 3), np.uint8), self.clock.now(), number)
            self.decisions += self.pipeline.step(frame).decisions
            self.clock.sleep(0.125)
        return self

    def enroll(self) -> None:
        self.pipeline.open_window(enrolment.start(REQUEST, self.clock.now(), EnrolmentSettings()))

    def cancel(self) -> None:
        self.pipeline.window = None

    @property
    def told(self) -> list[tuple[str, str]]:
        return [tell(one) for one in self.decisions]


LOOKALIKE = Sight(like(ana=0.45))  # below ana's threshold, and above the point from which a visit is an attempt


def test_an_enrolment_in_between_makes_no_attempt_free() -> None:
    scene = Scene()
    for attempt in range(1, 6):
        scene.watch(LOOKALIKE, seconds=2.5).enroll()
        scene.watch(LOOKALIKE, seconds=0.25).cancel()
        assert scene.pipeline.lockout.in_a_row == attempt
        scene.watch(None, seconds=8)
    assert scene.told == [("refused", "unknown")] * 5
    assert scene.watch(sight("ana"), seconds=4).told[-1] == ("refused", "lockout")


def test_an_enrolment_in_between_does_not_shorten_the_wait_after_a_refusal() -> None:
    scene = Scene().watch(LOOKALIKE, seconds=3.5)
    assert scene.told == [("refused", "unknown")]
    scene.enroll()
    scene.watch(LOOKALIKE, seconds=0.25).cancel()
    assert scene.watch(LOOKALIKE, seconds=3.5).told == [("refused", "unknown")]
    assert scene.watch(LOOKALIKE, seconds=5).told == [("refused", "unknown")] * 2


def test_an_enrolment_that_nobody_saw_interrupts_no_visit() -> None:
    scene = Scene().watch(sight("ana"), seconds=0.5)
    scene.enroll()
    scene.cancel()
    assert scene.watch(sight("ana"), seconds=0.5).told == [("granted", "ana")]


def test_whoever_is_enrolled_has_tried_nothing_and_comes_in() -> None:
    scene = Scene().watch(sight("stranger"), seconds=1)
    scene.enroll()
    scene.watch(sight("stranger"), seconds=1)
    assert (scene.told, scene.pipeline.lockout.in_a_row) == ([("refused", "unknown")], 0)
    scene.cancel()
    assert scene.watch(sight("ana"), seconds=1).told[1:] == [("granted", "ana")]

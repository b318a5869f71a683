"""The demo's resident before a real eye: a flat photograph that only sways can be enrolled, and is asked to turn."""

from __future__ import annotations

from itertools import count

from edge.access import enrolment
from edge.access.enrolment import Outcome, Progress
from edge.access.policy import make_rule
from edge.access.references import EnrolmentRequest
from edge.camera import make_source
from edge.pipeline import Pipeline
from edge.settings import AccessSettings, CameraSettings, EnrolmentSettings, VisionSettings
from edge.values import Frame
from edge.vision import open_eye
from tests.conftest import PICTURES
from tests.edge.cameras import ObedientClock
from tests.edge.eyes import MODELS


def test_a_flat_picture_that_cannot_turn_is_enrolled_in_less_than_ten_seconds() -> None:
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

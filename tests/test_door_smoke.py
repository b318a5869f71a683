"""From nobody enrolled to an opened strike in one process: what `make arm64-smoke` runs where nothing else can."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from edge.access import enrolment
from edge.access.enrolment import Outcome
from edge.access.policy import make_rule
from edge.access.references import EnrolmentRequest
from edge.camera import make_source
from edge.camera.source import Source
from edge.door.line import claim_locked
from edge.pipeline import Pipeline, Step
from edge.settings import AccessSettings, CameraSettings, DoorSettings, EnrolmentSettings, StoreSettings, VisionSettings
from edge.store.store import open_store
from edge.values import Decision, Frame
from edge.vision import open_eye
from tests.conftest import PICTURES
from tests.edge.cameras import ObedientClock
from tests.edge.eyes import MODELS
from tests.edge.pins import Pin


def test_who_enrols_in_front_of_the_camera_is_stored_sealed_let_in_and_moves_the_pin(tmp_path: Path) -> None:
    clock, door = ObedientClock(), DoorSettings(driver="mock")
    eye = open_eye(VisionSettings(), MODELS, clock)
    rule = make_rule(AccessSettings(), [(step.fmr, step.similarity) for step in eye.cards["embedder"].thresholds])
    pipeline = Pipeline(eye, rule, (), clock)
    source = make_source(CameraSettings(source=f"demo:{PICTURES}"), clock, PICTURES)
    source.open()
    line = claim_locked("mock", door.pin, active_high=door.active_high, state_dir=tmp_path, clock=clock)
    pin = Pin(tmp_path, door)

    with open_store(StoreSettings(), tmp_path / "state", clock) as store:
        person = enrolled(pipeline, source, clock).person
        assert person is not None
        store.add_person(person)
        pipeline.admit(store.people())
        decision = decided(pipeline, source, clock)
        assert (decision.verdict, decision.match and decision.match.person_id) == ("granted", "eileen")
        line.unlock()
        line.lock()
    assert pin.story()[-2:] == ["unlocked", "locked"]
    assert pin.now() == "locked"


def seen(pipeline: Pipeline, source: Source, clock: ObedientClock) -> Step:
    """What the camera's next picture leads to."""
    picture = source.read()
    assert picture is not None
    return pipeline.step(Frame(picture, clock.now(), 0))


def enrolled(pipeline: Pipeline, source: Source, clock: ObedientClock) -> Outcome:
    """How the enrolment of whoever the camera shows ends."""
    request = EnrolmentRequest("Eileen", "eileen", 5, "t", clock.wall())
    settings = EnrolmentSettings(references=5, require_variety=False)
    pipeline.open_window(enrolment.start(request, clock.now(), settings))
    while True:
        for news in seen(pipeline, source, clock).enrolment:
            if isinstance(news, Outcome):
                return news


def decided(pipeline: Pipeline, source: Source, clock: ObedientClock) -> Decision:
    """The next decision."""
    return next(one for _ in count() for one in seen(pipeline, source, clock).decisions)

"""Real people in real clips, through the whole pipeline: who is enrolled from one clip is known in another.

The clips are 480 by 270, so faces are small: the gate lets 30 pixels through, as only `accept_lower_security` allows.
In the door scene three people walk up side by side; the camera of these tests sees one third of it at a time, because a
door decides about the nearest face.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.access import enrolment
from edge.access.policy import make_rule
from edge.access.references import EnrolmentRequest
from edge.access.second_factor import needs_second_factor
from edge.camera import make_source
from edge.config import read_config
from edge.pipeline import Pipeline
from edge.settings import CameraSettings, Settings
from edge.values import Decision, Frame, Person
from edge.vision import open_eye
from tests.edge.cameras import ObedientClock
from tests.edge.eyes import Image

pytestmark = pytest.mark.data

CONFIG = """
vision: {quality: {minimum_face_pixels: 30}}
access: {accept_lower_security: true}
enrolment: {require_variety: false, references: 5, window_seconds: 120}
"""
THIRDS = (slice(0, 170), slice(150, 330), slice(310, 480))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    path = tmp_path_factory.mktemp("scene") / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return read_config(path)


class Watched:
    """A door whose time is the clip's."""

    def __init__(self, settings: Settings, *people: Person) -> None:
        self.clock = ObedientClock()
        eye = open_eye(settings.vision, settings.models, self.clock, faces="nearest")
        thresholds = [(step.fmr, step.similarity) for step in eye.cards["embedder"].thresholds]
        self.pipeline = Pipeline(eye, make_rule(settings.access, thresholds), people, self.clock)
        self._settings = settings

    def enroll(self, name: str, pictures: Iterator[Image]) -> Person:
        request = EnrolmentRequest(name, name.lower(), 5, "t", self.clock.wall())
        self.pipeline.open_window(enrolment.start(request, self.clock.now(), self._settings.enrolment))
        for frame in self._frames(pictures):
            for news in self.pipeline.step(frame).enrolment:
                if isinstance(news, enrolment.Outcome):
                    assert news.person is not None, news.error
                    return news.person
        raise AssertionError("the clip was over before the enrolment")

    def watch(self, pictures: Iterator[Image]) -> list[Decision]:
        """All decisions, also those that fall when everybody has left."""
        decisions = [one for frame in self._frames(pictures) for one in self.pipeline.step(frame).decisions]
        self.clock.sleep(5.0)
        return [*decisions, *self.pipeline.step(None).decisions]

    def _frames(self, pictures: Iterator[Image]) -> Iterator[Frame]:
        for number, picture in enumerate(pictures):
            self.clock.sleep(0.08)  # the clips' own pace is about 12 pictures a second
            yield Frame(picture, self.clock.now(), number)


def clip(path: Path, columns: slice = slice(None)) -> Iterator[Image]:
    source = make_source(CameraSettings(source=f"file:{path}"), ObedientClock(), path.parent)
    source.open()
    try:
        while (picture := source.read()) is not None:
            yield np.ascontiguousarray(picture[:, columns])
    finally:
        source.close()


@pytest.fixture(scope="module")
def woman(settings: Settings, data: Path) -> Person:
    """Enrolled from a clip of two seconds, shown three times."""
    path = data / "clips" / "preview" / "head-pose-face-detection-female.gif"
    return Watched(settings).enroll("Woman", itertools.chain(clip(path), clip(path), clip(path)))


def test_of_three_people_who_walk_up_only_the_enrolled_one_is_let_in(
    settings: Settings, data: Path, woman: Person
) -> None:
    scene = data / "clips" / "preview" / "face-demographics-walking-and-pause.gif"
    told = [Watched(settings, woman).watch(clip(scene, third)) for third in THIRDS]
    assert [len(decisions) for decisions in told] == [1, 1, 1], "one event a visit"
    verdicts = sorted((one.verdict, one.reason) for (one,) in told)
    assert verdicts == [("granted", "verified"), ("refused", "unknown"), ("refused", "unknown")]


def test_the_whole_scene_with_all_three_in_it_lets_nobody_in_who_is_not_nearest(
    settings: Settings, data: Path, woman: Person
) -> None:
    scene = data / "clips" / "preview" / "face-demographics-walking-and-pause.gif"
    decisions = Watched(settings, woman).watch(clip(scene))
    assert {one.verdict for one in decisions} == {"refused"}
    assert len({one.visit_id for one in decisions}) == len(decisions)


@pytest.mark.parametrize(
    "name",
    [
        "one-by-one-person-detection.mp4",
        "preview/people-detection.gif",
        "preview/store-aisle-detection.gif",
        "preview/classroom.gif",
        "preview/head-pose-face-detection-male.gif",
        "asl_gestures/again.mkv",
        "asl_gestures/help.mkv",
        "asl_gestures/yes.mkv",
    ],
)
def test_a_clip_without_her_never_opens_the_door(settings: Settings, data: Path, woman: Person, name: str) -> None:
    decisions = Watched(settings, woman).watch(clip(data / "clips" / name))
    assert [one for one in decisions if one.verdict == "granted"] == []


def from_folder(door: Watched, folder: Path, most: int) -> enrolment.Outcome:
    """As `limen enroll --photos` does."""
    eye = door.pipeline._eye
    paths = sorted(folder.glob("*.jpg"))[:most]
    probes = [(path.name, eye.look(Frame(cv2.imread(str(path)), 0.0, 0))) for path in paths]
    request = EnrolmentRequest(folder.name, folder.name.lower(), 10, "t", door.clock.wall())
    return enrolment.from_photographs(request, probes, door.pipeline.gallery, door.pipeline.rule)


def test_a_photograph_folder_enrols_somebody_whom_other_photographs_find(settings: Settings, data: Path) -> None:
    folder = max((data / "lfw").iterdir(), key=lambda person: len(list(person.glob("*.jpg"))))
    door = Watched(settings)
    outcome = from_folder(door, folder, 20)
    assert outcome.person is not None, outcome.error
    door.pipeline.admit([outcome.person])
    others = [cv2.imread(str(path)) for path in sorted(folder.glob("*.jpg"))[20:40]]
    matches = [door.pipeline._eye.look(Frame(picture, 0.0, 0)).embedding for picture in others]
    verified = [
        one for one in matches if one is not None and door.pipeline.gallery.match(one, door.pipeline.rule)[0].verified
    ]
    assert len(verified) > len(others) / 2


@pytest.mark.parametrize("family", [("Serena_Williams", "Venus_Williams"), ("George_W_Bush", "Jeb_Bush")])
def test_of_two_relatives_the_second_is_enrolled_with_a_warning_and_both_need_a_second_factor(
    settings: Settings, data: Path, family: tuple[str, str]
) -> None:
    door = Watched(settings)
    for name in ("Andre_Agassi", *family):
        outcome = from_folder(door, data / "lfw" / name, 12)
        assert outcome.person is not None, outcome.error
        assert any("looks much like somebody" in one for one in outcome.warnings) == (name == family[1])
        door.pipeline.admit([*door.pipeline.gallery.people, outcome.person])
    assert outcome.person.separation is not None
    assert outcome.person.separation.nearest_id == family[0].lower()
    needs = [needs_second_factor(one, door.pipeline.gallery) for one in door.pipeline.gallery.people]
    assert needs == [False, True, True]

"""The nouns, in the order of the flow.

    Frame -> Face -> Crop -> Embedding -> Probe -> Match -> Visit -> Decision -> Event

All are frozen. Arrays are made read-only by whoever makes the value (`frozen_array`), and values that hold arrays
compare by identity. Pixels are BGR `uint8` in a Frame (OpenCV's order) and RGB `uint8` in a Crop (the models' order).
Times named `at` are monotonic seconds of `edge.clock.Clock.now()`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

_Scalar = TypeVar("_Scalar", bound=np.generic)

Verdict = Literal["granted", "refused"]
SecondFactor = Literal["pin", "confirmed"]
QualityWord = Literal[
    "too_small",
    "blurred",
    "too_dark",
    "too_bright",
    "low_contrast",
    "turned",
    "covered_mouth",
    "covered_eyes",
    "not_a_face",
]


def frozen_array(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """Make `array` read-only and return it."""
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from the camera. `image` is uint8 [height, width, 3], BGR."""

    image: NDArray[np.uint8]
    at: float
    number: int


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in frame pixels; may reach over the frame's edge."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def size(self) -> float:
        """The shorter side, what the size gate looks at."""
        return min(self.width, self.height)

    def overlap(self, other: Box) -> float:
        """Intersection over union with `other`, in [0, 1]."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        shared = max(0.0, across) * max(0.0, down)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """What the detector found, and, once the mesh has looked, its landmarks.

    `keypoints` float32 [n, 2]: the detector's own points, right eye and left eye first (the subject's right is on the
    picture's left); then, of BlazeFace, nose, mouth, right ear, left ear; of MTCNN, nose and mouth corners; of Haar,
    which has none, only the eyes, guessed from the box. `presence` in [0, 1]: how sure the mesh is that this is a face.
    `landmarks` float32 [5, 2]: eyes, nose tip, mouth corners, picture left to right. `mesh` float32 [468, 3].
    All in frame pixels.
    """

    box: Box
    score: float
    keypoints: NDArray[np.float32]
    presence: float | None = None
    landmarks: NDArray[np.float32] | None = None
    mesh: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """An aligned face. `pixels` is uint8 [112, 112, 3], RGB (size as the embedder's card says)."""

    pixels: NDArray[np.uint8]
    face: Face


@dataclass(frozen=True, slots=True)
class Quality:
    """What the gate measured on one face; `refusal` is the first reason it is not good enough, or None.

    `size` pixels (shorter side of the box); `sharpness` variance of the Laplacian of the crop; `brightness` and
    `contrast` mean and standard deviation of its luma (0-255); `yaw` and `pitch` unit-free ratios from the landmarks
    (0 = straight at the camera); `roll` degrees; `mouth` and `eyes` how clearly they stand out of the face.
    """

    size: float
    sharpness: float
    brightness: float
    contrast: float
    yaw: float
    pitch: float
    roll: float
    refusal: QualityWord | None = None
    mouth: float = 0.0
    eyes: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A face as a unit vector, float32 [dimension], and the `space` it lives in (see the model card)."""

    vector: NDArray[np.float32]
    space: str


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds spent on one frame, stage by stage."""

    detect: float = 0.0
    landmarks: float = 0.0
    align: float = 0.0
    embed: float = 0.0

    @property
    def total(self) -> float:
        return self.detect + self.landmarks + self.align + self.embed


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """All that vision says about one frame.

    `faces` counts the confirmed faces (those the mesh believes). `face`, `crop` and `quality` describe the chosen
    one; `embedding` is there only when its quality passed. No confirmed face: all four are None.
    """

    at: float
    number: int
    faces: int
    face: Face | None = None
    crop: Crop | None = None
    quality: Quality | None = None
    embedding: Embedding | None = None
    timings: Timings = Timings()


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of every week: on `days` (0 = Monday), from `start` to before `end`, minutes after midnight.

    One that ends at or before its start goes on into the next day.
    """

    days: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """When somebody may come in: within any of `hours`, on the clocks of `timezone` (an IANA name)."""

    hours: tuple[Hours, ...]
    timezone: str


@dataclass(frozen=True, slots=True)
class Separation:
    """How a person stood among the others when they were enrolled: similarities, and what they mean in sentences.

    `worst_own`: the lowest between two of their own references; `nearest_*`: the most similar other person.
    """

    worst_own: float
    nearest_id: str | None = None
    nearest_similarity: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a person may come in; what is None is not limited.

    `valid_from` counts, `valid_until` does not any more. `second_factor`: `automatic` asks for one where another
    person's face is too similar; a minor needs one whatever it says.
    """

    valid_from: datetime | None = None
    valid_until: datetime | None = None
    schedule: Schedule | None = None
    second_factor: Literal["automatic", "always", "never"] = "automatic"
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody enrolled. `references` are the enrolled embeddings, one space each.

    `consent`: what was said of their agreement when they were enrolled, None where nothing was.
    """

    id: str
    name: str
    references: tuple[Embedding, ...]
    enrolled_at: datetime
    terms: Terms = Terms()
    separation: Separation | None = None
    consent: bool | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """One person against one probe. `similarity` is the best reference's; `votes` of `references` were detections."""

    person_id: str
    name: str
    similarity: float
    votes: int
    references: int
    verified: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The door's answer for one visit. `reason` is one word (`granted` decisions say `verified`).

    `match` is the person granted, or the nearest one when refused; `runner_up` the next nearest person.
    `frames` of the last `frames_seen` gate-passing frames verified `match`. `frame_at` is when the deciding frame was
    captured. `quality` is the deciding frame's, where it had one. `best_similarity`: the highest to anybody that a
    gate-passing frame of the visit had. A pulse must not begin after `not_after`. `second_factor`: what was given
    besides the face, `missing` where it was needed and was not, None where it was not needed. `limits`: the terms that
    kept `match` out, in words. `lockout_seconds`: for how long no face would be let in.
    """

    visit_id: str
    verdict: Verdict
    reason: str
    at: float
    frame_at: float
    started_at: float
    match: Match | None = None
    runner_up: Match | None = None
    frames: int = 0
    frames_seen: int = 0
    quality: Quality | None = None
    best_similarity: float | None = None
    not_after: float = -math.inf
    second_factor: SecondFactor | Literal["missing"] | None = None
    limits: str = ""
    lockout_seconds: float = 0.0


EventKind = Literal["access", "door", "system"]


@dataclass(frozen=True, slots=True)
class Event:
    """A line for the journal, and later a message. `data` holds only JSON values."""

    kind: EventKind
    data: dict[str, Any]


SignalKind = Literal[
    "contact_open", "contact_closed", "contact_unknown", "exit_button", "doorbell", "tamper", "confirm", "intent"
]


@dataclass(frozen=True, slots=True)
class DoorSignal:
    """Something that is wired to the door spoke; `at` is when its level changed, before it was known to hold.

    The contact tells what it is, at the start too; the others tell once for each press. `exit_button` and `confirm` are
    pressed by somebody inside, `doorbell` and `intent` by somebody outside: only the former can be a second factor.
    """

    kind: SignalKind
    at: float

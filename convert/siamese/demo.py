"""`make siamese-demo`: a network is trained before one's eyes, and a real door is run with it.

The two people at the door are among those whom the network never saw. How the door decides is what the demo shows, and
no verdict is promised: a network that learned from two dozen people in two minutes is a poor judge of faces.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from convert.embeddings import Device
from convert.errors import ConversionError
from convert.models import FOLDER
from convert.release import write_file
from convert.siamese.album import scan
from convert.siamese.crops import read_colour
from convert.siamese.faces import good_face
from convert.siamese.released import release_run
from convert.siamese.run import Run
from convert.siamese.train import train
from edge.clock import Clock
from edge.commands.events_command import HEADER, line
from edge.config import read_config
from edge.mqtt.ask import Session
from edge.mqtt.credentials import CLIENT_FILE, broker_directory, client_login
from edge.mqtt.topics import Topics
from edge.settings import Settings
from edge.vision.cards import Card

NAME: Final = "siamese-demo"
# About two minutes on two slow cores. Chosen on those whom it learns from and stops by, shared out anew: with two
# dozen people to learn from, strong changes of their pictures count most.
DEMO: Final = Run(
    recipe="triplet", margin=0.5, augment="strong", batch=64, steps=40, epochs=16, patience=8, schedule="cosine",
    settle=4,
)  # fmt: skip
_CONFIG: Final = f"""\
# Written by `make siamese-demo`. The strike is a mock, and nobody outside this machine can reach the door.
vision: {{models: models, embedder: {NAME}}}
access: {{security: convenience, liveness: "off"}}
door: {{driver: mock, unlock_seconds: 1}}
camera: {{source: "file:scene.avi?loop=1", fps: 10}}
enrolment: {{require_variety: false, references: 5}}
mqtt: {{broker: embedded, port: 0, allow: [read]}}
"""
_BESIDE: Final = ("blazeface", "facemesh")  # what a door needs besides its embedder
_LEVEL: Final = 1e-3  # of `convenience`
_ENROLLED, _SHOWN = 5, 3  # pictures of the resident: for the references at least, and for the camera
_FRAMES: Final = 8  # of the clip for each picture, ten a second
_PAUSE: Final = 30  # frames without anybody
_WIDTH, _HEIGHT, _FACE = 640, 480, 420
_PATIENCE: Final = 60.0  # seconds
RIGHT: Final = ("granted", "refused")  # the verdicts that are right
_LIMEN: Final = (sys.executable, "-m", "edge")

Picture = NDArray[np.uint8]


class Shown(NamedTuple):
    """How many people were asked until one could be enrolled, and the verdicts: on that one, then on a stranger."""

    asked: int
    verdicts: tuple[str, ...]


def demo(pictures: Path, out: Path, clock: Clock, seed: int = DEMO.seed) -> Shown:
    """Train, convert, and run a door. Raises ConversionError."""
    print(f"Training on {pictures.name}: {DEMO.recipe} loss, backbone {DEMO.backbone}, seed {seed}", flush=True)
    result = train(msgspec.structs.replace(DEMO, pictures=str(pictures), seed=seed), out / "run", clock)
    figures = result.figures
    print(
        f"{len(result.people['test'])} people it never saw: accuracy {figures.accuracy.value:.3f} "
        f"(95 %: {figures.accuracy.low:.3f} - {figures.accuracy.high:.3f}) of {figures.pairs:,} pairs, "
        f"AUC {figures.auc:.3f}, TAR {figures.tar:.3f} at FMR {figures.fmr:g}"
    )
    home = out / "door"
    shutil.rmtree(home, ignore_errors=True)
    card = _models(out / "run", home / "models")
    level = next((step.similarity for step in card.thresholds if step.fmr == _LEVEL), None)
    if level is None:
        raise ConversionError(f"{pictures}: too few people for a threshold at FMR {_LEVEL:g}, and no door without one")
    print(f"Converted: {card.name}.tflite, {card.bytes:,} bytes, detection threshold {level:.4f} at FMR {_LEVEL:g}")
    resident, stranger, asked = stage(home, pictures, result.people["test"])
    print(f"At the door: {resident}, enrolled, now with {_SHOWN} other pictures; then {stranger}\n{HEADER}")
    verdicts = run_door(home, clock)
    print(f"\nThis door again: limen run --preview --config {home / 'config.yaml'}")
    return Shown(asked, tuple(verdicts))


def summary(shown: Sequence[Shown | None]) -> str:
    """Of several seeds, how often all went well; None is one with which nobody could be enrolled."""
    enrolled = [one for one in shown if one is not None]
    right = [sum(one.verdicts[visit : visit + 1] == (word,) for one in enrolled) for visit, word in enumerate(RIGHT)]
    asked = sum(one.asked for one in enrolled)
    return (
        f"Of {len(shown)} seeds, {len(enrolled)} came to a door with somebody enrolled, after asking {asked} people. "
        f"There the resident was let in {right[0]} times, and the stranger refused {right[1]} times."
    )


def _models(run: Path, models: Path) -> Card:
    """A models folder of the demo's own: the shipped ones stay as they are."""
    models.mkdir(parents=True)
    for name in _BESIDE:
        for suffix in ("tflite", "json"):
            shutil.copy(FOLDER / f"{name}.{suffix}", models)
    return release_run(run, models, NAME, "that of the pictures")


def stage(home: Path, pictures: Path, names: Sequence[str]) -> tuple[str, str, int]:
    """Enrol the first of the people whose pictures agree, film the other ones of theirs, then those of somebody else.

    Gives both names, and how many were asked. Whoever cannot be enrolled is told: the door refuses references that are
    not alike enough under its rule.
    """
    (home / "config.yaml").write_text(_CONFIG, encoding="utf-8")
    (home / "config.yaml").chmod(0o600)
    cast = _cast(pictures, names)
    for asked, (resident, scenes) in enumerate(cast.items(), 1):
        photographs = home / "photographs" / resident
        photographs.mkdir(parents=True)
        for number, scene in enumerate(scenes[:-_SHOWN]):
            write_file(photographs / f"{number}.png", cv2.imencode(".png", scene)[1].tobytes())
        words = ("enroll", resident, "--photos", str(photographs), "--config", str(home / "config.yaml"))
        done = subprocess.run([*_LIMEN, *words], capture_output=True, text=True, check=False)
        if not done.returncode:
            stranger = next(name for name in cast if name != resident)
            _film(home / "scene.avi", (scenes[-_SHOWN:], cast[stranger]))
            return resident, stranger, asked
        print(f"{resident} cannot be enrolled: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    raise ConversionError("nobody's pictures are alike enough for this network: nothing to show at a door")


def _cast(pictures: Path, names: Sequence[str]) -> dict[str, list[Picture]]:
    """Those of the people who have enough pictures that pass the gate, as a camera would see them."""
    device, people = Device(FOLDER), scan(pictures).people
    cast = {}
    for name in names:
        mine = (path for path in people.pictures if path.parent.name == name)
        scenes = [scene for path in mine if (scene := _scene(path)) is not None]
        good = [scene for scene in scenes if good_face(scene, device, 112)[0] is not None]
        if len(good) >= _ENROLLED + _SHOWN:
            cast[name] = good
    if len(cast) < 2:
        raise ConversionError(f"{pictures}: two of the people kept aside need {_ENROLLED + _SHOWN} good pictures each")
    return cast


def _scene(path: Path) -> Picture | None:
    """A picture as a camera would see it: 640 x 480, upright in the middle."""
    image = read_colour(path)
    if image is None:
        return None
    scale = _FACE / max(image.shape[:2])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    height, width = small.shape[:2]
    frame = np.full((_HEIGHT, _WIDTH, 3), 100, np.uint8)
    top, left = (_HEIGHT - height) // 2, (_WIDTH - width) // 2
    frame[top : top + height, left : left + width] = small
    return frame


def _film(path: Path, visits: Sequence[Sequence[Picture]]) -> None:
    random = np.random.default_rng(1)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (_WIDTH, _HEIGHT))
    for scenes in visits:
        shown = [scene for scene in scenes for _ in range(_FRAMES)]
        for frame in [*shown, *[np.full((_HEIGHT, _WIDTH, 3), 100, np.uint8)] * _PAUSE]:
            noise = random.integers(-3, 4, frame.shape, np.int16)  # a camera never gives one picture twice
            writer.write(np.clip(frame.astype(np.int16) + noise, 0, 255).astype(np.uint8))
    writer.release()


def run_door(home: Path, clock: Clock) -> list[str]:
    """Run `limen run` until it has decided on two visits, and print what it tells; the verdicts."""
    settings = read_config(home / "config.yaml")
    with (home / "door.log").open("wb") as log:
        door = subprocess.Popen([*_LIMEN, "run", "--config", str(home / "config.yaml")], stdout=log, stderr=log)
    try:
        _wait(door, broker_directory(settings) / CLIENT_FILE, clock, home)
        return _listen(settings, clock)
    finally:
        door.terminate()
        door.wait()


def _listen(settings: Settings, clock: Clock) -> list[str]:
    topics, verdicts = Topics.of(settings), list[str]()
    with Session(client_login(settings), topics, clock, listen=[topics.events], patience=_PATIENCE) as session:
        session.wait_for_door()
        for incoming in session.follow(silence=_PATIENCE):
            event: dict[str, Any] = json.loads(incoming.payload)
            if "verdict" in event:
                print(line(event, colour=sys.stdout.isatty()), flush=True)
                verdicts.append(event["verdict"])
            if len(verdicts) == len(RIGHT):
                break
    return verdicts


def _wait(door: subprocess.Popen[bytes], path: Path, clock: Clock, home: Path) -> None:
    give_up = clock.now() + _PATIENCE
    while not path.exists():
        if door.poll() is not None or clock.now() > give_up:
            words = (home / "door.log").read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
            raise ConversionError("the door did not come up:\n" + "\n".join(words))
        clock.sleep(0.05)

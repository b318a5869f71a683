"""A whole door for tests: `limen run` as its users start it, with a private broker, a mock pin and a filmed scene."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np

from edge.__main__ import main
from edge.clock import SystemClock
from edge.config import read_config
from edge.errors import MessageError
from edge.mqtt.ask import Session
from edge.mqtt.credentials import CLIENT_FILE, broker_directory, client_login
from edge.mqtt.keys import Signer, read_signer
from edge.mqtt.messages import Response
from edge.mqtt.topics import Topics
from tests.edge.contract import assert_told_answer, assert_told_event
from tests.edge.eyes import Image, at_the_door
from tests.edge.pins import Pin

PATIENCE = 60.0
CLOCK = SystemClock()
CONFIG = """
door: {driver: mock, unlock_seconds: 1}
camera: {source: "file:scene.avi?loop=1"}
enrolment: {require_variety: false, references: 5, window_seconds: 20}
mqtt: {broker: embedded, port: 0, allow: [read, enroll, people, unlock]}
"""


def film(path: Path, scenes: Sequence[tuple[Sequence[tuple[Image, int]], float]], *, fps: float = 10.0) -> None:
    """A clip in which each scene shows these people, `(picture, width)`, swaying a little, for so many seconds."""
    rng = np.random.default_rng(5)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (640, 480))
    assert writer.isOpened()
    for people, seconds in scenes:
        for number in range(round(seconds * fps)):
            sway = round(8 * np.sin(number / 4))
            picture = at_the_door(*((one, width + sway) for one, width in people)).astype(np.int16) + rng.integers(
                -4, 5, (480, 640, 3)
            )
            writer.write(np.clip(picture, 0, 255).astype(np.uint8))
    writer.release()


class RunningDoor:
    """Starts, stops, kills and asks one `limen run` in `home`."""

    program: tuple[str, ...] = ("-m", "edge", "run")

    def __init__(self, home: Path, config: str = CONFIG) -> None:
        self.home = home
        self._path = home / "config.yaml"
        self._path.write_text(config, encoding="utf-8")
        self._path.chmod(0o600)
        self.settings = read_config(self._path)
        self.topics = Topics.of(self.settings)
        self.pin = Pin(self.settings.state, self.settings.door)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        login = broker_directory(self.settings) / CLIENT_FILE
        login.unlink(missing_ok=True)  # a door that was killed left its own behind
        with (self.home / "door.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "--config", str(self._path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if self.settings.mqtt.broker == "embedded":
            self.until(login.exists)
        return self

    def until(self, condition: Callable[[], object]) -> None:
        deadline = CLOCK.now() + PATIENCE
        while not condition():
            assert self.process is not None
            assert self.process.poll() is None, f"the door ended:\n{self.log()}"
            assert CLOCK.now() < deadline, f"not within {PATIENCE:.0f} s:\n{self.log()}"
            CLOCK.sleep(0.02)

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def log(self) -> str:
        return (self.home / "door.log").read_text(encoding="utf-8", errors="replace")

    @contextmanager
    def session(self, *listen: str) -> Iterator[Session]:
        filters = listen or (self.topics.events, self.topics.lock_state)
        with Session(client_login(self.settings), self.topics, CLOCK, listen=filters, patience=PATIENCE) as session:
            session.wait_for_door()
            yield session

    def key(self, *rights: str, name: str = "tester") -> Signer:
        """A new key of this door, made as its owner makes it."""
        path = self.home / f"{name}.key"
        words = ("keys", "new", name, "--rights", ",".join(rights), "--out", str(path), "--config", str(self._path))
        assert main(words) == 0
        return read_signer(path)

    def ask(self, command: str, *, signer: Signer | None = None, **arguments: Any) -> dict[str, Any]:
        """The data of the final answer; MessageError when the door refuses."""
        with self.session() as session:
            for answer in session.request(command, arguments, timeout=PATIENCE, signer=signer):
                assert_told_answer(command, answer)
                if isinstance(answer, Response) and answer.error is not None:
                    raise MessageError(answer.error.code, answer.error.message)
            assert isinstance(answer, Response)
            return answer.data or {}

    def event(self, session: Session, **wanted: Any) -> dict[str, Any]:
        """The next event that has these fields."""
        deadline = CLOCK.now() + PATIENCE
        for incoming in session.follow(silence=PATIENCE):
            if "/event/" in incoming.topic:
                event: dict[str, Any] = json.loads(incoming.payload)
                assert_told_event(event)
                if all(event.get(key) == value for key, value in wanted.items()):
                    return event | {"topic": incoming.topic}
            assert CLOCK.now() < deadline, f"no event {wanted}:\n{self.log()}"
        raise AssertionError(f"no event {wanted}:\n{self.log()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()

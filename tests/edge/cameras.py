"""What the camera tests film with: clocks that obey, and sources that give exactly what they are fed."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.camera import Camera
from edge.clock import SystemClock
from edge.errors import CameraError
from edge.settings import CameraSettings

PATIENCE = 30.0


class ObedientClock(SystemClock):
    """Stands still until it is told to go on; sleeping moves it on and takes no time."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += max(0.0, seconds)


def eventually(wanted: Callable[[], bool]) -> None:
    clock = SystemClock()
    until = clock.now() + PATIENCE
    while not wanted():
        assert clock.now() < until, "it never happened"
        clock.sleep(0.005)


def picture(number: int, size: tuple[int, int] = (48, 64)) -> NDArray[np.uint8]:
    """A picture unlike that of any other number: a smooth one, so that it survives compression."""
    shade = np.linspace(0, 120, size[1], dtype=np.float32)[None, :, None]
    tint = np.array([number * 37 % 120, number * 61 % 120, number * 17 % 120], np.float32)
    return np.broadcast_to(shade + tint, (*size, 3)).astype(np.uint8)


class FedSource:
    """Reads what is put into `food`: a picture, None for the end, or a CameraError's text; hangs while it is empty."""

    def __init__(self) -> None:
        self.food: queue.Queue[NDArray[Any] | str | None] = queue.Queue()
        self.closed = False

    def open(self) -> None:
        pass

    def read(self) -> NDArray[Any] | None:
        item = self.food.get()
        if isinstance(item, str):
            raise CameraError(item)
        return item

    def close(self) -> None:
        self.closed = True


class Filming:
    """A camera whose every life is a `FedSource`, on an obedient clock."""

    def __init__(self, settings: CameraSettings) -> None:
        self.clock = ObedientClock()
        self.lives: list[FedSource] = []
        self.camera = Camera(settings, self.clock, self._connect)

    def _connect(self) -> FedSource:
        self.lives.append(FedSource())
        return self.lives[-1]

    def feed(self, *pictures: NDArray[Any]) -> None:
        """Give the present life pictures, and come back when each was looked at."""
        for item in pictures:
            seen = self.camera.frames + self.camera.dropped
            self.lives[-1].food.put(item)
            eventually(lambda seen=seen: self.camera.frames + self.camera.dropped > seen)  # type: ignore[misc]

    def fail(self, why: str | None) -> None:
        """Let the present life fail, or end (None)."""
        self.lives[-1].food.put(why)
        eventually(lambda: self.lives[-1].closed)

    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        assert self.camera.state

    def release(self) -> None:
        for life in self.lives:
            life.food.put("released")


@contextmanager
def filming(**changes: Any) -> Iterator[Filming]:
    """A camera that has started."""
    film = Filming(CameraSettings(source="usb:0", **changes))
    with ExitStack() as stack:
        stack.enter_context(film.camera)
        stack.callback(film.release)
        yield film

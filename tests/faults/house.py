"""A door to do harm to: a resident comes and goes in front of it, and each level of its pin is kept with its moment."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import cv2
import psutil

from edge.settings import StoreSettings
from edge.store.store import open_store
from tests.conftest import PICTURES
from tests.edge.brokers import Mosquitto
from tests.edge.doors import RunningDoor, film
from tests.edge.eyes import enrolled
from tests.edge.pins import CLOCK, Pin, wait_for_the_end_of, wait_until

UNLOCK: Final = 1.0  # seconds a pulse is asked to last
CAME_AND_WENT: Final = 2.4  # seconds after which the film begins again
# By when after its grant a pulse has begun: no picture is older, and the machine may be late.
_LATEST: Final = 1.25
_CONFIG: Final = """
door: {{driver: mock, unlock_seconds: {unlock}}}
camera: {{source: "file:{film}?loop=1"}}
access: {{gone_seconds: 0.2, refuse_after_seconds: 1, cooldown_seconds: 1, accept_lower_security: true}}
mqtt: {{broker: 127.0.0.1, port: {port}}}
store: {{directory: "{state}"}}
"""


def without_grant(openings: Iterable[float], grants: Iterable[float]) -> list[float]:
    """The openings that no grant asked for; each grant counts once. All in monotonic seconds."""
    left, without = sorted(grants), []
    for at in openings:
        own = next((grant for grant in left if grant <= at <= grant + _LATEST), None)
        if own is None:
            without.append(at)
        else:
            left.remove(own)
    return without


class House:
    """Use as a context manager. `home` gets everything; `chance` says how long each wait lasts."""

    def __init__(self, home: Path, chance: random.Random) -> None:
        self.home = home
        self.chance = chance
        self.film = home / "film.avi"
        (home / "broker").mkdir()
        self.broker = Mosquitto(home / "broker")
        self.door = RunningDoor(self.config_folder, self.config)
        self.state = self.door.settings.state
        self.pin: Pin = self.door.pin
        self._furnish()

    @property
    def config_folder(self) -> Path:
        return self.home

    @property
    def config(self) -> str:
        return _CONFIG.format(unlock=UNLOCK, film=self.film, port=self.broker.port, state=self.home / "state")

    def __enter__(self) -> Self:
        self.broker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear_away()
        self.broker.stop()

    def _furnish(self) -> None:
        resident: Any = cv2.imread(str(PICTURES / "astronaut.png"))
        assert resident is not None, "no pictures: run `make pictures`"
        film(self.film, [([(resident, 430)], CAME_AND_WENT - 0.8), ([], 0.8)])
        with open_store(StoreSettings(), self.state, CLOCK) as store:
            store.add_person(enrolled(resident, "eileen"))
        self.pin.leave("locked")
        (self.state / f"pin-{self.door.settings.door.pin}.trace").touch()

    # -- what happens at the door --

    def start(self) -> None:
        """Start the door where none runs."""
        if self.door.process is None or self.door.process.poll() is not None:
            self.door.start()

    def wait(self, least: float, most: float) -> None:
        CLOCK.sleep(self.chance.uniform(least, most))

    def opens(self) -> None:
        """Wait until the resident is let in once more."""
        before = self.openings()
        self.door.until(lambda: self.openings() > before)

    def openings(self) -> int:
        return self.pin.story().count("unlocked")

    def locks(self) -> None:
        wait_until(lambda: self.pin.now() == "locked")

    # -- what is done to it --

    def send(self, number: signal.Signals) -> None:
        """To the main process."""
        assert self.door.process is not None
        self.door.process.send_signal(number)

    def strike(self) -> int:
        """The process id of the strike."""
        assert self.door.process is not None
        children = psutil.Process(self.door.process.pid).children()
        return next(child.pid for child in children if "edge.door.strike_process" in child.cmdline())

    def kill(self) -> None:
        """Kill the main process, and wait until nobody of the door is left."""
        assert self.door.process is not None
        left = psutil.Process(self.door.process.pid).children(recursive=True)
        self.door.kill()
        for child in left:
            wait_for_the_end_of(child.pid)

    def force_locked(self) -> None:
        """What systemd calls after every end of the door."""
        command = [sys.executable, "-m", "edge", "force-locked", "--config", str(self.config_folder / "config.yaml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert self.pin.now() == "locked"

    def clear_away(self) -> None:
        """Nobody of the door is left, and it is locked."""
        if self.door.process is not None and self.door.process.poll() is None:
            os.kill(self.door.process.pid, signal.SIGCONT)
            self.kill()
        self.force_locked()

    # -- what is judged --

    def grants(self) -> list[float]:
        """When each grant was written down, monotonic seconds."""
        path = (self.state / "store.db").as_uri()
        query = "SELECT monotonic FROM journal WHERE kind = 'access' AND json_extract(data, '$.verdict') = 'granted'"
        with closing(sqlite3.connect(f"{path}?mode=ro", uri=True)) as connection:
            return sorted(at for (at,) in connection.execute(query))

    def unwanted(self) -> list[float]:
        """Moments at which the pin was unlocked without a grant of its own just before."""
        return without_grant((at for at, word in self.pin.changes() if word == "unlocked"), self.grants())

    def lose_camera(self) -> None:
        shutil.move(self.film, self.film.with_suffix(".gone"))

    def find_camera(self) -> None:
        shutil.move(self.film.with_suffix(".gone"), self.film)

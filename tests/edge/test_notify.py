"""What systemd hears of the door, over a real datagram socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.service.notify import Notifier
from tests.edge.doors import CLOCK, RunningDoor, film
from tests.edge.eyes import Image


class Stopwatch(SystemClock):
    """Stands still until it is moved."""

    at = 100.0

    def now(self) -> float:
        return self.at


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(30)
        yield listening


def heard(ear: socket.socket) -> list[str]:
    """All that was said so far."""
    said = []
    ear.setblocking(False)
    try:
        while True:
            said.append(ear.recv(4096).decode())
    except BlockingIOError:
        return said


def test_it_says_ready_then_alive_a_few_times_a_period_then_stopping(ear: socket.socket) -> None:
    clock = Stopwatch()
    notifier = Notifier({"NOTIFY_SOCKET": str(ear.getsockname()), "WATCHDOG_USEC": "20000000"}, clock)
    notifier.ready("working")
    for _ in range(100):  # ten turns a second for ten seconds
        notifier.alive()
        clock.at += 0.1
    notifier.stopping()
    said = heard(ear)
    assert said == ["READY=1\nSTATUS=working", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_name_in_the_abstract_namespace_is_reached() -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as ear:
        ear.bind("\0limen-test-notify")
        Notifier({"NOTIFY_SOCKET": "@limen-test-notify"}, CLOCK).ready("x")
        assert heard(ear) == ["READY=1\nSTATUS=x"]


def test_no_process_that_is_started_later_can_speak_for_the_door() -> None:
    environment = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "PATH": "/bin"}
    Notifier(environment, CLOCK)
    assert environment == {"PATH": "/bin"}


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "soon"}])
def test_where_nobody_listens_nothing_happens(environment: dict[str, str]) -> None:
    notifier = Notifier(environment, CLOCK)
    notifier.ready("")
    notifier.alive()
    notifier.stopping()


def test_a_door_is_ready_fed_by_its_frames_and_says_that_it_stops(
    tmp_path: Path, ear: socket.socket, monkeypatch: pytest.MonkeyPatch, faces: dict[str, Image]
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(ear.getsockname()))
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    film(tmp_path / "scene.avi", [([(faces["stranger"], 200)], 2)])
    with RunningDoor(tmp_path) as door:
        door.start()
        assert ear.recv(4096).decode() == "READY=1\nSTATUS=working the door front"
        assert [ear.recv(4096).decode() for _ in range(3)] == ["WATCHDOG=1"] * 3
        assert door.stop() == 0
    assert heard(ear)[-1] == "STOPPING=1"


def test_a_lost_camera_feeds_the_watchdog_too(
    tmp_path: Path, ear: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A door without a camera still hears commands and its exit button: starting it again would mend nothing."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(ear.getsockname()))
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    config = 'door: {driver: mock}\ncamera: {source: "usb:97"}\nmqtt: {broker: embedded, port: 0}\n'
    with RunningDoor(tmp_path, config) as door:
        door.start()
        assert ear.recv(4096).decode().startswith("READY=1")
        assert ear.recv(4096).decode() == "WATCHDOG=1"

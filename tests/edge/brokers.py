"""Real brokers and real clients for the MQTT tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.clock import SystemClock
from edge.mqtt.commands import Incoming
from edge.mqtt.credentials import Login
from edge.mqtt.link import Link, Wiring
from edge.mqtt.topics import Topics

CLOCK = SystemClock()
TOPICS = Topics("limen", "front")
HOST = "127.0.0.1"
LONG = 20.0  # seconds after which a test that waits has failed


def until(condition: Callable[[], object], what: str = "") -> None:
    """Wait for what other processes and threads do."""
    give_up = CLOCK.now() + LONG
    while not condition():
        assert CLOCK.now() < give_up, f"waited in vain {what}"
        CLOCK.sleep(0.005)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """A mosquitto that lets everybody in, keeps its port and its disk, and can be stopped and started again."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = free_port()
        self.login = Login(HOST, self.port)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        usual = (f"listener {self.port} {HOST}", "persistence true", f"persistence_location {folder}/")
        config = (*usual, *(lines or ("allow_anonymous true",)))
        # As root it would become another user, who cannot read the test's folder.
        (folder / "mosquitto.conf").write_text("\n".join([*config, "user root"]), encoding="utf-8")

    def start(self) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            pytest.fail("these tests need a real broker: sudo apt install mosquitto")
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", str(self._folder / "mosquitto.conf")], stdout=log, stderr=log
            )
        until(self._listens, "for mosquitto")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(LONG)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _listens(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
        except OSError:
            return False
        return True


@contextmanager
def linked(login: Login, wiring: Wiring, clock: Any = CLOCK) -> Iterator[Link]:
    """A link that is up."""
    with Link(login, wiring, clock) as link:
        until(lambda: link.connected, f"for a connection: {link.problem}")
        yield link


def listener(*filters: str) -> Wiring:
    return Wiring(f"test-{os.urandom(6).hex()}", filters)


def heard(link: Link) -> Incoming:
    """The next message."""
    return link.inbox.get(timeout=LONG)


def send(login: Login, topic: str, payload: bytes, *, retain: bool = False, **properties: Any) -> None:
    """Publish as some client would: MQTT 5, QoS 1, with whatever properties."""
    extras = Properties(PacketTypes.PUBLISH)
    for name, value in properties.items():
        setattr(extras, name, value)
    with plain_client(login, "sender") as client:
        client.publish(topic, payload, qos=1, retain=retain, properties=extras).wait_for_publish(LONG)


@contextmanager
def plain_client(login: Login, client_id: str, *, session_seconds: int = 0) -> Iterator[Client]:
    """A connected paho client; a session that outlives it if asked for."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set(login.username, login.password)
    terms = Properties(PacketTypes.CONNECT)
    terms.SessionExpiryInterval = session_seconds
    client.connect(login.host, login.port, clean_start=session_seconds == 0, properties=terms)
    client.loop_start()
    try:
        until(client.is_connected, "for the client")
        yield client
    finally:
        client.disconnect()
        client.loop_stop()

"""A door without a battery-backed clock: it starts in 1970, its clock jumps, and the time comes late.

The real daemon on a clock that the test sets, a real mosquitto with TLS, and the pin's own trace as the judge.
"""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.clock import SystemClock
from edge.mqtt.credentials import Login
from edge.mqtt.link import Link, Wiring
from edge.settings import StoreSettings
from edge.store.store import open_store
from edge.values import Hours, Schedule, Terms
from tests.edge.brokers import CLOCK, HOST, LONG, TOPICS, Mosquitto, heard, linked, listener, until
from tests.edge.doors import CONFIG, film
from tests.edge.eyes import enrolled
from tests.edge.gate import Gate
from tests.edge.wrong_time import BOOT, Certificates, MistimedDoor

QUICK = "access: {gone_seconds: 0.2, refuse_after_seconds: 1, cooldown_seconds: 1, accept_lower_security: true}\n"
ALWAYS = Schedule((Hours(tuple(range(7)), 0, 0),), "UTC")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture(scope="module")
def furnished(faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eileen and Grace come and go. Eileen may come in; Grace may at any hour of the coming month."""
    home = tmp_path_factory.mktemp("house")
    film(home / "scene.avi", [([(faces["resident"], 430)], 2), ([], 0.8), ([(faces["stranger"], 290)], 2), ([], 0.8)])
    with open_store(StoreSettings(), home / "state", CLOCK) as store:
        store.add_person(enrolled(faces["resident"], "eileen"))
        month = Terms(valid_until=CLOCK.wall() + 30 * DAY, schedule=ALWAYS)
        store.add_person(enrolled(faces["stranger"], "grace", month))
    return home


@pytest.fixture
def house(furnished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(furnished, tmp_path / "house")


def told(door: MistimedDoor) -> list[dict[str, Any]]:
    """The journal, each event with whether its time could be believed."""
    query = "SELECT data, ts_trusted, seq FROM journal WHERE kind IN ('access', 'system') ORDER BY seq"
    path = (door.settings.state / "store.db").as_uri()
    with closing(sqlite3.connect(f"{path}?mode=ro", uri=True)) as connection:
        rows = connection.execute(query).fetchall()
    return [json.loads(data) | {"ts_trusted": bool(trusted), "seq": seq} for data, trusted, seq in rows]


def happens(door: MistimedDoor, **wanted: Any) -> None:
    """Wait until the journal has one more event like this."""
    before = max((event["seq"] for event in told(door)), default=0)
    door.until(lambda: any(event["seq"] > before and wanted.items() <= event.items() for event in told(door)))


# -- the way to a broker with TLS ------------------------------------------------------------------------------------


def test_a_door_that_starts_in_1970_works_and_finds_its_broker_as_soon_as_the_time_comes(
    house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exchanging the certificate stands in for the system's clock, which no test can set."""
    certificates = Certificates(tmp_path)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(LONG)
        broker = Mosquitto(tmp_path, *certificates.give(from_now=DAY))
        tls = f"broker: localhost, port: {broker.port}, tls: true, ca_file: {certificates.authority}"
        config = CONFIG.replace("broker: embedded, port: 0", tls) + QUICK
        with broker, MistimedDoor(house, config).set_clock(BOOT) as door:
            monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
            door.start()
            monkeypatch.delenv("NOTIFY_SOCKET")  # a mosquitto would say READY=1, too
            assert systemd.recv(4096) == b"READY=1\nSTATUS=working the door front"
            waits = systemd.recv(4096).decode()
            assert "working the door front; the certificate of localhost" in waits
            assert "certificate is not yet valid; this machine's clock is not set yet" in waits
            assert waits.removeprefix("STATUS=working the door front; ") in door.log()
            happens(door, person_id="eileen", verdict="granted", ts_trusted=False)
            happens(door, person_id="grace", reason="clock_untrusted", ts_trusted=False)
            assert "New client connected" not in (tmp_path / "mosquitto.log").read_text(), "nothing is said unverified"
            broker.stop()
            certificates.give(from_now=-DAY)
            broker.start()
            login = Login("localhost", broker.port, tls=True, ca_file=str(certificates.authority))
            with linked(login, listener(door.topics.events)) as observer:
                door.set_clock(timedelta(0))
                events = [json.loads(heard(observer).payload)]
                while not (events[-1].get("verdict") == "granted" and events[-1]["ts_trusted"]):
                    events.append(json.loads(heard(observer).payload))
            happens(door, person_id="grace", verdict="granted", ts_trusted=True)
            assert systemd.recv(4096) == b"STATUS=working the door front"
            assert door.stop() == 0
    assert {event["late"] for event in events if not event["ts_trusted"]} == {True}
    words = [event["event"] for event in events if "event" in event]
    assert [word for word in words if word.startswith("clock_")] == ["clock_untrusted", "clock_trusted"]
    assert_only_grants_opened(door)


class LateTime(SystemClock):
    """Is set when somebody has looked at it a few times."""

    looks = 0

    def now(self) -> float:
        return 5.0

    def wall(self) -> Any:
        self.looks += 1
        return BOOT if self.looks < 4 else super().wall()


def test_whoever_waits_for_a_broker_waits_no_longer_than_until_the_clock_is_set() -> None:
    link = Link(Login(HOST, 1), Wiring.of_door(TOPICS), LateTime())
    assert link._pause(3600.0)


@pytest.mark.parametrize(
    ("from_now", "said"), [(DAY, "not yet valid; is this machine's clock right?"), (-60 * DAY, "expired; renew it, or")]
)
def test_a_certificate_out_of_its_time_is_never_taken_and_tried_less_and_less_often(
    tmp_path: Path, from_now: timedelta, said: str
) -> None:
    certificates = Certificates(tmp_path)
    with Mosquitto(tmp_path, *certificates.give(from_now=from_now)) as broker, Gate(broker.port) as gate:
        gate.is_open = True
        login = Login("localhost", gate.port, tls=True, ca_file=str(certificates.authority))
        started = CLOCK.now()
        with Link(login, Wiring.of_door(TOPICS), CLOCK) as link:
            until(lambda: gate.admitted == 3, "for a third attempt")
            assert CLOCK.now() - started >= 3.0, "a second, then two"
            assert not link.connected
            assert said in link.problem
    assert "New client connected" not in (tmp_path / "mosquitto.log").read_text()


# -- what opens and locks --------------------------------------------------------------------------------------------


def test_jumps_of_the_clock_neither_open_nor_lock_and_a_pulse_stays_as_long_as_it_was_asked(house: Path) -> None:
    jumps = (HOUR, -HOUR, 400 * DAY, BOOT, timedelta(0))
    with MistimedDoor(house, CONFIG + QUICK).set_clock(timedelta(0)).start() as door:
        for to in jumps:
            happens(door, person_id="eileen", verdict="granted")
            door.until(lambda: door.pin.now() == "unlocked")
            door.set_clock(to)
            if to == 400 * DAY:
                happens(door, person_id="grace", reason="expired", ts_trusted=True)
            elif to == BOOT:
                happens(door, person_id="grace", reason="clock_untrusted", ts_trusted=False)
        happens(door, person_id="grace", verdict="granted", ts_trusted=True)
        assert door.stop() == 0
    assert_only_grants_opened(door)
    words = [event["event"] for event in told(door) if event.get("event", "").startswith("clock_")]
    assert words[-5:] == [*["clock_jumped"] * 3, "clock_untrusted", "clock_trusted"]


def assert_only_grants_opened(door: MistimedDoor) -> None:
    """Each pulse has its grant, and lasts for as long as it was asked to; on a busy machine two may share a pulse."""
    pulses = door.pin.pulses()
    asked = door.settings.door.unlock_seconds
    assert door.pin.now() == "locked"
    assert 0 < len(pulses) <= sum(event.get("verdict") == "granted" for event in told(door))
    assert all(until - since > asked / 2 for since, until in pulses[:-1]), "the last one may have ended with the door"
    door.pin.assert_never_open_too_long()

"""The door's connection against a real mosquitto: what gets in, what gets out, and what outages do to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.mqtt.authority import Standing
from edge.mqtt.commands import Context, Refusal, parse
from edge.mqtt.credentials import Login
from edge.mqtt.link import SETTLING_SECONDS, Link, Wiring
from edge.mqtt.messages import ONLINE
from tests.edge.brokers import (
    CLOCK,
    HOST,
    LONG,
    TOPICS,
    Mosquitto,
    free_port,
    heard,
    linked,
    listener,
    plain_client,
    send,
    until,
)
from tests.edge.gate import OldBroker

DOOR = Wiring.of_door(TOPICS)
PROJECT = Path(__file__).parents[2]


class HandClock:
    """Monotonic time that moves when told."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def cpu(self) -> float:
        return 0.0

    def wall(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)

    def trusted(self) -> bool:
        return True

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


def test_a_command_arrives_with_all_that_matters_about_it(broker: Mosquitto) -> None:
    with linked(broker.login, DOOR) as door:
        send(
            broker.login,
            TOPICS.request("enroll"),
            b"payload",
            ResponseTopic="limen/clients/me",
            CorrelationData=b"\x07",
            MessageExpiryInterval=60,
        )
        incoming = heard(door)
    assert (incoming.topic, incoming.payload, incoming.retain) == ("limen/front/request/enroll", b"payload", False)
    assert (incoming.reply_topic, incoming.correlation) == ("limen/clients/me", b"\x07")
    assert incoming.expiry is not None
    assert 50 <= incoming.expiry <= 60


def test_a_retained_command_waits_in_vain_and_is_seen_as_retained_when_live(broker: Mosquitto) -> None:
    send(broker.login, TOPICS.request("enroll"), b"left behind", retain=True)
    with linked(broker.login, DOOR) as door:
        send(broker.login, TOPICS.request("enroll"), b"live", retain=True)
        incoming = heard(door)
    assert (incoming.payload, incoming.retain) == (b"live", True)
    refused = parse(incoming, Context(TOPICS, Standing(), CLOCK.now(), CLOCK.wall(), clock_trusted=True))
    assert isinstance(refused, Refusal)
    assert refused.code == "retained"


def test_a_command_queued_for_an_older_session_is_thrown_away(broker: Mosquitto) -> None:
    with plain_client(broker.login, DOOR.client_id, session_seconds=3600) as older:
        subscribed = []
        older.on_subscribe = lambda *_: subscribed.append(1)
        older.subscribe(TOPICS.requests, qos=1)
        until(lambda: subscribed)
    send(broker.login, TOPICS.request("enroll"), b"queued")
    with linked(broker.login, DOOR) as door:
        send(broker.login, TOPICS.request("enroll"), b"fresh")
        assert heard(door).payload == b"fresh"


def test_a_payload_bomb_does_not_reach_the_door(broker: Mosquitto) -> None:
    with linked(broker.login, DOOR) as door:
        send(broker.login, TOPICS.request("enroll"), b"x" * 1_000_000)
        send(broker.login, TOPICS.request("enroll"), b"y" * 10_000)
        send(broker.login, TOPICS.request("enroll"), b"z")
        assert [len(heard(door).payload) for _ in range(2)] == [4097, 1]


def test_what_does_not_fit_the_inbox_is_dropped_and_counted(broker: Mosquitto) -> None:
    small = Wiring("door", (TOPICS.requests,), commands=True, most_unread=2)
    with linked(broker.login, small) as door:
        for number in range(5):
            send(broker.login, TOPICS.request("enroll"), str(number).encode())
        until(lambda: door.dropped == 3)
        assert [heard(door).payload for _ in range(2)] == [b"0", b"1"]


def test_a_broker_that_is_not_there_yet_costs_nothing_and_is_found_later(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    began = CLOCK.now()
    with Link(broker.login, DOOR, CLOCK) as door:
        assert CLOCK.now() - began < 1.0
        assert door.publish(TOPICS.availability, ONLINE, retain=True) is None
        assert not door.wait(LONG)
        assert door.problem == f"no broker listens on {HOST}:{broker.port}"
        with broker:
            until(lambda: door.connected)
            assert (door.generation, door.problem) == (1, "")


def test_every_connect_counts_so_that_state_is_said_again(broker: Mosquitto) -> None:
    with linked(broker.login, DOOR) as door:
        for generation in (1, 2, 3):
            until(lambda at=generation: door.connected and door.generation == at)
            ticket = door.publish(TOPICS.availability, ONLINE, retain=True)
            until(lambda wanted=ticket: wanted in door.acknowledged())
            with linked(broker.login, listener(TOPICS.availability)) as observer:
                assert heard(observer).payload == ONLINE
            broker.stop()
            until(lambda: not door.connected)
            assert door.publish(TOPICS.availability, ONLINE) is None
            assert "lost" in door.problem
            broker.start()


def test_nothing_said_before_an_outage_is_repeated_after_it(broker: Mosquitto) -> None:
    with linked(broker.login, DOOR) as door:
        broker_process = broker._process
        assert broker_process is not None
        broker_process.send_signal(signal.SIGSTOP)
        ticket = door.publish(TOPICS.event("access"), b"old grant")
        assert ticket is not None
        broker_process.kill()
        broker_process.wait(LONG)
        until(lambda: not door.connected)
        broker.start()
        with linked(broker.login, listener("limen/#")) as observer:
            until(lambda: door.connected)
            door.publish(TOPICS.status, b"new")
            assert heard(observer).payload == b"new"
        assert ticket not in door.acknowledged()


def test_leaving_says_offline(broker: Mosquitto) -> None:
    with linked(broker.login, listener(TOPICS.availability)) as observer:
        with linked(broker.login, DOOR) as door:
            door.publish(TOPICS.availability, ONLINE, retain=True)
            assert heard(observer).payload == ONLINE
        assert heard(observer).payload == b"offline"
    with linked(broker.login, listener(TOPICS.availability)) as later:
        left = heard(later)
        assert (left.payload, left.retain) == (b"offline", True)


@pytest.mark.parametrize("wait", [0.0, 0.002, 0.004, 0.01])
def test_leaving_at_any_moment_of_connecting_leaves_nothing_behind(broker: Mosquitto, wait: float) -> None:
    with Link(broker.login, DOOR, CLOCK) as door:
        CLOCK.sleep(wait)
    assert not door._thread.is_alive()


def test_the_broker_says_offline_for_a_door_that_was_killed(broker: Mosquitto) -> None:
    script = (
        "import sys; from edge.clock import SystemClock; from edge.mqtt.credentials import Login\n"
        "from edge.mqtt.link import Link, Wiring; from edge.mqtt.topics import Topics\n"
        "topics = Topics('limen', 'front')\n"
        "with Link(Login('127.0.0.1', int(sys.argv[1])), Wiring.of_door(topics), SystemClock()) as link:\n"
        "    link.wait(20); link.publish(topics.availability, b'online', retain=True); sys.stdin.read()\n"
    )
    with linked(broker.login, listener(TOPICS.availability)) as observer:
        door = subprocess.Popen([sys.executable, "-c", script, str(broker.port)], stdin=subprocess.PIPE, cwd=PROJECT)
        with door:
            assert heard(observer).payload == ONLINE
            door.kill()
        assert heard(observer).payload == b"offline"


def test_a_new_connection_of_the_same_door_ends_the_old_one_first(broker: Mosquitto) -> None:
    """A half-open connection must not say `offline` after the new one has said `online`."""
    with linked(broker.login, listener(TOPICS.availability)) as observer, linked(broker.login, DOOR) as old:
        old.publish(TOPICS.availability, ONLINE, retain=True)
        assert heard(observer).payload == ONLINE
        old._stopping.set()  # as a process that hangs: it will not come back
        with linked(broker.login, DOOR) as new:
            new.publish(TOPICS.availability, ONLINE, retain=True)
            assert [heard(observer).payload for _ in range(2)] == [b"offline", ONLINE]


def test_a_wrong_login_is_said_in_words_without_the_password(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "passwords").write_text("")
    (tmp_path / "passwords").chmod(0o600)
    with Mosquitto(tmp_path, "allow_anonymous false", f"password_file {tmp_path}/passwords") as broker:
        login = Login(HOST, broker.port, "door", "s3cret-word")
        with Link(login, DOOR, CLOCK) as door:
            assert not door.wait(LONG)
            assert "refused the login (Not authorized)" in door.problem
            assert not door.connected
    assert "s3cret-word" not in repr(login) + str(login) + door.problem + caplog.text


def test_a_name_that_nobody_knows_and_a_broker_without_tls_are_said_in_words(broker: Mosquitto) -> None:
    for login, words in (
        (Login("no-such-broker.invalid", 1883), "is not known"),
        (Login(HOST, broker.port, tls=True), "no TLS with"),
        (Login(HOST, free_port(), tls=True, ca_file="/nowhere/ca.pem"), "No such file"),
    ):
        with Link(login, DOOR, CLOCK) as door:
            assert not door.wait(LONG)
            assert words in door.problem


@pytest.mark.parametrize("polite", [True, False])
def test_a_broker_that_speaks_only_3_1_1_is_understood(broker: Mosquitto, polite: bool) -> None:  # noqa: FBT001
    clock = HandClock()
    with OldBroker(broker.port, polite=polite) as old, Link(Login(HOST, old.port), DOOR, clock) as door:
        assert door.wait(LONG), door.problem
        send(broker.login, TOPICS.request("enroll"), b"too soon")
        # The acknowledgement comes after whatever the broker sent before it.
        ticket = door.publish(TOPICS.status, b"{}", correlation=b"not in this version")
        until(lambda: ticket in door.acknowledged())
        clock.sleep(SETTLING_SECONDS)
        send(broker.login, TOPICS.request("enroll"), b"now", ResponseTopic="limen/clients/me")
        incoming = heard(door)
        assert (incoming.payload, incoming.reply_topic, incoming.expiry) == (b"now", None, None)


def test_tls_needs_a_certificate_that_is_trusted_and_names_the_broker(tmp_path: Path) -> None:
    _make_certificates(tmp_path)
    files = [f"cafile {tmp_path}/ca.pem", f"certfile {tmp_path}/server.pem", f"keyfile {tmp_path}/server.key"]
    with Mosquitto(tmp_path, "allow_anonymous true", *files) as broker:
        with Link(broker.login, DOOR, CLOCK) as door:
            assert not door.wait(LONG)
            assert "or only over TLS" in door.problem
        good = Login("localhost", broker.port, tls=True, ca_file=str(tmp_path / "ca.pem"))
        with linked(good, DOOR) as door:
            assert door.publish(TOPICS.availability, ONLINE) is not None
        for host, ca_file in (("localhost", ""), (HOST, good.ca_file)):
            with Link(Login(host, broker.port, tls=True, ca_file=ca_file), DOOR, CLOCK) as door:
                assert not door.wait(LONG)
                assert f"certificate of {host}:{broker.port} is not accepted" in door.problem


def _make_certificates(folder: Path) -> None:
    """An authority, and a server's certificate for the name `localhost` only."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-x509"]
    authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=DNS:localhost"]
    for arguments in (
        [*curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority"],
        [*curve, "-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=localhost", *authority],
    ):
        environment = os.environ | {"OPENSSL_CONF": "/etc/ssl/openssl.cnf"}
        subprocess.run(["openssl", "req", *arguments], cwd=folder, check=True, capture_output=True, env=environment)

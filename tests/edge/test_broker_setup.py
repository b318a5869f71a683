"""A broker made by `limen broker-setup`, judged by what it delivers: who gets in, who hears what, who is obeyed."""

from __future__ import annotations

import socket
import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.__main__ import main
from edge.config import read_config
from edge.errors import ConfigError, LimenError, MessageError
from edge.mqtt.ask import Session
from edge.mqtt.certificates import CertificateAuthority, Pair
from edge.mqtt.credentials import Login, broker_login
from edge.mqtt.home_assistant import withdraw
from edge.mqtt.link import Link, Wiring
from edge.mqtt.messages import Response
from edge.mqtt.topics import Topics
from edge.mqtt.wire import tls_context
from tests.edge.brokers import CLOCK, LONG, Mosquitto, free_port, heard, linked, listener, until
from tests.edge.doors import RunningDoor, film

FRONT, BACK = Topics("limen", "front"), Topics("limen", "back")
GRANTED = FRONT.event("access")


class OwnBroker(Mosquitto):
    """A mosquitto with the files of one `limen broker-setup`."""

    def __init__(self, home: Path, *options: str, doors: tuple[str, ...] = ("front", "back")) -> None:
        self.home, self.folder, port = home, home / "broker", free_port()
        (home / "config.yaml").write_text("door: {driver: mock}", encoding="utf-8")
        (home / "config.yaml").chmod(0o600)
        named = [word for door in doors for word in ("--door", door)]
        hosts = [] if "--host" in options else ["--host", "localhost"]
        words = ["broker-setup", str(self.folder), *named, *hosts, "--port", str(port), *options]
        assert main([*words, "--config", str(home / "config.yaml")]) == 0
        made = (self.folder / "mosquitto.conf").read_text(encoding="utf-8").splitlines()
        super().__init__(home, *made)
        self.port = port

    def user(self, user: str, **other: Any) -> Login:
        """As a user who holds what lies in its folder."""
        folder = self.folder / "users" / user
        known: dict[str, Any] = {
            "host": "localhost",
            "port": self.port,
            "username": user,
            "password": (folder / "password").read_text(encoding="utf-8").strip(),
            "tls": True,
            "ca_file": str(folder / "ca.crt"),
        }
        return Login(**known | other)

    def with_certificate(self, user: str) -> Login:
        folder = self.folder / "users" / user
        return self.user(user, client_certificate=str(folder / "client.crt"), client_key=str(folder / "client.key"))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[OwnBroker]:
    with OwnBroker(tmp_path) as running:
        yield running


def say(login: Login, topic: str, payload: bytes) -> bool:
    """Publish and wait for the answer: True when the broker took it without a complaint."""
    with linked(login, listener("unused/topic")) as link:
        ticket = link.publish(topic, payload)
        taken: list[int] = []
        until(lambda: taken.extend(link.acknowledged()) or ticket in taken or link.problem, "for an answer")
        return not link.problem


def problem_of(login: Login) -> str:
    """Why this login does not get in."""
    with Link(login, Wiring("test", ("anything",)), CLOCK) as link:
        assert not link.wait(LONG), "it got in"
        return link.problem


def test_a_dashboard_hears_every_door_and_may_only_ask(broker: OwnBroker) -> None:
    door, dashboard = broker.user("door-front"), broker.user("dashboard")
    with linked(dashboard, listener("#")) as watcher, linked(door, Wiring.of_door(FRONT)) as lock:
        say(door, FRONT.image, b"a face is not for everybody who watches")
        say(door, GRANTED, b"event")
        assert heard(watcher).topic == GRANTED
        for topic in (FRONT.lock_set, FRONT.lock_state, FRONT.response("unlock"), FRONT.discovery, GRANTED):
            say(dashboard, topic, b"forged")
        for command in ("events.query", "unlock"):
            say(dashboard, FRONT.request(command), b"a question")
            asked = heard(lock)
            assert (asked.topic, asked.payload) == (FRONT.request(command), b"a question")
            say(door, FRONT.response(command), b"an answer")
            assert heard(watcher).payload == b"an answer"


def test_a_door_neither_hears_nor_speaks_for_another_door(broker: OwnBroker) -> None:
    front, back = broker.user("door-front"), broker.user("door-back")
    with linked(back, listener("#")) as nosy, linked(broker.user("operator"), listener("limen/#")) as operator:
        say(front, GRANTED, b"of the front door")
        say(front, FRONT.response("person.list"), b"names")
        say(back, GRANTED, b"forged")
        say(back, FRONT.request("enroll"), b"forged")
        say(back, BACK.event("access"), b"of the back door")
        assert heard(nosy).payload == b"of the back door"
        own = [b"of the front door", b"names", b"of the back door"]
        assert [heard(operator).payload for _ in own] == own


def test_an_operator_is_heard_and_home_assistant_sees_what_it_needs(broker: OwnBroker) -> None:
    door, guest = broker.user("door-front"), broker.user("homeassistant")
    wiring = Wiring("lock", (FRONT.requests, FRONT.lock_set), (FRONT.birth,), commands=True)
    with linked(guest, listener("homeassistant/#", "limen/#")) as home, linked(door, wiring) as lock:
        say(door, FRONT.discovery, b"{}")
        say(door, GRANTED, b"event")
        say(door, FRONT.response("enroll"), b"not for everybody")
        say(door, FRONT.image, b"a face")
        say(door, FRONT.lock_state, b"LOCKED")
        assert [heard(home).topic for _ in range(4)] == [FRONT.discovery, GRANTED, FRONT.image, FRONT.lock_state]
        say(guest, FRONT.request("enroll"), b"forged")
        for topic in (FRONT.birth, FRONT.lock_set, FRONT.request("selftest")):
            say(guest, topic, b"from home")
            assert heard(lock).topic == topic
        say(broker.user("operator"), FRONT.request("enroll"), b"please")
        assert heard(lock).payload == b"please"


def test_nobody_gets_in_without_a_name_and_the_right_password(broker: OwnBroker) -> None:
    assert "refused the login" in problem_of(broker.user("dashboard", username="", password=""))
    assert "refused the login" in problem_of(broker.user("dashboard", password="wrong"))
    assert "refused the login" in problem_of(broker.user("dashboard", username="door-front"))
    assert "only over TLS" in problem_of(broker.user("dashboard", tls=False, ca_file=""))


def test_a_broker_that_is_not_who_it_should_be_is_not_talked_to(tmp_path: Path, broker: OwnBroker) -> None:
    other = tmp_path / "other.crt"
    other.write_bytes(CertificateAuthority.new("somebody else", CLOCK.wall()).pair.certificate)
    wrong_authority = problem_of(broker.user("door-front", ca_file=str(other)))
    assert "not accepted" in wrong_authority
    assert "mqtt.ca_file" in wrong_authority
    wrong_name = problem_of(broker.user("door-front", host="127.0.0.1"))
    assert "not accepted" in wrong_name
    assert "mqtt.broker" in wrong_name


def test_an_expired_certificate_is_named(tmp_path: Path) -> None:
    broker = OwnBroker(tmp_path)
    pair = Pair((broker.folder / "ca.crt").read_bytes(), (broker.folder / "ca.key").read_bytes())
    long_ago = datetime.now(UTC) - timedelta(days=30)
    old = CertificateAuthority.of(pair).sign("localhost", "server", long_ago, ["localhost"], days=1)
    (broker.folder / "server.crt").write_bytes(old.certificate)
    (broker.folder / "server.key").write_bytes(old.key)
    with broker:
        problem = problem_of(broker.user("door-front"))
    assert "expired" in problem
    assert "clock" in problem


def test_where_certificates_are_required_a_password_alone_is_not_enough(tmp_path: Path) -> None:
    with OwnBroker(tmp_path, "--require-certificates") as broker:
        assert "mqtt.client_certificate" in problem_of(broker.user("door-front"))
        assert say(broker.with_certificate("door-front"), GRANTED, b"event")


def test_a_door_gets_in_with_the_configuration_that_the_command_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with OwnBroker(tmp_path, "--require-certificates") as broker:
        printed = capsys.readouterr().out
        (tmp_path / "secrets").symlink_to(broker.folder / "users" / "door-front")
        text = printed[printed.index("mqtt:") : printed.index("\n\nKeep")].replace("door-ID", "door-front")
        (tmp_path / "door.yaml").write_text(text, encoding="utf-8")
        (tmp_path / "door.yaml").chmod(0o600)
        login = broker_login(read_config(tmp_path / "door.yaml"))
        assert say(login, GRANTED, b"event")
        (broker.folder / "users" / "door-front" / "client.key").chmod(0o644)
        with pytest.raises(ConfigError, match=r"mqtt\.client_key: other users may read"):
            broker_login(read_config(tmp_path / "door.yaml"))
        (broker.folder / "users" / "door-front" / "ca.crt").unlink()
        with pytest.raises(ConfigError, match=r"mqtt\.ca_file: .* does not exist"):
            broker_login(read_config(tmp_path / "door.yaml"))


def test_a_whole_door_works_over_tls_and_answers_whom_it_should(tmp_path: Path) -> None:
    film(tmp_path / "scene.avi", [([], 1)])
    with OwnBroker(tmp_path) as broker:
        (tmp_path / "secrets").symlink_to(broker.folder / "users" / "door-front")
        mqtt = f"broker: localhost, port: {broker.port}, username: door-front, allow: [read, enroll]"
        secrets = "tls: true, ca_file: secrets/ca.crt, password_file: secrets/password"
        camera = 'camera: {source: "file:scene.avi?loop=1"}'
        with RunningDoor(tmp_path, f"door: {{driver: mock}}\n{camera}\nmqtt: {{{mqtt}, {secrets}}}\n") as door:
            door.start()
            assert door.ask("selftest")["problems"] == []
            with pytest.raises(MessageError, match="no enrolment is running"):  # and not insecure_transport
                door.ask("enroll.cancel")
            with Session(broker.user("dashboard"), FRONT, CLOCK, patience=LONG) as dashboard:
                assert [answer.status for answer in dashboard.request("events.query", timeout=LONG)] == ["ok"]
                (told,) = dashboard.request("person.delete", {"person_id": "x"}, timeout=LONG)
                assert isinstance(told, Response)
                assert told.error is not None
                assert told.error.code == "not_allowed", "the door decides, and its mqtt.allow has no `people`"


def test_only_a_door_itself_and_an_operator_remove_it_from_home_assistant(broker: OwnBroker) -> None:
    for stranger in ("dashboard", "door-back"):
        with pytest.raises(LimenError, match="refused a message"):
            withdraw(broker.user(stranger), FRONT, CLOCK)
    for entitled in ("door-front", "operator"):
        withdraw(broker.user(entitled), FRONT, CLOCK)


def test_made_again_it_keeps_passwords_and_authority_and_lets_a_new_door_in(tmp_path: Path) -> None:
    first = OwnBroker(tmp_path, doors=("front",))
    before = {path.name: path.read_bytes() for path in (first.folder / "ca.key", first.folder / "server.crt")}
    old = first.user("door-front")
    with OwnBroker(tmp_path, doors=("back",)) as again:
        assert (again.folder / "ca.key").read_bytes() == before["ca.key"]
        assert (again.folder / "server.crt").read_bytes() != before["server.crt"]
        assert again.user("door-front").password == old.password
        assert say(again.user("door-front"), GRANTED, b"event")
        assert say(again.user("door-back"), BACK.event("access"), b"event")


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = OwnBroker(tmp_path).folder
    secret = [folder / "ca.key", *folder.glob("users/*/password"), *folder.glob("users/*/client.key")]
    assert len(secret) == 11
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    assert all(not stat.S_IMODE(path.stat().st_mode) & 0o007 for path in folder.iterdir())
    hashed = (folder / "passwords").read_text(encoding="utf-8")
    assert (folder / "users/dashboard/password").read_text(encoding="utf-8").strip() not in hashed


def test_what_cannot_be_used_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text("door: {driver: mock}", encoding="utf-8")
    words = ["broker-setup", str(tmp_path / "b"), "--config", str(tmp_path / "config.yaml")]
    assert main([*words, "--door", "Front", "--host", "a b"]) == 78
    assert "--door Front" in (said := capsys.readouterr().err)
    assert "--host a b" in said
    assert not (tmp_path / "b").exists()
    assert main(words) == 0
    (tmp_path / "b" / "ca.key").unlink()
    assert main(words) == 78
    assert "ca.key" in capsys.readouterr().err


def test_the_certificates_pass_the_strict_checks_of_newer_pythons(tmp_path: Path) -> None:
    with OwnBroker(tmp_path) as broker:
        context = tls_context(broker.user("door-front"))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        with (
            socket.create_connection(("localhost", broker.port), timeout=LONG) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            assert secure.version() == "TLSv1.3"

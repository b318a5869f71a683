"""The broker a laptop gets: who may do what there (told by delivery), who may read its files, and how it ends."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from edge.errors import ConfigError, LimenError
from edge.mqtt.credentials import Login, broker_directory, broker_login, client_login, standing
from edge.mqtt.embedded import HOST, Broker, find_program
from edge.mqtt.home_assistant import withdraw
from edge.mqtt.link import Link, Wiring
from edge.settings import MqttSettings, Settings, StoreSettings
from tests.edge.brokers import CLOCK, LONG, TOPICS, heard, linked, listener, send, until

DOOR = Wiring.of_door(TOPICS)
PROJECT = Path(__file__).parents[2]


def settings_in(folder: Path, **mqtt: object) -> Settings:
    return Settings(home=str(folder), mqtt=MqttSettings(**{"port": 0} | mqtt))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@contextmanager
def place_of_programs() -> Iterator[Path]:
    """A folder with mosquitto's programs, which any user may reach and from which they can vanish."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        for name in ("mosquitto", "mosquitto_passwd"):
            (place / name).symlink_to(find_program(name))
        yield place


@pytest.fixture
def broker(settings: Settings) -> Iterator[Broker]:
    with Broker(settings, CLOCK) as running:
        yield running


def test_door_and_owner_speak_with_each_other(broker: Broker, settings: Settings) -> None:
    owner = client_login(settings)
    with linked(broker.login, DOOR) as door, linked(owner, listener("limen/#")) as reader:
        send(owner, TOPICS.request("person.list"), b"who?")
        assert heard(door).payload == b"who?"
        assert heard(reader).topic == TOPICS.request("person.list")
        for topic in (TOPICS.response("person.list"), "limen/clients/ana", TOPICS.event("access")):
            door.publish(topic, b"said")
            assert heard(reader).topic == topic


def test_the_owner_cannot_speak_as_the_door(broker: Broker, settings: Settings) -> None:
    owner = client_login(settings)
    forbidden = [TOPICS.event("access"), TOPICS.lock_state, TOPICS.availability, TOPICS.response("enroll")]
    with linked(broker.login, listener("limen/front/#")) as reader:
        for topic in forbidden:
            send(owner, topic, b"forged", retain=True)
        send(owner, TOPICS.request("enroll"), b"allowed")
        assert heard(reader).payload == b"allowed"


def test_the_door_announces_itself_and_the_owner_takes_it_back(broker: Broker, settings: Settings) -> None:
    with linked(broker.login, listener(TOPICS.discovery)) as door:
        send(broker.login, TOPICS.discovery, b"{}", retain=True)
        assert heard(door).payload == b"{}"
        withdraw(client_login(settings), TOPICS, CLOCK)
        assert heard(door).payload == b""


def test_one_door_cannot_hear_or_speak_for_another(broker: Broker, settings: Settings) -> None:
    with linked(broker.login, listener("limen/back/#", TOPICS.status)) as door:
        send(client_login(settings), "limen/back/request/enroll", b"not yours")
        door.publish("limen/back/event/access", b"forged")
        door.publish(TOPICS.status, b"mine")
        assert heard(door).payload == b"mine"


@pytest.mark.parametrize(("username", "password"), [("", ""), ("door", "guessed"), ("owner", "")])
def test_nobody_else_gets_in(broker: Broker, username: str, password: str) -> None:
    with Link(replace(broker.login, username=username, password=password), DOOR, CLOCK) as stranger:
        assert not stranger.wait(LONG)
        assert "Not authorized" in stranger.problem


def test_files_are_closed_to_others_and_hold_no_password_but_the_owners(broker: Broker, settings: Settings) -> None:
    directory = broker_directory(settings)
    for path in (directory.parent, directory, *directory.iterdir()):
        assert path.stat().st_mode & stat.S_IRWXO == 0
        assert not path.stat().st_mode & stat.S_IWGRP
    assert (directory / "client.json").stat().st_mode & 0o777 == 0o600
    everything = {path.name: path.read_text() for path in directory.iterdir()}
    assert all(broker.login.password not in text for text in everything.values())
    assert [name for name, text in everything.items() if client_login(settings).password in text] == ["client.json"]
    assert broker.login.password not in repr(broker.login)


def test_the_child_is_unprivileged_and_owns_nothing(broker: Broker, settings: Settings) -> None:
    assert broker._process is not None
    child = psutil.Process(broker._process.pid)
    assert broker.login.password not in " ".join(child.cmdline())
    assert [connection.laddr.ip for connection in child.net_connections() if connection.status == "LISTEN"] == [HOST]
    if os.geteuid() == 0:
        assert child.username() in {"mosquitto", "nobody"}
        uid = pwd.getpwnam(child.username()).pw_uid
        directory = broker_directory(settings)
        assert uid not in {path.stat().st_uid for path in (directory, *directory.iterdir())}


def test_at_the_end_nothing_is_left_running_and_no_login_lies_about(settings: Settings) -> None:
    with Broker(settings, CLOCK) as broker:
        assert broker.running
        assert client_login(settings).port == broker.login.port
    assert not broker.running
    with pytest.raises(LimenError, match="is `limen run` running"):
        client_login(settings)


def test_ctrl_c_reaches_the_door_and_not_the_broker(broker: Broker) -> None:
    assert broker._process is not None
    assert os.getpgid(broker._process.pid) != os.getpgid(0)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="without setpriv of util-linux nothing binds the child")
def test_the_child_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import sys; from edge.clock import SystemClock; from edge.mqtt.embedded import Broker\n"
        "from edge.settings import *\n"
        "broker = Broker(Settings(home=sys.argv[1], mqtt=MqttSettings(port=0)), SystemClock()).__enter__()\n"
        "print(broker._process.pid, flush=True); sys.stdin.read()\n"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_broker_that_ends_while_it_starts_says_why(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.mqtt.embedded._configuration", lambda port: f"listener {port}\nnonsense true\n")
    with pytest.raises(LimenError, match=r"did not start: .*nonsense"):
        Broker(settings, CLOCK).__enter__()


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LimenError, match=rf"mqtt\.port: {port} cannot be used .*mqtt\.broker: 127\.0\.0\.1"):
            Broker(settings_in(tmp_path, port=port), CLOCK)


def test_without_mosquitto_the_cure_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.mqtt.embedded._PLACES", "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(LimenError, match="sudo apt install mosquitto"):
        Broker(settings, CLOCK).__enter__()


def test_where_the_units_sandbox_forbids_setpriv_the_broker_starts_without_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place_of_programs() as place:
        forbidden = place / "setpriv"
        forbidden.write_text(
            "#!/bin/sh\necho 'setpriv: activate capabilities: Operation not permitted' >&2\nexit 127\n"
        )
        forbidden.chmod(0o755)
        monkeypatch.setenv("PATH", str(place), prepend=os.pathsep)
        with Broker(settings, CLOCK) as broker, linked(broker.login, DOOR) as door:
            assert door.connected


def test_a_broker_whose_program_vanished_comes_back_when_it_is_there_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with place_of_programs() as place, monkeypatch.context() as patch:
        patch.setattr("edge.mqtt.embedded._PLACES", str(place))
        patch.setattr("edge.mqtt.embedded._REVIVE_SECONDS", 0.5)
        patch.setenv("PATH", str(place))
        with Broker(settings_in(tmp_path), CLOCK) as broker:
            program = place / "mosquitto"
            program.rename(place / "removed")
            assert broker._process is not None
            broker._process.kill()
            broker._process.wait()
            until(lambda: broker.revive() or caplog.text.count("cannot be started again") > 1, "for two attempts")
            assert caplog.text.count("cannot be started again") > 1
            assert not broker.running
            (place / "removed").rename(program)
            until(broker.revive, "for a broker that stays")
            with linked(broker.login, DOOR) as door:
                assert door.connected


def test_a_state_directory_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(LimenError, match="cannot be set up"):
        Broker(settings_in(tmp_path), CLOCK).__enter__()


def test_a_spoilt_client_file_is_said_plainly(settings: Settings) -> None:
    directory = broker_directory(settings)
    directory.mkdir(parents=True)
    (directory / "client.json").write_text("{}")
    with pytest.raises(LimenError, match=r"client\.json: cannot be read"):
        client_login(settings)


def test_a_password_comes_from_a_closed_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    settings = settings_in(
        tmp_path, broker="broker.lan", port=8883, username="door", password_file="password", tls=True
    )
    with pytest.raises(ConfigError, match=r"mqtt\.password_file: .* does not exist"):
        broker_login(settings)
    file.write_text("s3cret\n")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        broker_login(settings)
    file.chmod(0o600)
    login = client_login(settings)
    assert login == Login("broker.lan", 8883, "door", "s3cret", tls=True)
    assert "s3cret" not in repr(login)
    file.write_text("\n")
    with pytest.raises(ConfigError, match="must hold the password"):
        broker_login(settings)


def test_a_password_comes_from_systemds_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_in(tmp_path, broker="broker.lan", port=1883, username="door")
    assert broker_login(settings).password == ""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert broker_login(settings).password == ""
    (tmp_path / "mqtt-password").write_text("from systemd")
    (tmp_path / "mqtt-password").chmod(0o400)
    assert broker_login(settings).password == "from systemd"


@pytest.mark.parametrize(
    ("host", "tls", "secure"),
    [
        ("127.0.0.1", False, True),
        ("127.9.9.9", False, True),
        ("::1", False, True),
        ("localhost", False, True),
        ("broker.lan", False, False),
        ("localhost.evil.example", False, False),
        ("0.0.0.0", False, False),  # noqa: S104 - not bound, only judged
        ("broker.lan", True, True),
    ],
)
def test_what_counts_as_secure(host: str, tls: bool, secure: bool) -> None:  # noqa: FBT001
    judged = standing(Settings(store=StoreSettings()), Login(host, 1883, tls=tls))
    assert judged.secure is secure

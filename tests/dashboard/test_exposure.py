"""Where the dashboard may be reached, and what must be so for it: settings, TLS, its user at the broker."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import httpx
import pytest

from edge.clock import SystemClock
from edge.config import read_config
from edge.errors import ConfigError, LimenError
from edge.mqtt.certificates import CertificateAuthority
from edge.mqtt.credentials import DASHBOARD_FILE, Login, broker_directory, dashboard_login
from tests.dashboard.running import RunningBoard
from tests.edge.brokers import Mosquitto

CLOCK = SystemClock()


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def private(path: Path, content: bytes = b"secret\n") -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("dashboard", "key"),
    [
        ("address: 0.0.0.0", "dashboard.address"),
        ("address: '::'", "dashboard.address"),
        ("address: 192.168.1.7", "dashboard.address"),
        ("address: '1.2.3'", "dashboard.address"),
        ("address: localhost", "dashboard.address"),
        ("tls_certificate: a.crt", "dashboard.tls_certificate"),
        ("behind_proxy: true", "dashboard.behind_proxy"),
        ("{behind_proxy: true, origin: 'http://door.example.org'}", "dashboard.behind_proxy"),
        ("origin: 'https://door.example.org/path'", "dashboard.origin"),
        ("password_file: secret", "dashboard.password_file"),
        ("client_key: a.key", "dashboard.client_certificate"),
        ("keep_events: 10", "dashboard.keep_events"),
    ],
)
def test_what_would_show_it_to_a_network_unprotected_is_refused(tmp_path: Path, dashboard: str, key: str) -> None:
    inside = dashboard if dashboard.startswith("{") else f"{{{dashboard}}}"
    with pytest.raises(ConfigError) as refused:
        read_config(written(tmp_path, f"dashboard: {inside}\n"))
    assert [problem.split(":")[0] for problem in refused.value.problems] == [key]


@pytest.mark.parametrize(
    "dashboard",
    [
        "{address: 127.0.0.1}",
        "{address: '::1'}",
        "{address: 0.0.0.0, tls_certificate: a.crt, tls_key: a.key}",
        "{address: 10.0.0.7, behind_proxy: true, origin: 'https://door.example.org:8443'}",
    ],
)
def test_what_is_protected_is_allowed(tmp_path: Path, dashboard: str) -> None:
    assert read_config(written(tmp_path, f"dashboard: {dashboard}\n")).dashboard.port == 8767


def test_it_is_another_user_at_the_broker_than_the_door(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("authority")
    for name in ("door-word", "board-word"):
        private(tmp_path / name, name.encode())
    mqtt = "broker: b.example, tls: true, ca_file: ca.crt, username: door-front, password_file: door-word"
    board = "username: dashboard, password_file: board-word"
    settings = read_config(written(tmp_path, f"mqtt: {{{mqtt}}}\ndashboard: {{{board}}}\n"))
    expected = Login("b.example", 1883, "dashboard", "board-word", True, str(tmp_path / "ca.crt"))
    assert dashboard_login(settings) == expected
    (tmp_path / "board-word").chmod(0o644)
    with pytest.raises(ConfigError, match=r"dashboard\.password_file: other users may read"):
        dashboard_login(settings)
    anonymous = read_config(written(tmp_path, f"mqtt: {{{mqtt}}}\n"))
    assert (dashboard_login(anonymous).username, dashboard_login(anonymous).password) == ("", "")


def test_the_embedded_broker_leaves_a_login_for_it(tmp_path: Path) -> None:
    settings = read_config(written(tmp_path, "mqtt: {broker: embedded}\n"))
    with pytest.raises(LimenError, match="is `limen run` running"):
        dashboard_login(settings)
    broker_directory(settings).mkdir(parents=True)
    left = {"host": "127.0.0.1", "port": 1883, "username": "dashboard", "password": "word"}
    (broker_directory(settings) / DASHBOARD_FILE).write_text(json.dumps(left))
    assert dashboard_login(settings) == Login("127.0.0.1", 1883, "dashboard", "word")


def test_over_tls_of_its_own_the_cookie_stays_with_this_name(tmp_path: Path) -> None:
    authority = CertificateAuthority.new("test", CLOCK.wall())
    pair = authority.sign("localhost", "server", CLOCK.wall(), ["localhost", "127.0.0.1"])
    (tmp_path / "ca.crt").write_bytes(authority.pair.certificate)
    (tmp_path / "board.crt").write_bytes(pair.certificate)
    key = private(tmp_path / "board.key", pair.key)
    with Mosquitto(tmp_path) as broker:
        mqtt = f"mqtt: {{broker: 127.0.0.1, port: {broker.port}}}"
        board = "dashboard: {directory: board, tls_certificate: board.crt, tls_key: board.key}"
        config = written(tmp_path, f"{mqtt}\n{board}\n")
        with RunningBoard(config) as running:
            assert running.url.startswith("https://127.0.0.1:")
            trust = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
            headers = {"origin": running.url, "sec-fetch-site": "same-origin"}
            with httpx.Client(base_url=running.url, headers=headers, verify=trust) as browser:
                answer = browser.post("/login", data={"name": "admin", "password": running.password})
                cookie = answer.headers["set-cookie"]
                assert cookie.startswith("__Host-limen-")
                assert "Secure" in cookie
                assert browser.get("/").status_code == 200
                plain = running.url.replace("https", "http")
                forged = browser.post("/login", data={"name": "x"}, headers={"origin": plain})
                assert forged.status_code == 403
        key.chmod(0o644)
        with pytest.raises(AssertionError, match=r"dashboard\.tls_key: other users may read"):
            RunningBoard(config).start()

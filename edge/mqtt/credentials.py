"""Which broker, and as whom. A password never stands in a log, a representation or on a command line."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from edge.errors import ConfigError, LimenError
from edge.mqtt.authority import Standing
from edge.settings import Settings

CLIENT_FILE: Final = "client.json"
DASHBOARD_FILE: Final = "dashboard.json"
_LONGEST_PASSWORD: Final = 1024


@dataclass(frozen=True, slots=True)
class Login:
    """How to reach a broker. `ca_file` empty: the system's own authorities."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""

    @property
    def loopback(self) -> bool:
        """Whether the way to the broker never leaves this machine. Names other than `localhost` may point anywhere."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class ClientFile(Struct, frozen=True, kw_only=True):
    """What the embedded broker leaves for the command line, and for the dashboard, of the same user."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65535)]
    username: str
    password: str


def broker_directory(settings: Settings) -> Path:
    """Where the embedded broker keeps its files."""
    return settings.state / "broker"


def client_login(settings: Settings) -> Login:
    """For the command line: into the embedded broker as its owner, else into the configured one.

    Raises LimenError when the embedded broker does not run, ConfigError for a password file that cannot be used.
    """
    if settings.mqtt.broker != "embedded":
        return broker_login(settings)
    return _left_by_the_broker(broker_directory(settings) / CLIENT_FILE)


def broker_login(settings: Settings) -> Login:
    """For the door: into the configured broker. Raises ConfigError for a secret or certificate that cannot be used."""
    return _login(settings, "mqtt")


def dashboard_login(settings: Settings) -> Login:
    """For the dashboard: as a user of its own, at the broker that the door talks to. Raises as `client_login` does."""
    if settings.mqtt.broker == "embedded":
        return _left_by_the_broker(broker_directory(settings) / DASHBOARD_FILE)
    return _login(settings, "dashboard")


def standing(settings: Settings, login: Login) -> Standing:
    """What commands may come over the door's connection `login`."""
    mqtt = settings.mqtt
    return Standing(mqtt.allow, login.tls or login.loopback, mqtt.accept_insecure)


def _left_by_the_broker(path: Path) -> Login:
    try:
        client = msgspec.json.decode(path.read_bytes(), type=ClientFile)
    except FileNotFoundError as error:
        raise LimenError("no embedded broker is running here: is `limen run` running?") from error
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise LimenError(f"{path}: cannot be read ({error}); run this as the user that runs the door") from error
    return Login(client.host, client.port, client.username, client.password)


def _login(settings: Settings, section: Literal["mqtt", "dashboard"]) -> Login:
    """Into the configured broker, as the user that `section` of the configuration names."""
    mqtt, user = settings.mqtt, settings.mqtt if section == "mqtt" else settings.dashboard
    password = _password(settings, section, user.username, user.password_file)
    authority = _tls_file(settings, "mqtt.ca_file", mqtt.ca_file)
    certificate = _tls_file(settings, f"{section}.client_certificate", user.client_certificate)
    key = _tls_file(settings, f"{section}.client_key", user.client_key)
    return Login(mqtt.broker, mqtt.port, user.username, password, mqtt.tls, authority, certificate, key)


def _tls_file(settings: Settings, key: str, value: str) -> str:
    """The path of the file that stands under `key`, empty for none."""
    path = settings.path(value)
    if not value:
        return ""
    if not path.is_file():
        raise ConfigError(f"{key}: {path} does not exist")
    if key.endswith("client_key") and path.stat().st_mode & 0o077:
        raise ConfigError(f"{key}: other users may read {path}; run `chmod 600 {path}`")
    return str(path)


def _password(settings: Settings, section: str, username: str, file: str) -> str:
    """From the section's password_file, else from systemd's credentials, else none."""
    if not username:
        return ""
    if file:
        path = settings.path(file)
    elif directory := os.environ.get("CREDENTIALS_DIRECTORY"):
        path = Path(directory, f"{section}-password")
    else:
        return ""
    key = f"{section}.password_file"
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{key}: other users may read {path}; run `chmod 600 {path}`")
        password = path.read_text(encoding="utf-8").rstrip("\r\n")
    except FileNotFoundError as error:
        if not file:
            return ""
        raise ConfigError(f"{key}: {path} does not exist") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{key}: {path} cannot be read as text ({type(error).__name__})") from error
    if not 0 < len(password) <= _LONGEST_PASSWORD:
        raise ConfigError(f"{key}: {path} must hold the password and nothing else")
    return password

"""A mosquitto of one's own: TLS, a password for everybody, and an access list, as files in one folder.

    mosquitto.conf access passwords   what mosquitto reads, with ca.crt, server.crt and server.key
    ca.crt ca.key                     the authority; whoever has ca.key can pose as the broker: keep it off the network
    users/NAME/                       what NAME needs: password, ca.crt, client.crt, client.key

Made again in the same folder, the authority and the passwords stay, certificates are renewed and new users come along.
"""

from __future__ import annotations

import grp
import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.clock import Clock
from edge.errors import ConfigError, LimenError
from edge.mqtt.certificates import CertificateAuthority, Pair
from edge.mqtt.embedded import find_program
from edge.mqtt.rights import (
    Rights,
    access_list,
    dashboard_rights,
    door_rights,
    home_assistant_rights,
    operator_rights,
)
from edge.mqtt.topics import Topics

_DOOR: Final = "door-"
_BROKERS_GROUP: Final = "mosquitto"
_PASSWD_SECONDS: Final = 30.0
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_DOOR_ID = re.compile(r"[a-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """`hosts`: by which names and addresses the broker is reached. `strict`: a client needs its certificate, too."""

    directory: Path
    topics: Topics
    doors: tuple[str, ...]
    hosts: tuple[str, ...]
    port: int = 8883
    strict: bool = False

    def __post_init__(self) -> None:
        wrong = [f"--host {host}: not a name or address" for host in self.hosts if not _HOST.fullmatch(host)]
        wrong += [f"--door {door}: a-z 0-9 _ - only" for door in self.doors if not _DOOR_ID.fullmatch(door)]
        if wrong:
            raise ConfigError(*wrong)


def set_up(plan: BrokerPlan, clock: Clock) -> tuple[str, ...]:
    """Write everything; returns the users' names. Raises LimenError when it cannot be written."""
    try:
        plan.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = _authority(plan, clock)
        users = _users(plan)
        _write(plan.directory / "ca.crt", authority.pair.certificate)
        server = authority.sign(plan.hosts[0], "server", clock.wall(), plan.hosts)
        _write_pair(plan.directory, "server", server)
        passwords = {name: _user(plan, name, authority, clock) for name in users}
        _write(plan.directory / "passwords", "".join(f"{name}:{word}\n" for name, word in passwords.items()).encode())
        # Hashes the file in place: no password ever stands on a command line.
        hashed = [find_program("mosquitto_passwd"), "-U", str(plan.directory / "passwords")]
        subprocess.run(hashed, check=True, capture_output=True, timeout=_PASSWD_SECONDS)
        _write(plan.directory / "access", access_list(users).encode())
        _write(plan.directory / "mosquitto.conf", _configuration(plan).encode())
        _let_the_broker_read(plan.directory)
    except (OSError, subprocess.SubprocessError) as error:
        raise LimenError(f"the broker cannot be set up in {plan.directory}: {error}") from error
    return tuple(users)


def _authority(plan: BrokerPlan, clock: Clock) -> CertificateAuthority:
    certificate, key = plan.directory / "ca.crt", plan.directory / "ca.key"
    if key.exists() and certificate.exists():
        return CertificateAuthority.of(Pair(certificate.read_bytes(), key.read_bytes()))
    if certificate.exists():
        raise ConfigError(f"{key}: is not here, and without it nothing can be added to {certificate}")
    made = CertificateAuthority.new(f"Limen {plan.hosts[0]}", clock.wall())
    _write_pair(plan.directory, "ca", made.pair)
    return made


def _users(plan: BrokerPlan) -> dict[str, Rights]:
    """Everybody who may come in: the doors asked for and those that are there already, and three others."""
    there = (path.name.removeprefix(_DOOR) for path in plan.directory.glob(f"users/{_DOOR}*"))
    base, prefix = plan.topics.base, plan.topics.discovery_prefix
    doors = {f"{_DOOR}{door}": door_rights(Topics(base, door, prefix)) for door in sorted({*plan.doors, *there})}
    return doors | {
        "operator": operator_rights(plan.topics),
        "dashboard": dashboard_rights(plan.topics, "dashboard"),
        "homeassistant": home_assistant_rights(plan.topics),
    }


def _user(plan: BrokerPlan, name: str, authority: CertificateAuthority, clock: Clock) -> str:
    """Write what `name` needs; returns the password."""
    folder = plan.directory / "users" / name
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    password = folder / "password"
    if not password.exists():
        _write(password, secrets.token_urlsafe(24).encode() + b"\n")
    _write(folder / "ca.crt", authority.pair.certificate)
    _write_pair(folder, "client", authority.sign(name, "client", clock.wall()))
    return password.read_text(encoding="utf-8").strip()


def _configuration(plan: BrokerPlan) -> str:
    return f"""\
listener {plan.port}
certfile {plan.directory}/server.crt
keyfile {plan.directory}/server.key
cafile {plan.directory}/ca.crt
tls_version tlsv1.2
require_certificate {str(plan.strict).lower()}
allow_anonymous false
password_file {plan.directory}/passwords
acl_file {plan.directory}/access
"""


def _write_pair(folder: Path, name: str, pair: Pair) -> None:
    """The key first: a key without its certificate is made again, a certificate without its key is of no use."""
    _write(folder / f"{name}.key", pair.key)
    _write(folder / f"{name}.crt", pair.certificate)


def _write(path: Path, content: bytes) -> None:
    """A file that others never could read, whole from the moment it has its name."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_bytes(content)
    draft.replace(path)


def _let_the_broker_read(directory: Path) -> None:
    """Debian's mosquitto is a user of its own, which must not see the authority's key and the users' folders."""
    if os.geteuid() != 0:
        return
    try:
        group = grp.getgrnam(_BROKERS_GROUP).gr_gid
    except KeyError:
        return
    for path in (directory, *_broker_reads(directory)):
        os.chown(path, -1, group)
        path.chmod(0o710 if path == directory else 0o640)


def _broker_reads(directory: Path) -> Iterator[Path]:
    for name in ("mosquitto.conf", "access", "passwords", "ca.crt", "server.crt", "server.key"):
        yield directory / name

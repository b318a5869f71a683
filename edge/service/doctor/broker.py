"""The way to the broker, tried with the door's own login, and by delivery: a broker's answers say less."""

from __future__ import annotations

import queue
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from typing import Final

from edge.clock import Clock
from edge.errors import ConfigError
from edge.mqtt.credentials import Login, broker_login
from edge.mqtt.link import Link, Wiring
from edge.mqtt.topics import Topics
from edge.service.doctor.finding import Finding, fail, ok, warn
from edge.settings import Settings

_PATIENCE: Final = 6.0
_LISTEN_SECONDS: Final = 1.5


def broker(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Login, TLS, and what the door's user may say and hear."""
    if settings.mqtt.broker == "embedded":
        there = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")
        yield (
            ok("broker", "embedded: a mosquitto of the door's own, on this machine alone")
            if there
            else fail("broker", "mqtt.broker is embedded, and mosquitto is missing", "sudo apt install mosquitto")
        )
        return
    try:
        login = broker_login(settings)
    except ConfigError as error:
        fix = "see docs/mqtt.md, A broker with TLS and rights"
        yield fail("broker", "its login cannot be read", fix, private=str(error))
        return
    yield from _tried(settings, login, clock)
    if not login.tls and not login.loopback:
        fix = "set mqtt.tls and mqtt.ca_file; `limen broker-setup` makes the certificates"
        yield warn("broker's way", "passwords and events cross the network in the clear", fix)


def port(settings: Settings) -> Iterator[Finding]:
    """Whether an embedded broker could have its port, while no door has it; nothing where it could."""
    if settings.mqtt.broker != "embedded" or settings.mqtt.port == 0:
        return
    try:
        socket.create_server(("127.0.0.1", settings.mqtt.port)).close()
    except OSError as error:
        fix = "is it a broker? Then name it with mqtt.broker: 127.0.0.1; otherwise mqtt.port: 0 takes any free port"
        yield fail("broker's port", f"{settings.mqtt.port} cannot be used ({error.strerror})", fix)


def wall_clock(clock: Clock) -> Iterator[Finding]:
    """Whether the time can be believed: schedules and time stamps depend on it, opening and locking do not."""
    if not clock.trusted():
        said = f"it says {clock.wall():%Y-%m-%d}: not set since the start"
        yield warn("clock", said, "let systemd-timesyncd reach a time server")
        return
    synchronised = _timedatectl()
    if synchronised is False:
        yield warn("clock", "not synchronised with a time server", "sudo timedatectl set-ntp true")
    else:
        yield ok("clock", f"{clock.wall():%Y-%m-%d %H:%M} UTC" + ", synchronised" * bool(synchronised))


def _tried(settings: Settings, login: Login, clock: Clock) -> Iterator[Finding]:
    topics = Topics.of(settings)
    wiring = Wiring(
        f"limen-doctor-{secrets.token_hex(8)}", (topics.response("doctor"),), optional=("#",), most_unread=1000
    )
    with Link(login, wiring, clock) as link:
        if not link.wait(_PATIENCE):
            fix = "check mqtt.broker, mqtt.port, the user and its password"
            yield fail("broker", "no way to it", fix, private=link.problem or "it does not answer")
            return
        yield ok("broker", "logged in" + " over TLS" * login.tls, private=f"{login.host}:{login.port}")
        ticket = link.publish(topics.response("doctor"), b"{}")
        heard, acknowledged = _listen(link, clock, ticket)
    if not acknowledged or link.problem:
        said = link.problem or f"not taken on {topics.response('doctor')}"
        fix = "let this user write below the door's own topics (mqtt.base/door.id/)"
        yield fail("broker's rights", "it did not take a message", fix, private=said)
        return
    others = {
        topic for topic in heard if not topic.startswith(f"{topics.root}/") and topic.startswith(f"{topics.base}/")
    }
    if others:
        text = f"this door's user can read topics of others, {len(others)} at least"
        fix = "give every door a user of its own: `limen broker-setup` writes the list"
        yield warn("broker's rights", text, fix, private=f"such as {min(others)}")
    else:
        yield ok("broker's rights", "may write what a door writes; was sent nothing of other doors")


def _listen(link: Link, clock: Clock, ticket: int | None) -> tuple[set[str], bool]:
    heard: set[str] = set()
    acknowledged = False
    give_up = clock.now() + _LISTEN_SECONDS
    while clock.now() < give_up:
        acknowledged = acknowledged or ticket in link.acknowledged()
        try:
            heard.add(link.inbox.get(timeout=0.1).topic)
        except queue.Empty:
            continue
    return heard, acknowledged


def _timedatectl() -> bool | None:
    program = shutil.which("timedatectl")
    if program is None:
        return None
    command = [program, "show", "--property=NTPSynchronized", "--value"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(said.stdout.strip()) if said.returncode == 0 else None

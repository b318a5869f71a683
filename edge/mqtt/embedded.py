"""`mqtt.broker: embedded`: Debian's mosquitto as an unprivileged child on loopback, for laptops and first tries.

Three users with passwords made at every start: the door; the owner, whose login lies in `client.json` for the command
line; and the dashboard, whose login lies in `dashboard.json`. The child may only read its files (it never owns them),
keeps nothing on disk and ends with its parent.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pwd
import secrets
import shutil
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from edge.clock import Clock
from edge.errors import LimenError
from edge.mqtt.credentials import CLIENT_FILE, DASHBOARD_FILE, ClientFile, Login, broker_directory
from edge.mqtt.rights import access_list, dashboard_rights, door_rights, operator_rights
from edge.mqtt.topics import Topics
from edge.settings import Settings

_log = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
_LOG_FILE: Final = "mosquitto.log"
# Whose login lies where. The command line's comes last: whoever waits for it finds both.
_LOGINS: Final = {DASHBOARD_FILE: "dashboard", CLIENT_FILE: "owner"}
_READY_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 5.0
_REVIVE_SECONDS: Final = 5.0
# Debian keeps servers where an ordinary user's PATH does not look.
_PLACES: Final = "/usr/sbin:/usr/local/sbin"
_UNPRIVILEGED: Final = ("mosquitto", "nobody")


class Broker:
    """Use as a context manager, from the main thread: the child is bound to the thread that starts it.

    `login` is the door's. Raises LimenError naming the cure when mosquitto is absent, the port is taken or mosquitto
    does not come up.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._topics, self._clock = Topics.of(settings), clock
        self._directory = broker_directory(settings)
        self._passwords = {user: secrets.token_urlsafe(24) for user in ("door", "owner", "dashboard")}
        self._port = _free_port(settings.mqtt.port)
        self._child = _child_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = clock.now()
        self._restarted = False

    @property
    def login(self) -> Login:
        return Login(HOST, self._port, "door", self._passwords["door"])

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        mosquitto, passwd = find_program("mosquitto"), find_program("mosquitto_passwd")
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            try:
                self._prepare(passwd)
                self._start(mosquitto)
                self._await_ready()
                for name, user in _LOGINS.items():
                    login = ClientFile(host=HOST, port=self._port, username=user, password=self._passwords[user])
                    self._file(name, msgspec.json.encode(login).decode())
            except (OSError, subprocess.SubprocessError) as error:
                raise LimenError(f"the embedded broker cannot be set up in {self._directory}: {error}") from error
            undo.pop_all()
        return self

    def revive(self) -> bool:
        """Start mosquitto again if it ended by itself, with the same port and passwords.

        Does not wait for it, and starts it at most once in a few seconds. True, once, when one that was started again
        has stayed: a broker that ends as soon as it begins is not told of every time.
        """
        now = self._clock.now()
        if now < self._started_at + _REVIVE_SECONDS:
            return False
        if self.running:
            came_back, self._restarted = self._restarted, False
            return came_back
        try:
            self._start(find_program("mosquitto"))
            self._restarted = True
            _log.warning("the embedded broker had ended and is started again (%s)", self._directory / _LOG_FILE)
        except (LimenError, OSError) as error:  # the door works without a broker: it is tried again later
            self._started_at = now
            _log.warning("the embedded broker cannot be started again: %s", error)
        return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child: asked first, made to after five seconds."""
        if self._process is None:
            return
        self._forget_logins()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _prepare(self, passwd: str) -> None:
        """Configuration, access list and hashed passwords, readable by the child."""
        self._directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._forget_logins()
        passwords = self._file("passwords", "".join(f"{user}:{word}\n" for user, word in self._passwords.items()))
        # Hashes the file in place: no password ever stands on a command line.
        subprocess.run([passwd, "-U", str(passwords)], check=True, capture_output=True, timeout=_READY_SECONDS)
        topics = self._topics
        rights = {
            "door": door_rights(topics),
            "owner": operator_rights(topics),
            "dashboard": dashboard_rights(topics, "dashboard"),
        }
        access = self._file("access", access_list(rights))
        configuration = self._file("mosquitto.conf", _configuration(self._port))
        if self._child is not None:
            for path, mode in ((self._directory, 0o710), (passwords, 0o640), (access, 0o640), (configuration, 0o640)):
                os.chown(path, -1, self._child.pw_gid)
                path.chmod(mode)

    def _forget_logins(self) -> None:
        for name in _LOGINS:
            (self._directory / name).unlink(missing_ok=True)

    def _file(self, name: str, text: str) -> Path:
        """Write a file that others never could read and that is whole from the moment it has its name."""
        path = self._directory / name
        draft = path.with_name(f"{name}.new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text(text, encoding="utf-8")
        return draft.replace(path)

    def _start(self, mosquitto: str) -> None:
        identity: dict[str, Any] = {}
        if self._child is not None:
            identity = {"user": self._child.pw_uid, "group": self._child.pw_gid, "extra_groups": []}
        self._started_at = self._clock.now()
        with self._file(_LOG_FILE, "").open("ab") as log:
            self._process = subprocess.Popen(
                [*_bound_to_us(), mosquitto, "-c", "mosquitto.conf"],
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the door, which has an `offline` to publish before its broker goes.
                process_group=0,
                **identity,
            )

    def _await_ready(self) -> None:
        give_up = self._clock.now() + _READY_SECONDS
        while self.running and self._clock.now() < give_up:
            try:
                socket.create_connection((HOST, self._port), timeout=1.0).close()
            except OSError:
                self._clock.sleep(0.01)
            else:
                return
        log = self._directory / _LOG_FILE
        last_words = " ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-2:])
        raise LimenError(f"the embedded mosquitto did not start: {last_words or 'no reason given'} ({log})")


def _configuration(port: int) -> str:
    """Paths are relative: the child starts in its directory and may be unable to walk there from the root."""
    return f"""\
listener {port} {HOST}
allow_anonymous false
password_file passwords
acl_file access
persistence false
log_dest stderr
log_type error
log_type warning
"""


def _bound_to_us() -> tuple[str, ...]:
    """Words before a command that make the kernel end it when this process dies, however it dies.

    None where util-linux has no setpriv, or may not use it: the system calls that the door's unit forbids are among
    those it makes. systemd ends everything of a unit by itself.
    """
    words = ("setpriv", "--pdeathsig", "TERM", "--")
    try:
        works = subprocess.run((*words, "true"), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        return ()
    return words if works.returncode == 0 else ()


def find_program(name: str) -> str:
    """The path of a program of the mosquitto package. Raises LimenError with the cure."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_PLACES}")
    if found is None:
        raise LimenError(
            f"mqtt.broker: embedded needs {name}: `sudo apt install mosquitto`, or name another broker in mqtt.broker"
        )
    return found


def _child_user() -> pwd.struct_passwd | None:
    """Whom the child runs as when we are root; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LimenError(f"no user to run the embedded broker as: looked for {' and '.join(_UNPRIVILEGED)}")


def _free_port(port: int) -> int:
    """`port` if it can be listened on; any free one for 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise LimenError(
                f"mqtt.port: {port} cannot be used ({error.strerror}). If a broker runs there already, name it with "
                f"mqtt.broker: {HOST}; mqtt.port: 0 takes any free port for the embedded one"
            ) from error
        bound: int = probe.getsockname()[1]
        return bound

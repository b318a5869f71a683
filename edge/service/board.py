"""The dashboard's composition root: a database, a thread that watches the broker, and a web server."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any, Final

import uvicorn

from edge.clock import Clock
from edge.dashboard.accounts import Accounts
from edge.dashboard.app import Parts, make_app
from edge.dashboard.database import Database
from edge.dashboard.forgetting import Keeping
from edge.dashboard.hub import Hub
from edge.dashboard.operating import Operating
from edge.dashboard.records import Records
from edge.dashboard.sessions import Lifetime, Sessions
from edge.dashboard.site import Site
from edge.dashboard.trail import Trail
from edge.dashboard.watcher import Watcher
from edge.errors import ConfigError
from edge.mqtt.credentials import dashboard_login
from edge.mqtt.keys import read_signer
from edge.service.impatience import ImpatientConnection
from edge.service.sending import Sending
from edge.service.watching import Watching
from edge.settings import DashboardSettings, Settings

_MOST_CONNECTIONS: Final = 200
_FAREWELL_SECONDS: Final = 5
_LARGEST_HEAD: Final = 16 * 1024


def run_dashboard(settings: Settings, clock: Clock, say: Callable[[str, str | None], None]) -> None:
    """Serve until SIGINT or SIGTERM. `say` gets the address and, the first time, the first admin's password.

    Raises LimenError when it cannot start.
    """
    board, base, hub = settings.dashboard, settings.mqtt.base, Hub()
    with ExitStack() as house:
        dashboard_login(settings)  # before anything is opened: without one there is nothing to watch
        signer = read_signer(settings.path(board.key)) if board.key else None
        listening = house.enter_context(_listen(board))
        database = house.enter_context(open_database(settings))
        accounts, sessions, trail = people(database, settings, clock, hub)
        watcher = Watcher(base, database, Keeping(board.keep_events, board.keep_days), clock, hub.publish)
        sending = Sending(lambda: dashboard_login(settings), base, clock, signer)
        operating = Operating(sending, watcher, accounts, trail, clock, hub.publish, unlock=board.unlock)
        site, records = _site(board, listening), Records(database, clock)
        parts = Parts(site, watcher, records, operating, accounts, sessions, trail, hub, unlock=board.unlock)
        server = Server(_web(parts, settings), hub)
        house.enter_context(Watching(settings, watcher, clock, server.leave))
        say(_address(board, site), accounts.first_password())
        server.run(sockets=[listening])


def open_database(settings: Settings) -> Database:
    """Raises StoreError or ConfigError."""
    return Database(settings.path(settings.dashboard.directory), settings.dashboard.database)


def people(database: Database, settings: Settings, clock: Clock, hub: Hub) -> tuple[Accounts, Sessions, Trail]:
    """Who may log in, who is, and what they did."""
    board, trail = settings.dashboard, Trail(database, clock)
    lifetime = Lifetime(timedelta(hours=board.session_hours), timedelta(minutes=board.idle_minutes))
    sessions = Sessions(database, clock, lifetime, hub.end_session)
    return Accounts(database, clock, sessions, trail), sessions, trail


class Server(uvicorn.Server):
    """Ends all event streams first: it would wait for them."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._hub.close()
        super().handle_exit(sig, frame)

    def leave(self) -> None:
        """End, from another thread."""
        self._hub.close()
        self.should_exit = True


@contextmanager
def _listen(board: DashboardSettings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in board.address else socket.AF_INET
    try:
        listening = socket.create_server((board.address, board.port), family=family, backlog=64)
    except OSError as error:
        where = f"{board.address} port {board.port}"
        raise ConfigError(f"dashboard.port: cannot listen on {where}: {error.strerror}") from error
    with listening:
        yield listening


def _site(board: DashboardSettings, listening: socket.socket) -> Site:
    return Site(
        port=listening.getsockname()[1],
        secure=bool(board.tls_certificate) or board.behind_proxy,
        loopback=ipaddress.ip_address(board.address).is_loopback,
        behind_proxy=board.behind_proxy,
        origin=board.origin,
    )


def _address(board: DashboardSettings, site: Site) -> str:
    """What to type."""
    host = f"[{board.address}]" if ":" in board.address else board.address
    return f"{board.origin or f'{site.scheme}://{host}:{site.port}'}/"


def _web(parts: Parts, settings: Settings) -> uvicorn.Config:
    """Raises ConfigError for a certificate that cannot be used."""
    board = settings.dashboard
    tls: dict[str, Any] = {}
    if board.tls_certificate:
        certificate, key = settings.path(board.tls_certificate), settings.path(board.tls_key)
        if key.is_file() and key.stat().st_mode & 0o077:
            raise ConfigError(f"dashboard.tls_key: other users may read {key}; run `chmod 600 {key}`")
        tls = {"ssl_certfile": certificate, "ssl_keyfile": key}
    config = uvicorn.Config(
        make_app(parts),
        http=ImpatientConnection,
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_FAREWELL_SECONDS,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        **tls,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"dashboard.tls_certificate, dashboard.tls_key: cannot be used ({error})") from error
    return config

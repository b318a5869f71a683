"""`limen dashboard`: the page with the doors, who came and why; and who may look at it."""

from __future__ import annotations

import signal
from argparse import Namespace
from importlib.util import find_spec
from typing import Final

import msgspec

from edge.clock import SystemClock
from edge.commands.configuration import chosen_settings
from edge.errors import LimenError
from edge.settings import Settings

NOT_INSTALLED: Final = "the dashboard's packages are not installed: pip install 'limen[dashboard]'"
_PACKAGES: Final = ("argon2", "jinja2", "sqlalchemy", "starlette", "uvicorn")


def execute(options: Namespace) -> int:
    """Serve until SIGINT or SIGTERM, or list the logins, or give one a new password."""
    if not installed():
        raise LimenError(NOT_INSTALLED)
    settings = chosen_settings(options)
    if options.port is not None:
        board = msgspec.structs.replace(settings.dashboard, port=options.port)
        settings = msgspec.structs.replace(settings, dashboard=board)
    if options.action == "run":
        return _serve(settings)
    if options.action == "passwd" and options.name is None:
        raise LimenError("limen dashboard passwd: say whose, such as `limen dashboard passwd admin`")
    _manage(settings, options.action, options.name)
    return 0


def installed() -> bool:
    """Whether everything the dashboard needs is there."""
    return all(find_spec(package) for package in _PACKAGES)


def _serve(settings: Settings) -> int:
    from edge.service.board import run_dashboard

    # The server ends in order at either signal, and raises it once more when it is done.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        run_dashboard(settings, SystemClock(), _say)
    except KeyboardInterrupt:
        return 0
    raise LimenError("the dashboard ended by itself: see its log")


def _say(address: str, password: str | None) -> None:
    print(f"The dashboard is at {address}", flush=True)
    if password is not None:
        print(f"Log in as admin with this password, which is shown once: {password}", flush=True)


def _manage(settings: Settings, action: str, name: str | None) -> None:
    from edge.dashboard.hub import Hub
    from edge.service.board import open_database, people

    with open_database(settings) as database:
        accounts, _, trail = people(database, settings, SystemClock(), Hub())
        if action == "passwd" and name is not None:
            password = accounts.new_password(name)
            trail.note("(command line)", "", "login.password", name)
            print(f"{name} logs in with this password from now on, and is logged out everywhere: {password}")
            return
        for login in accounts.logins():
            last = "never" if login.last_login_at is None else f"{login.last_login_at.astimezone():%Y-%m-%d %H:%M}"
            print(f"{login.name:<32} {login.role:<8} last here: {last}")

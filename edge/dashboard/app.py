"""The dashboard's web server: its routes, and the gate in front of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any, Final, cast, get_args
from urllib.parse import urlencode

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from edge.dashboard import pages
from edge.dashboard.accounts import Accounts
from edge.dashboard.export import as_csv, as_json, found
from edge.dashboard.gate import Gate, refused
from edge.dashboard.hub import Hub
from edge.dashboard.operating import Operating
from edge.dashboard.queries import query_of
from edge.dashboard.records import Records
from edge.dashboard.services import Refused, Services, Watch
from edge.dashboard.sessions import Sessions
from edge.dashboard.site import EVENT_STREAM, Site
from edge.dashboard.streams import EventStream
from edge.dashboard.trail import Trail
from edge.dashboard.values import Role, Session
from edge.errors import StoreError

_STATIC: Final = Path(__file__).with_name("static")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with. `unlock`: whether an admin may unlock from here."""

    site: Site
    watch: Watch
    records: Records
    operating: Operating
    accounts: Accounts
    sessions: Sessions
    trail: Trail
    hub: Hub
    unlock: bool = False


def make_app(parts: Parts) -> Gate:
    """The whole server, as an ASGI application."""
    server = Server(parts)
    app = Starlette(
        routes=[*server.routes(), *pages.routes()],
        exception_handlers={Refused: _refused, StoreError: _unstored},
        lifespan=server.lifespan,
    )
    app.state.services = Services(parts.watch, parts.records, parts.operating, parts.accounts, unlock=parts.unlock)
    return Gate(app, parts.site, parts.sessions)


class Server:
    """The routes that are not pages. Endpoints are plain functions: each call runs in a thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self._parts.hub.attach(asyncio.get_running_loop())
        yield
        self._parts.hub.close()

    def routes(self) -> list[BaseRoute]:
        parts = self._parts
        post = partial(Route, methods=["POST"])
        return [
            Route("/health", _health),
            Mount("/static", StaticFiles(directory=_STATIC, check_dir=False)),
            post("/login", self._log_in),
            post("/logout", self._log_out),
            post("/password", _form("/account", self._change_password)),
            Route(EVENT_STREAM, EventStream(parts.hub, parts.watch, parts.records, parts.sessions)),
            Route("/events.csv", partial(self._export, as_csv, "text/csv")),
            Route("/events.json", partial(self._export, as_json, "application/json")),
            post("/doors/{door}/commands/{command}", _form("/doors", self._command, status=202)),
            Route("/jobs/{job}", self._job),
            post("/operators/logins", _form("/operators", self._create_login)),
            post("/operators/logins/{name}/password", _form("/operators", self._reset_password)),
            post("/operators/logins/{name}/role", _form("/operators", self._set_role)),
            post("/operators/logins/{name}/delete", _form("/operators", self._delete_login)),
            post("/operators/sessions/{id}/revoke", _form("/operators", self._revoke)),
        ]

    def _log_in(self, request: Request) -> Response:
        posted, parts = request.state.posted, self._parts
        name, password, target = (_text(posted, field) for field in ("name", "password", "next"))
        agent = request.headers.get("user-agent", "")
        try:
            token = parts.accounts.log_in(name, password, request.state.address, agent)
        except Refused as refusal:
            if _is_json(request):
                raise
            wait = {"seconds": refusal.seconds} if refusal.seconds else {}
            told = {"problem": refusal.code, **wait, "next": _own(target)}
            return _back(f"/login?{urlencode(told)}")
        response = _json({}) if _is_json(request) else _back(_own(target))
        response.set_cookie(
            parts.site.cookie, token, path="/", secure=parts.site.secure, httponly=True, samesite="strict"
        )
        return response

    def _log_out(self, request: Request) -> Response:
        self._parts.accounts.log_out(request.state.session)
        response = _json({}) if _is_json(request) else _back("/login")
        response.delete_cookie(
            self._parts.site.cookie, path="/", secure=self._parts.site.secure, httponly=True, samesite="strict"
        )
        return response

    def _change_password(self, session: Session, _path: dict[str, str], posted: dict[str, Any]) -> object:
        self._parts.accounts.change_password(session, _text(posted, "current"), _text(posted, "new"))
        return {}

    def _export(self, form: Callable[..., Any], media_type: str, request: Request) -> Response:
        query = query_of(request.query_params)
        self._parts.records.events(query)  # a database that cannot be read is said so, and not in the middle of a file
        name = request.scope["path"].removeprefix("/")
        self._parts.trail.by(request.state.session, "export", name, detail=str(request.query_params))
        body = form(found(self._parts.records, query))
        headers = {"content-disposition": f'attachment; filename="limen-{name}"'}
        return StreamingResponse(body, media_type=media_type, headers=headers)

    def _command(self, session: Session, path: dict[str, str], posted: dict[str, Any]) -> object:
        arguments, password = posted.get("arguments", {}), posted.get("password")
        if not isinstance(arguments, dict):
            raise Refused("malformed", "arguments: an object")
        typed = password if isinstance(password, str) else None
        return self._parts.operating.start(session, path["door"], path["command"], arguments, password=typed)

    def _job(self, request: Request) -> Response:
        job = self._parts.operating.job(request.state.session, request.path_params["job"])
        if job is None:
            raise Refused("not_found", "this command is not remembered any more")
        return _json(job)

    def _create_login(self, session: Session, _path: dict[str, str], posted: dict[str, Any]) -> object:
        name, role = _text(posted, "name"), _role(posted)
        password = self._parts.accounts.create(session, name, role)
        return {"name": name, "role": role, "password": password}

    def _reset_password(self, session: Session, path: dict[str, str], _posted: dict[str, Any]) -> object:
        return {"name": path["name"], "password": self._parts.accounts.reset_password(session, path["name"])}

    def _set_role(self, session: Session, path: dict[str, str], posted: dict[str, Any]) -> object:
        self._parts.accounts.set_role(session, path["name"], _role(posted))
        return {}

    def _delete_login(self, session: Session, path: dict[str, str], _posted: dict[str, Any]) -> object:
        self._parts.accounts.delete(session, path["name"])
        return {}

    def _revoke(self, session: Session, path: dict[str, str], _posted: dict[str, Any]) -> object:
        self._parts.accounts.revoke(session, path["id"])
        return {}


_Action = Callable[[Session, dict[str, str], dict[str, Any]], object]


def _form(page: str, action: _Action, status: int = 200) -> Callable[[Request], Response]:
    """An endpoint: to JSON it answers JSON, to a form it leads back to `page`, where ?problem= says what was wrong."""

    @wraps(action)
    def endpoint(request: Request) -> Response:
        try:
            result = action(request.state.session, request.path_params, request.state.posted)
        except Refused as refusal:
            if _is_json(request):
                raise
            return _back(f"{page}?{urlencode({'problem': refusal.code})}")
        return _json(result, status) if _is_json(request) else _back(f"{page}?done=1")

    return endpoint


def _health(_request: Request) -> Response:
    """Only that somebody is there."""
    return _json({"status": "ok"})


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return refused(error)


def _unstored(_request: Request, error: Exception) -> Response:
    return refused(Refused("unstored", str(error)))


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/json")


def _back(address: str) -> Response:
    return RedirectResponse(address, 303)


def _own(target: str) -> str:
    """A path on this server, or its first page: a login must not lead elsewhere."""
    return target if target.startswith("/") and target[1:2] not in {"/", "\\"} and target.isprintable() else "/"


def _role(posted: dict[str, Any]) -> Role:
    role = posted.get("role")
    if role not in get_args(Role):
        raise Refused("bad_role", "a role is viewer or admin")
    return cast("Role", role)


def _text(posted: dict[str, Any], name: str) -> str:
    value = posted.get(name, "")
    return value if isinstance(value, str) else ""

"""Who may use the page: logins, the browsers that are logged in, and what was done."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge.dashboard.render import page, services, session, text_of
from edge.dashboard.services import Refused
from edge.dashboard.story import shown
from edge.dashboard.values import Role
from edge.errors import StoreError

_ROWS: Final = 50
_NUMBER: Final = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Fresh:
    """A password that is shown once."""

    name: str
    password: str


def routes() -> list[BaseRoute]:
    return [
        Route("/operators", _operators, methods=["GET"]),
        Route("/operators/add", _add, methods=["POST"]),
        Route("/operators/password", _password, methods=["POST"]),
        Route("/operators/{login}/delete", _ask_to_delete, methods=["GET"]),
    ]


def _operators(request: Request, fresh: Fresh | None = None, problem: str = "") -> Response:
    known = services(request)
    before = request.query_params.get("before", "")
    try:
        audit = known.history.audit(before=int(before) if _NUMBER.fullmatch(before) else None, limit=_ROWS)
    except StoreError as error:
        audit, problem = (), str(error)
    told: dict[str, Any] = {"problem": problem} if problem else {}
    if "done" in request.query_params:
        told["done"] = "Done."
    return page(
        request,
        "operators.html",
        here="/operators",
        logins=known.logins.logins(),
        sessions=known.logins.sessions(),
        audit=audit,
        older=audit[-1].number if len(audit) == _ROWS else None,
        fresh=fresh,
        **told,
    )


def _add(request: Request) -> Response:
    name = text_of(request, "name", 64)
    role: Role = "admin" if text_of(request, "role") == "admin" else "viewer"
    return _with_password(request, name, lambda: services(request).logins.create(session(request), name, role))


def _password(request: Request) -> Response:
    name = text_of(request, "name", 64)
    return _with_password(request, name, lambda: services(request).logins.reset_password(session(request), name))


def _with_password(request: Request, name: str, make: Callable[[], str]) -> Response:
    """The page itself and no redirect: a password that is shown once must stand in no address."""
    try:
        return _operators(request, Fresh(shown(name), make()))
    except Refused as refused:
        return _operators(request, problem=str(refused))


def _ask_to_delete(request: Request) -> Response:
    name = request.path_params["login"]
    return page(
        request,
        "confirm.html",
        here="/operators",
        question=f"Delete the login {shown(name)}?",
        consequence="Its browsers are logged out at once. What it did stays in the list.",
        sure="",
        answer="Delete",
        action=f"/operators/logins/{quote(name, safe='')}/delete",
        back="/operators",
        fields=(),
    )

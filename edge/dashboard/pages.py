"""The pages: routes to templates."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

_LOGIN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Limen</title>
<form method="post" action="/login"><input name="name" aria-label="name"><input name="password" type="password"
aria-label="password"><button>Log in</button></form></html>"""


def routes() -> list[BaseRoute]:
    return [Route("/login", _login), Route("/", _live)]


def _login(_request: Request) -> Response:
    return HTMLResponse(_LOGIN)


def _live(_request: Request) -> Response:
    return HTMLResponse('<!doctype html><html lang="en"><meta charset="utf-8"><title>Limen</title><p>Limen</p></html>')

"""In front of everything: who may ask what, and what every answer carries. What is not allowed here is refused.

Without a session only logging in, static files and the health check answer. Viewers may read; whatever changes
something is for admins, and so are the operators' pages.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.dashboard.services import Refused
from edge.dashboard.sessions import Sessions
from edge.dashboard.site import EVENT_STREAM, Site
from edge.dashboard.values import Session
from edge.errors import StoreError
from edge.mqtt.messages import decode

LARGEST_BODY: Final = 16 * 1024
BODY_SECONDS: Final = 10.0
_MOST_FIELDS: Final = 200  # a person's hours are many boxes
_PUBLIC: Final = {"/login", "/health"}
_STATIC: Final = "/static/"
_VIEWERS_MAY_POST: Final = {"/logout", "/password"}
_ADMINS: Final = re.compile(r"/operators(/.*)?", re.DOTALL)
_READING: Final = {"GET", "HEAD"}
_METHODS: Final = {*_READING, "POST"}
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
STATUS: Final = {
    "no_session": 401, "wrong": 401, "wrong_password": 403, "password_needed": 403, "cross_origin": 403,
    "wrong_host": 403, "not_allowed": 403, "unlock_is_off": 403, "not_found": 404, "no_such_door": 404,
    "no_such_login": 404, "no_such_session": 404, "bad_method": 405, "too_slow": 408, "too_large": 413,
    "throttled": 429, "unstored": 503, "too_many": 503,
}  # fmt: skip


def refused(refusal: Refused) -> Response:
    """A refusal as every route answers it."""
    error = {"error": {"code": refusal.code, "message": str(refusal)}}
    return Response(msgspec.json.encode(error), STATUS.get(refusal.code, 400), media_type="application/json")


class Gate:
    """Sets `request.state.session` (None on public routes), `.address`, and `.posted`: what a POST carried."""

    def __init__(self, app: ASGIApp, site: Site, sessions: Sessions) -> None:
        self._app, self._site, self._sessions = app, site, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, _with_headers(send, scope["path"]))
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            await self._check(request)
        except Refused as refusal:
            response = _to_login(request) if refusal.code == "no_session" else refused(refusal)
            await response(scope, receive, send)
        except StoreError as error:
            await refused(Refused("unstored", str(error)))(scope, receive, send)
        except ClientDisconnect:
            return
        else:
            await self._app(scope, receive, send)

    async def _check(self, request: Request) -> None:
        # Not request.url: what that says of the path depends on what the Host header holds.
        method, path, headers = request.method, request.scope["path"], request.headers
        if method not in _METHODS:
            raise Refused("bad_method", "GET and POST only")
        refusal = self._site.refusal(method, path, headers)
        if refusal is not None:
            raise refusal
        state = request.state
        state.address = self._site.address(request.client.host if request.client else "", headers)
        state.session, state.posted = None, {}
        if not (path in _PUBLIC or path.startswith(_STATIC)):
            token = request.cookies.get(self._site.cookie, "")
            state.session = await run_in_threadpool(self._sessions.find, token) if token else None
            _must_be_allowed(state.session, method, path)
        if method == "POST":
            state.posted = _posted(headers, await _body(request))


def _must_be_allowed(session: Session | None, method: str, path: str) -> None:
    if session is None:
        raise Refused("no_session", "log in first")
    reading = method in _READING or path in _VIEWERS_MAY_POST
    if session.role != "admin" and (not reading or _ADMINS.fullmatch(path)):
        raise Refused("not_allowed", "this is for admins")


async def _body(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    body = bytearray()
    if length.isdigit() and int(length) <= LARGEST_BODY:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > LARGEST_BODY:
                        break
                else:
                    return bytes(body)
        except TimeoutError as error:
            raise Refused("too_slow", f"not sent within {BODY_SECONDS:.0f} s") from error
    raise Refused("too_large", f"more than {LARGEST_BODY} bytes")


def _posted(headers: Headers, body: bytes) -> dict[str, Any]:
    """The fields of a form, or a JSON object."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            return decode(dict[str, Any], body)
        if kind == "application/x-www-form-urlencoded":
            fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
            return dict(fields)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Refused("malformed", f"not {kind}: {error}") from error
    if body:
        raise Refused("malformed", "a form or JSON, nothing else")
    return {}


def _to_login(request: Request) -> Response:
    """People are led to the page, programs are told."""
    path = request.scope["path"]
    if request.method == "GET" and "text/html" in request.headers.get("accept", "") and path != EVENT_STREAM:
        return RedirectResponse("/login" if path == "/" else f"/login?next={quote(path, safe='')}", 303)
    return refused(Refused("no_session", "log in first"))


def _with_headers(send: Send, path: str) -> Send:
    """`send`, with what every answer carries. Only static files may be kept, and are asked about each time."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers["cache-control"] = "no-cache" if path.startswith(_STATIC) else "no-store"
        await send(message)

    return sending

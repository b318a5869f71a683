"""Whatever a browser sends: the server answers, and nothing that cannot be read counts as no limit."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some
from starlette.requests import Request

from edge.dashboard.services import Refused
from edge.dashboard.terms import DAYS, terms_of
from tests.dashboard.boards import LONG, Served, served
from tests.surfaces import spoilt, surface

# -- the form of a person --------------------------------------------------------------------------------------------

_NAMES = ["name", "valid_from", "valid_until", "timezone", "start0", "end0", "start1", "start16", "start17"]
_BOXES = [f"day{number}-{day}" for number in (0, 1, 16) for day in DAYS]
_MOMENTS = some.datetimes().map(lambda moment: moment.isoformat(timespec="minutes")) | some.sampled_from(
    ["2026-12-31T18:00+14:00", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00", "2026-12-31T18:00Z", "20261231"]
)
_words = some.text(max_size=20) | _MOMENTS | some.sampled_from(["", " ", "08:00", "24:00", "UTC", "true"])
_fields = some.dictionaries(some.sampled_from([*_NAMES, *_BOXES]), _words | some.integers() | some.none(), max_size=8)


@surface("person form")
@given(fields=_fields, factor=some.sampled_from(["automatic", "always", "never"]) | _words)
def test_nothing_in_the_form_of_a_person_is_taken_for_no_limit(fields: dict[str, Any], factor: str) -> None:
    posted = fields | {"second_factor": factor}
    try:
        terms = terms_of(Request({"type": "http", "state": {"posted": posted}}))
    except Refused as refused:
        assert refused.code == "malformed"  # noqa: PT017 - terms are the other right answer
        return
    for name in ("valid_from", "valid_until"):
        written: str | None = posted.get(name)
        assert (terms[name] is not None) == bool(written and written.strip()), posted
        assert terms[name] is None or datetime.fromisoformat(terms[name]).utcoffset() is not None
    ticked = {box.partition("-")[0] for box in _BOXES if posted.get(box)}
    assert len(terms["schedule"]["hours"] if terms["schedule"] else ()) <= len(ticked)


# -- requests --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("board")) as running:
        running.watched.hear("front/availability", b"online", retain=True)
        running.watched.step()
        yield running


@pytest.fixture(scope="module")
def browser(board: Served) -> Iterator[httpx.Client]:
    with board.logged_in() as browser:
        yield browser


_PAGES = [
    "/",
    "/history",
    "/events.json",
    "/people",
    "/people/front/",
    "/doors/front",
    "/operators",
    "/login",
    "/jobs/",
]
_ASKED = [
    "since",
    "until",
    "before",
    "limit",
    "person",
    "verdict",
    "door",
    "view",
    "next",
    "problem",
    "seconds",
    "test",
]
_any = some.text(max_size=20) | some.integers().map(str) | some.floats().map(str) | _MOMENTS | some.just("9" * 5000)
_text = some.text(some.characters(exclude_categories=["Cs"]), max_size=20)


@surface("requests", 100)
@given(
    page=some.sampled_from(_PAGES),
    more=_text,
    asked=some.dictionaries(some.sampled_from(_ASKED) | _text, _any, max_size=4),
)
def test_no_address_breaks_a_page(browser: httpx.Client, page: str, more: str, asked: dict[str, str]) -> None:
    query = urlencode(asked, errors="surrogatepass")
    answer = browser.get(f"{page}{quote(more, safe='')}?{query}")
    assert answer.status_code in {200, 303, 307, 400, 404, 405}
    assert answer.url.join(answer.headers.get("location", "/")).netloc == answer.url.netloc, "it leads nowhere else"


_FORMS = ["/login", "/people/enroll", "/people/front/ada", "/people/front/ada/delete", "/operators", "/password"]
_KINDS = ["application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x", "text/plain", ""]


@surface("requests", 100)
@given(
    page=some.sampled_from(_FORMS),
    kind=some.sampled_from(_KINDS),
    body=some.dictionaries(some.sampled_from(["door", "name", "password", "next", *_NAMES]) | _text, _text)
    .map(urlencode)
    .map(str.encode)
    .flatmap(spoilt)
    | some.binary(max_size=100),
)
def test_no_body_breaks_a_form(browser: httpx.Client, page: str, kind: str, body: bytes) -> None:
    answer = browser.post(page, content=body, headers={"content-type": kind})
    assert answer.status_code in {303, 400, 401, 403, 404, 405, 413, 429, 503}, answer.text


REQUEST = (
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 7\r\nContent-Type: application/json\r\n"
    b"Cookie: limen=abc\r\nX-Forwarded-For: 1.2.3.4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nname=me"
)


@surface("requests")
@given(sent=spoilt(REQUEST))
def test_no_bytes_break_the_server(board: Served, sent: bytes) -> None:
    host, port = board.url.removeprefix("http://").split(":")
    with suppress(ConnectionError), socket.create_connection((host, int(port)), timeout=LONG) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: line.recv(4096), b""))
        assert b" 500 " not in answer.partition(b"\r\n")[0]

"""What the server refuses before anybody is asked: a real server, asked by browsers and by what only looks like one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from edge.dashboard import gate
from edge.dashboard.gate import HEADERS, LARGEST_BODY
from edge.dashboard.site import Site
from edge.service import impatience
from tests.dashboard.boards import LONG, Served, served


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("board")) as running:
        running.watched.hear("front/availability", b"online", retain=True)
        running.watched.step()
        admin = running.parts.accounts
        session = running.parts.sessions.find(admin.log_in("admin", running.password, "127.0.0.1", "setup"))
        assert session is not None
        running.viewer = admin.create(session, "watcher", "viewer")  # type: ignore[attr-defined]
        yield running


def routes_of(board: Served) -> list[tuple[str, str]]:
    """Every method and path there is, with something in place of each name."""
    from edge.dashboard.app import make_app

    app = make_app(board.parts)._app
    assert isinstance(app, Starlette)

    def walk(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
        for route in routes:
            if isinstance(route, Route):
                path = route.path
                for name in route.param_convertors:
                    path = path.replace(f"{{{name}}}", "front")
                yield from ((method, path) for method in sorted(route.methods or {"GET"}) if method != "HEAD")
            else:
                assert isinstance(route, Mount), route
                yield "GET", f"{route.path}/limen.css"

    found = list(walk(list(app.routes)))
    assert len(found) > 20
    return found


def test_without_a_session_only_the_way_in_static_files_and_health_answer(board: Served) -> None:
    answering = set()
    with board.browser() as browser:
        for method, path in routes_of(board):
            answer = browser.request(method, path)
            if answer.status_code != 401:
                answering.add((method, path, answer.status_code))
    assert answering == {
        ("GET", "/login", 200),
        ("POST", "/login", 303),
        ("GET", "/health", 200),
        ("GET", "/static/limen.css", 200),
    }


def test_people_are_led_to_the_login_and_back_and_nowhere_else(board: Served) -> None:
    with board.browser(accept="text/html") as browser:
        assert browser.get("/history?person=x").headers["location"] == "/login?next=%2Fhistory"
        for target in ("/history", "//evil.example", "/\\evil.example", "https://evil.example", "/\r\nx: y"):
            answer = browser.post("/login", data={"name": "admin", "password": board.password, "next": target})
            assert answer.headers["location"] == ("/history" if target == "/history" else "/")


def test_a_forged_cookie_opens_nothing(board: Served) -> None:
    for token in ("", "x", "null", "0" * 43, "' OR 1=1 --", "\u00e9"):
        with board.browser(cookie=f"limen-{board.parts.site.port}={token}".encode()) as browser:  # type: ignore[arg-type]
            assert browser.get("/history").status_code == 401


FOREIGN = [
    {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    {"origin": "null", "sec-fetch-site": "cross-site"},
    {"origin": "http://127.0.0.1:1", "sec-fetch-site": "same-site"},
    {"origin": "HOME", "sec-fetch-site": "cross-site"},
    {"origin": "HOME", "sec-fetch-site": "none"},
    {"origin": "HOME.evil.example"},
    {"origin": "HOMEs", "sec-fetch-site": "same-origin"},
    {},
]
WISHES = [
    ("POST", "/doors/front/commands/unlock", {"arguments": {}, "password": "x"}),
    ("POST", "/doors/front/commands/person.delete", {"arguments": {"person_id": "ada"}}),
    ("POST", "/operators/logins", {"name": "mallory", "role": "admin"}),
    ("POST", "/password", {"current": "x", "new": "y" * 20}),
    ("GET", "/live", None),
]


def test_forty_forged_requests_of_other_sites_are_all_refused(board: Served) -> None:
    with board.logged_in() as victim:
        cookie = "; ".join(f"{name}={value}" for name, value in victim.cookies.items())
    refused = []
    for headers in FOREIGN:
        given = {name: value.replace("HOME", board.url) for name, value in headers.items()}
        for method, path, body in WISHES:
            with httpx.Client(base_url=board.url, headers=given | {"cookie": cookie}) as forger:
                refused.append(forger.request(method, path, json=body).status_code)
    assert refused == [403] * 40
    assert [one.name for one in board.parts.accounts.logins()] == ["admin", "watcher"]
    assert board.sender.sent == []


def test_forms_of_other_sites_are_refused_too_and_logging_in_is_one(board: Served) -> None:
    with httpx.Client(base_url=board.url, headers={"origin": "https://evil.example"}) as forger:
        for path in ("/login", "/logout", "/people/enroll"):
            assert forger.post(path, data={"name": "admin", "password": board.password}).status_code == 403


def test_other_pages_may_link_here_but_not_embed(board: Served) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    with httpx.Client(base_url=board.url) as browser:
        assert browser.get("/login", headers=link).status_code == 200
        assert browser.get("/login", headers=link | {"sec-fetch-dest": "iframe"}).status_code == 403
        assert browser.get("/static/limen.css", headers={"sec-fetch-site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8767", "", "[", "a b"])
def test_a_name_that_points_here_from_elsewhere_is_not_answered(board: Served, host: str) -> None:
    with httpx.Client(base_url=board.url) as browser:
        assert browser.get("/health", headers={"host": host}).status_code in {400, 403}
        assert browser.get("/health", headers={"host": "localhost:9000"}).status_code == 200


def test_every_answer_forbids_what_pages_here_do_not_need(board: Served) -> None:
    with board.logged_in() as browser:
        answers = [browser.get(path) for path in ("/", "/health", "/nowhere", "/events.json", "/static/limen.css")]
    with board.browser() as stranger:
        answers += [stranger.get("/history"), stranger.request("DELETE", "/"), stranger.get("/login")]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert answer.headers["cache-control"] == ("no-cache" if "/static/" in str(answer.url) else "no-store")
        assert "server" not in answer.headers
        assert "unsafe" not in answer.headers["content-security-policy"]


def test_long_bodies_are_refused_also_where_no_length_is_told(board: Served) -> None:
    with board.logged_in() as browser:
        long = b"x" * (LARGEST_BODY + 1)
        kind = {"content-type": "application/json"}
        assert browser.post("/password", content=long, headers=kind).status_code == 413
        assert browser.post("/password", content=iter([long[:9000], long[9000:]]), headers=kind).status_code == 413
        assert browser.post("/password", content=b"{", headers=kind).status_code == 400
        assert browser.post("/password", content=b"[1]", headers=kind).status_code == 400
        assert (
            browser.post("/password", content=b"a=\xff", headers=kind | {"content-type": "text/xml"}).status_code == 400
        )
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert browser.post("/password", content=b"&".join(b"a=1" for _ in range(201)), headers=form).status_code == 400
        assert browser.post("/password", content=b"current=%ff", headers=form).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_there_are_two_methods(board: Served, method: str) -> None:
    with board.logged_in() as browser:
        assert browser.request(method, "/operators/logins").status_code == 405
        assert browser.post("/login", headers={"x-http-method-override": method}).status_code == 303


def test_paths_do_not_lead_out_of_the_static_folder(board: Served) -> None:
    request = b"GET /static/../app.py HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    for path in (b"/static/../app.py", b"/static/%2e%2e/app.py", b"/static/..%2fapp.py", b"/static//etc/passwd"):
        with socket.create_connection(("127.0.0.1", board.parts.site.port)) as plain:
            plain.sendall(request.replace(b"/static/../app.py", path))
            answer = b"".join(iter(lambda: plain.recv(4096), b""))
        assert b" 404 " in answer.split(b"\r\n")[0]
        assert b"import" not in answer


def test_a_viewer_sees_and_changes_nothing(board: Served) -> None:
    with board.logged_in("watcher", board.viewer) as viewer:  # type: ignore[attr-defined]
        for path in ("/", "/history", "/people", "/doors", "/doors/front", "/account", "/events.json"):
            assert viewer.get(path).status_code == 200, path
        assert viewer.get("/operators").status_code == 403
        for method, path in routes_of(board):
            if method == "POST" and path not in {"/login", "/logout", "/password"}:
                assert viewer.post(path, json={}).status_code == 403, path
    assert {(command, signed) for _, command, _, signed in board.sender.sent} == {("person.list", False)}


def test_behind_a_proxy_only_its_own_word_counts() -> None:
    site = Site(8767, secure=True, loopback=False, behind_proxy=True, origin="https://door.example.org")
    assert site.refusal("POST", "/login", {"host": "10.0.0.7:8767", "origin": "https://door.example.org"}) is None
    assert site.refusal("POST", "/login", {"host": "evil.example", "origin": "https://evil.example"}) is not None
    assert site.address("10.0.0.7", {"x-forwarded-for": "6.6.6.6, 203.0.113.9"}) == "203.0.113.9"
    assert site.address("10.0.0.7", {}) == "10.0.0.7"
    direct = Site(8767)
    assert direct.address("127.0.0.1", {"x-forwarded-for": "6.6.6.6"}) == "127.0.0.1"
    assert site.cookie.startswith("__Host-")
    assert Path(site.cookie).name == site.cookie


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /health HTTP/1.1\r\nhost: localhost\r\nx-",
        b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\nGET /",
        b"POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 999\r\norigin: http://localhost\r\n\r\nname=",
    ],
)
def test_whoever_takes_for_ever_to_ask_is_hung_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(impatience, "REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(gate, "BODY_SECONDS", 0.3)
    with (
        served(tmp_path) as board,
        board.logged_in() as browser,
        socket.create_connection(("127.0.0.1", board.parts.site.port), timeout=LONG) as slow,
    ):
        slow.sendall(said.replace(b"//localhost", f"//localhost:{board.parts.site.port}".encode()))
        slow.settimeout(0.05)
        for _ in range(400):
            try:
                if not slow.recv(4096):
                    break
            except TimeoutError:
                with suppress(OSError):
                    slow.sendall(b"a")  # a little is said again and again
            except ConnectionResetError:
                break
        else:
            pytest.fail("it is still waited for")
        assert browser.get("/").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/history?until=9999-12-31",
        "/history?since=0001-01-01&view=charts",
        "/history?before=" + "9" * 15 + "." + "9" * 18,
        "/events.json?limit=000010" + "9" * 5000,
        "/operators?before=" + "9" * 5000,
        "/operators?before=9999999999999999999",
        "/operators?before=٣",
        "/login?problem=throttled&seconds=" + "9" * 5000,
        "/people/front/" + "a" * 5000,
        "/jobs/%00",
        "/static/..%2f..%2fgate.py",
        "/static/%00",
    ],
)
def test_no_address_breaks_the_server(board: Served, address: str) -> None:
    with board.logged_in() as browser:
        assert browser.get(address).status_code in {200, 400, 404}

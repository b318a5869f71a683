"""What an open page is told, and what happens to one that does not listen."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.dashboard.hub import MOST_OF_A_SESSION, MOST_STREAMS, MOST_WAITING, Hub, Stream, packet
from edge.dashboard.values import Connection, Job, Missed
from edge.dashboard.why import view
from tests.dashboard.boards import LONG, NOON, HandClock, Served, served, visit
from tests.dashboard.test_hearing import told
from tests.edge.brokers import until


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as running:
        running.watched.hear("front/availability", b"online", retain=True)
        running.watched.step()
        yield running


@contextmanager
def listening(browser: httpx.Client, **headers: str) -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
    """The named events of one stream, as they come."""
    with browser.stream("GET", "/live", headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer.iter_bytes())


def _events(chunks: Iterator[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """As a browser reads them: lines end where a line feed is, and nowhere else."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n\n")
        for event in whole:
            fields = dict(line.split(b": ", 1) for line in event.split(b"\n"))
            if b"event" in fields:
                yield fields[b"event"].decode(), json.loads(fields[b"data"])


def first(events: Iterator[tuple[str, dict[str, Any]]], name: str) -> dict[str, Any]:
    return next(data for found, data in events if found == name)


def test_a_page_begins_with_how_everything_is_and_then_hears_what_happens(board: Served) -> None:
    with board.logged_in() as browser, listening(browser) as events:
        assert first(events, "connection")["connected"] is True
        door = first(events, "door")
        assert (door["id"], door["presence"], door["told"]["text"]) == ("front", "online", "Not known yet")
        board.watched.visits(visit(1, person="<b>Ada</b>\u2028\n"))
        event = first(events, "event")
        assert (event["name"], event["number"], event["verdict"]) == ("<b>Ada</b>\u2028\n", 1, "granted")
        board.watched.link["connected"] = False
        board.watched.step()
        assert first(events, "connection")["connected"] is False


def test_a_browser_that_comes_back_gets_what_it_missed(board: Served) -> None:
    board.watched.visits(visit(1), visit(2), visit(3))
    with board.logged_in() as browser, listening(browser, **{"last-event-id": "1"}) as events:
        assert [first(events, "event")["seq"], first(events, "event")["seq"]] == [2, 3]
    for strange in ("-1", "x", "9" * 40, "1;2"):
        with board.logged_in() as browser, listening(browser, **{"last-event-id": strange}) as events:
            assert first(events, "connection")["connected"] is True


def test_there_are_twenty_streams_and_not_one_more(board: Served) -> None:
    pages: list[Iterator[tuple[str, dict[str, Any]]]] = []
    with ExitStack() as opened:

        def look(browser: httpx.Client) -> None:
            pages.append(opened.enter_context(listening(browser)))
            assert first(pages[-1], "connection")["connected"] is True

        for _ in range(MOST_STREAMS // MOST_OF_A_SESSION):
            browser = opened.enter_context(board.logged_in())
            for _ in range(MOST_OF_A_SESSION):
                look(browser)
        late = opened.enter_context(board.logged_in())
        with late.stream("GET", "/live") as answer:
            assert answer.status_code == 503
        assert late.get("/").status_code == 200
        look(browser)  # a sixth page of a session that has five takes the place of its oldest
        assert len(board.parts.hub._streams) == MOST_STREAMS
    until(lambda: board.parts.hub._streams == [], "for the pages to be gone")


def test_whoever_is_logged_out_hears_nothing_more(board: Served) -> None:
    with board.logged_in() as browser, board.logged_in() as other, listening(browser) as events:
        first(events, "connection")
        (session,) = (
            one for one in board.parts.accounts.sessions() if one.id == board.parts.hub._streams[0].session_id
        )
        assert other.post(f"/operators/sessions/{session.id}/revoke", json={}).status_code == 200
        assert [name for name, _ in events if name == "event"] == [], "and the stream ends"


def test_no_busy_door_keeps_a_session_alive_that_is_over(tmp_path: Path) -> None:
    clock = HandClock()
    with served(tmp_path, clock=clock) as board, board.logged_in() as browser, listening(browser) as events:
        first(events, "connection")
        board.watched.visits(visit(1))
        assert first(events, "event")["seq"] == 1
        clock.pass_by(3 * 3600)
        ended = threading.Event()

        def never_quiet() -> None:
            seq = 1
            while not ended.wait(0.05):
                board.watched.visits(visit(seq := seq + 1, clock.wall()))

        door = threading.Thread(target=never_quiet)
        door.start()
        try:
            assert [name for name, _ in events if name == "event"] == [], "three hours later nobody has used it"
        finally:
            ended.set()
            door.join()


def test_a_browser_that_takes_nothing_costs_little_and_holds_nobody_up(board: Served) -> None:
    with board.logged_in() as quick, listening(quick) as events, board.logged_in() as slow:
        first(events, "connection")
        cookie = "; ".join(f"{name}={value}" for name, value in slow.cookies.items())
        with socket.create_connection(("127.0.0.1", board.parts.site.port)) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            head = f"GET /live HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: same-origin\r\ncookie: {cookie}\r\n\r\n"
            deaf.sendall(head.encode())
            until(lambda: len(board.parts.hub._streams) == 2, "for the deaf page")
            stream = board.parts.hub._streams[1]
            for number in range(1, 60):
                board.watched.visits(*(visit(100 * number + each) for each in range(100)))
                heard = first(events, "event")
            assert heard["door"] == "front"
            until(lambda: stream._missed > 0, "for something to be left out")
            assert len(stream._waiting) <= MOST_WAITING
        until(lambda: len(board.parts.hub._streams) == 1, "for the deaf page to be gone")


def test_what_was_left_out_is_told_and_the_newest_comes() -> None:
    async def slow_page() -> bytes:
        stream = Stream("session", "admin")
        for number in range(MOST_WAITING + 7):
            stream.put([packet(view(told("limen/front/event/access", visit(number)), number))])
        return await stream.take(LONG)

    told_late = asyncio.run(slow_page()).split(b"\n\n")
    assert json.loads(told_late[0].partition(b"data: ")[2])["count"] == 7
    assert f"id: {MOST_WAITING + 6}\n".encode() in told_late[-2]
    assert len(told_late) == MOST_WAITING + 2


def test_commands_are_told_to_whoever_gave_them_alone() -> None:
    async def two_pages() -> tuple[bytes, bytes]:
        hub = Hub()
        hub.attach(asyncio.get_running_loop())
        own, other = hub.open("a", "ada"), hub.open("g", "grace")
        assert own is not None
        assert other is not None
        hub.publish([Job("1", "front", "enroll", "ada", NOON), Connection()])
        return await own.take(LONG), await other.take(LONG)

    own, other = asyncio.run(two_pages())
    assert b"event: job" in own
    assert b"event: job" not in other
    assert b"event: connection" in other


def test_nothing_a_door_says_can_begin_another_event() -> None:
    event = view(told("limen/front/event/access", visit(1, person="x\n\ndata: y\r\nevent: z\r\r")), 1)
    lines = packet(event).data.split(b"\n")
    assert [line.split(b":")[0] for line in lines] == [b"event", b"id", b"data", b"", b""]
    assert b"\r" not in packet(event).data
    assert packet(Missed(3)).data.startswith(b"event: missed\n")

"""`limen dashboard` as its users start it, with a real broker and doors that speak the contract."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import psutil
import pytest

from edge.__main__ import main
from edge.clock import SystemClock, rfc3339
from edge.mqtt.credentials import Login
from edge.mqtt.link import Link, Wiring
from edge.mqtt.messages import encode
from edge.mqtt.topics import Topics
from tests.dashboard.boards import answer, status, visit
from tests.dashboard.running import RunningBoard, page
from tests.edge.brokers import Mosquitto, linked, until

CLOCK = SystemClock()
FRONT, BACK = Topics("limen", "front"), Topics("limen", "back")
FLOOD = 6000


def configured(folder: Path, broker: Mosquitto, more: str = "") -> Path:
    path = folder / "config.yaml"
    mqtt = f"mqtt: {{broker: 127.0.0.1, port: {broker.port}}}"
    path.write_text(f"{mqtt}\ndashboard: {{directory: board{more}}}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


class Door:
    """A made-up door that keeps its journal and answers `events.query`, in a thread of its own."""

    def __init__(self, link: Link, topics: Topics) -> None:
        self.queries: list[dict[str, int]] = []
        self._link, self.topics = link, topics
        self._journal: list[bytes] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._answer)

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        until(lambda: self._link.publish(topic, payload, retain=retain) is not None, f"to say {topic}")

    def here(self) -> None:
        self.say(self.topics.availability, b"online", retain=True)
        self.say(self.topics.lock_state, b"LOCKED", retain=True)
        self.say(self.topics.status, encode(status(len(self._journal), CLOCK.wall())), retain=True)

    def visit(self, *, heard: bool = True, **changes: object) -> str:
        """Somebody comes; where not `heard`, nobody is told of it. Returns the event's id."""
        seq = len(self._journal) + 1
        event_id = f"{self.topics.door}-{seq}"
        facts = {"id": event_id, "ts": rfc3339(CLOCK.wall())} | changes
        self._journal.append(encode(visit(seq, **facts)))
        if heard:
            self.say(self.topics.event("access"), self._journal[-1])
        return event_id

    def _answer(self) -> None:
        while not self._ending.is_set():
            if self._link.inbox.empty():
                CLOCK.sleep(0.02)
                continue
            asked = json.loads(self._link.inbox.get().payload)
            self.queries.append({"after_seq": asked["after_seq"], "limit": asked["limit"]})
            rows = self._journal[asked["after_seq"] :][: asked["limit"]]
            self.say(self.topics.response("events.query"), encode(answer(asked["transaction"], {"count": len(rows)})))
            for row in rows:
                self.say(self.topics.backfill, json.dumps(json.loads(row) | {"late": True}).encode())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()


@contextmanager
def a_door(login: Login, topics: Topics = FRONT) -> Iterator[Door]:
    wiring = Wiring(f"door-{topics.door}", (topics.request("events.query"),))
    with linked(login, wiring) as link, Door(link, topics) as door:
        door.here()
        yield door


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker")) as running:
        yield running


def test_two_dashboards_see_the_same_and_one_survives_what_the_broker_does(tmp_path: Path) -> None:
    with ExitStack() as house:
        broker = house.enter_context(Mosquitto(tmp_path))
        (tmp_path / "other").mkdir()
        boards = [RunningBoard(configured(folder, broker)) for folder in (tmp_path, tmp_path / "other")]
        first, second = (house.enter_context(board) for board in boards)
        door = house.enter_context(a_door(broker.login))
        with first.browser() as browser, second.browser() as other, page(browser) as one, page(other) as two:
            one.wait("door", id="front", presence="online", lock="LOCKED")
            seen = door.visit()
            assert one.wait("event")["id"] == two.wait("event")["id"] == seen
            door.visit(heard=False)
            door.visit()
            assert one.wait("event", seq=2)["marks"] == ["late"], "asked for, and back-filled"
            one.forget()
            broker.stop()
            assert "broker" in one.wait("connection", connected=False)["told"]["broker"]
            assert one.wait("door", presence="unknown")["lock"] == "LOCKED", "a door stays as it was last seen"
            door.visit(heard=False)
            one.forget()
            broker.start()
            one.wait("connection", connected=True)
            until(lambda: door._link.connected, "for the door")
            door.here()
            assert one.wait("event", seq=4)["marks"] == ["late"], "found by the head in the door's status"
            rows = browser.get("/events.json").json()
            assert sorted(row["seq"] for row in rows) == [1, 2, 3, 4]
        assert first.stop() == second.stop() == 0
        assert "Traceback" not in first.log()


def test_a_flood_leaves_the_page_alive_and_the_memory_bounded(tmp_path: Path, broker: Mosquitto) -> None:
    with (
        RunningBoard(configured(tmp_path, broker)) as board,
        a_door(broker.login, Topics("limen", "loud")) as loud,
        a_door(broker.login, BACK) as quiet,
        board.browser() as browser,
        page(browser) as one,
    ):
        one.wait("door", id="back", presence="online")
        held = psutil.Process(board.process.pid).memory_info().rss
        for number in range(FLOOD):
            loud.say(loud.topics.event("access"), encode(visit(number + 1, CLOCK.wall(), id=f"loud-{number}")))
            if number % 1000 == 0:
                assert browser.get("/").status_code == 200
        seen = quiet.visit()
        # Even where the broker had to leave it out, the door's next status tells that it is missing.
        until(lambda: quiet.here() or browser.get("/events.json?door=back").json(), "for the quiet door")
        assert [event["id"] for event in browser.get("/events.json?door=back").json()] == [seen]
        loud.say(loud.topics.status, b"{" * 20_000)
        loud.say(loud.topics.event("access"), b"not an event")
        one.wait("connection", malformed=1, oversized=1)
        loud.say(loud.topics.status, encode(status(FLOOD, CLOCK.wall())), retain=True)
        # What the broker or the dashboard itself had to leave out is known to be missing.
        one.wait("door", id="loud", gaps=FLOOD - len(browser.get("/events.json?door=loud").json()))
        assert psutil.Process(board.process.pid).memory_info().rss - held < 100 * 2**20


def test_no_message_ends_the_dashboard_not_even_one_the_broker_keeps(tmp_path: Path, broker: Mosquitto) -> None:
    deep = b'{"door":"deep","commands":{"x":{"arguments":' + b'{"a":' * 9000 + b"1" + b"}" * 9003
    with a_door(broker.login, Topics("limen", "deep")) as door:
        door.say(door.topics.info, deep, retain=True)
        with RunningBoard(configured(tmp_path, broker)) as board, board.browser() as browser, page(browser) as one:
            one.wait("connection", malformed=1)
            one.wait("event", id=door.visit())
            body = b'{"name":' + b"[" * 8000 + b"]" * 8000 + b"}"
            answer = browser.post("/login", content=body, headers={"content-type": "application/json"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")
            assert "Traceback" not in board.log()
        door.say(door.topics.info, b"", retain=True)


def test_a_wrong_password_is_told_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("dashboard:secret\n", encoding="utf-8")
    lines = ("allow_anonymous false", f"password_file {tmp_path}/passwords")
    with Mosquitto(tmp_path, *lines) as broker:
        word = tmp_path / "word"
        word.write_text("wrong", encoding="utf-8")
        word.chmod(0o600)
        config = configured(tmp_path, broker, ", username: dashboard, password_file: word")
        with RunningBoard(config) as board, board.browser() as browser, page(browser) as one:
            assert "refused the login" in one.wait("connection", connected=False)["problem"]


def test_what_was_kept_is_there_after_a_restart_and_passwords_are_told_once(
    tmp_path: Path, broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path, broker)
    with a_door(broker.login, BACK) as door, RunningBoard(config) as board:
        with board.browser() as browser, page(browser) as one:
            one.wait("door", id="back", presence="online")
            seen = door.visit()
            one.wait("event", id=seen)
        assert board.stop() == 0
        board.start()
        assert "shown once" not in board.log()
        with board.browser() as browser:
            assert seen in {event["id"] for event in browser.get("/events.json").json()}
            assert main(["dashboard", "passwd", "admin", "--config", str(config)]) == 0
            assert browser.get("/account").status_code == 401, "a new password ends all sessions"
        board.password = capsys.readouterr().out.split()[-1]
        with board.browser() as browser:
            assert browser.get("/").status_code == 200
        assert main(["dashboard", "logins", "--config", str(config)]) == 0
        assert "admin" in capsys.readouterr().out


def test_what_cannot_be_used_is_named(tmp_path: Path, broker: Mosquitto, capsys: pytest.CaptureFixture[str]) -> None:
    for more, word in (
        (", tls_certificate: no.crt, tls_key: no.key", "dashboard.tls_certificate"),
        (", key: no.key", "no.key"),
        (", username: dashboard, password_file: none", "dashboard.password_file"),
        (", database: 'nonsense://'", "dashboard.database"),
    ):
        assert main(["dashboard", "--port", "0", "--config", str(configured(tmp_path, broker, more))]) != 0
        assert word in capsys.readouterr().err
    with RunningBoard(configured(tmp_path, broker)) as board:
        port = board.url.rpartition(":")[2]
        assert main(["dashboard", "--port", port, "--config", str(board.config)]) == 78
        assert "dashboard.port" in capsys.readouterr().err
    assert main(["dashboard", "passwd", "--config", str(board.config)]) == 1
    assert main(["dashboard", "passwd", "nobody", "--config", str(board.config)]) == 1
    assert "no account nobody" in capsys.readouterr().err

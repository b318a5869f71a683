"""The command line's end: it asks a door that answers, one that does not, and none at all."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.errors import LimenError
from edge.mqtt.ask import Session
from edge.mqtt.authority import Standing
from edge.mqtt.commands import Context, Refusal, parse, repeated
from edge.mqtt.credentials import Login
from edge.mqtt.link import Link, Wiring
from edge.mqtt.messages import ONLINE, Problem, Progress, Response, encode, stamp
from tests.edge.brokers import CLOCK, HOST, TOPICS, Mosquitto, free_port, linked, until

DOOR = Wiring.of_door(TOPICS)
STAMP = stamp(CLOCK, "boot-1")
ALLOWED = Standing(allow=("read", "enroll"))


class Door:
    """The smallest door there can be: keeps itself announced, answers, remembers its answers. One thread."""

    def __init__(self, link: Link) -> None:
        self.acted: list[str] = []
        self.mute = False
        self._link = link
        self._spent: dict[str, tuple[str, bytes]] = {}
        self._generation = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    @contextmanager
    def serving(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            if self._link.connected and self._generation != self._link.generation:
                self._generation = self._link.generation
                self._link.publish(TOPICS.availability, ONLINE, retain=True)
            try:
                incoming = self._link.inbox.get(timeout=0.05)
            except queue.Empty:
                continue
            parsed = parse(incoming, Context(TOPICS, ALLOWED, CLOCK.now(), CLOCK.wall(), clock_trusted=True))
            if isinstance(parsed, Refusal):
                problem = Problem(code=parsed.code, message=parsed.message)
                self._answer(parsed.command, parsed.transaction, "error", error=problem)
            elif parsed.transaction in self._spent:
                again = repeated(parsed, *self._spent[parsed.transaction])
                assert isinstance(again, bytes)
                self._link.publish(TOPICS.response(parsed.name), again)
            else:
                self._act(parsed.name, parsed.transaction, parsed.digest)

    def _act(self, name: str, transaction: str, digest: str) -> None:
        self.acted.append(name)
        final = Response(**STAMP, transaction=transaction, status="ok", data={"done": name})
        self._spent[transaction] = (digest, encode(final))
        if self.mute:
            return
        if name == "enroll":
            self._answer(name, transaction, "accepted")
            for whose in ("somebody-elses", transaction):
                news = Progress(**STAMP, transaction=whose, prompt="come_closer", collected=1, wanted=5)
                self._link.publish(TOPICS.progress(name), encode(news))
            self._link.publish(TOPICS.progress(name), b"rubbish")
            self._link.publish(TOPICS.event("access"), b"meanwhile")
        self._link.publish(TOPICS.response(name), encode(final))

    def _answer(self, name: str, transaction: str | None, status: str, **more: Any) -> None:
        answer = Response(**STAMP | {"transaction": transaction, "status": status} | more)
        self._link.publish(TOPICS.response(name), encode(answer))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def door(broker: Mosquitto) -> Iterator[Door]:
    with linked(broker.login, DOOR) as link:
        door = Door(link)
        with door.serving():
            yield door


def told(answers: Iterator[Progress | Response]) -> list[Any]:
    return [answer.prompt if isinstance(answer, Progress) else answer.status for answer in answers]


def test_an_enrolment_is_accepted_guided_and_answered(broker: Mosquitto, door: Door) -> None:
    with Session(broker.login, TOPICS, CLOCK, listen=(TOPICS.events,)) as session:
        assert told(session.request("enroll", {"name": "Ada"}, timeout=10)) == ["accepted", "come_closer", "ok"]
        assert [event.payload for event in session.follow(silence=0.5)] == [b"meanwhile"]
    assert door.acted == ["enroll"]


@pytest.mark.usefixtures("door")
def test_one_session_asks_often(broker: Mosquitto) -> None:
    with Session(broker.login, TOPICS, CLOCK) as session:
        for command in ("person.list", "config.get", "selftest"):
            (answer,) = session.request(command, timeout=10)
            assert isinstance(answer, Response)
            assert answer.data == {"done": command}


def test_a_refusal_is_an_answer(broker: Mosquitto, door: Door) -> None:
    with Session(broker.login, TOPICS, CLOCK) as session:
        (answer,) = session.request("person.delete", {"person_id": "ada"}, timeout=10)
    assert isinstance(answer, Response)
    assert answer.error is not None
    assert answer.error.code == "not_allowed"
    assert door.acted == []


def test_a_connection_lost_while_waiting_asks_again_and_the_door_acts_once(broker: Mosquitto, door: Door) -> None:
    door.mute = True
    with Session(broker.login, TOPICS, CLOCK) as session:
        answers = session.request("person.list", timeout=20)
        collected: list[Any] = []
        asking = threading.Thread(target=lambda: collected.extend(answers))
        asking.start()
        until(lambda: door.acted)
        broker.stop()
        broker.start()
        asking.join()
    (answer,) = collected
    assert (answer.status, answer.duplicate) == ("ok", True)
    assert door.acted == ["person.list"]


def test_without_a_broker_the_reason_is_given() -> None:
    port = free_port()
    with (
        pytest.raises(LimenError, match=f"no broker listens on {HOST}:{port}"),
        Session(Login(HOST, port), TOPICS, CLOCK),
    ):
        pass


def test_without_a_door_the_cure_is_given(broker: Mosquitto) -> None:
    with (
        Session(broker.login, TOPICS, CLOCK) as session,
        pytest.raises(LimenError, match="no door answers as limen/front: is `limen run` running"),
    ):
        list(session.request("person.list", timeout=5))


def test_a_door_that_says_nothing_is_waited_for_only_so_long(broker: Mosquitto, door: Door) -> None:
    door.mute = True
    with (
        Session(broker.login, TOPICS, CLOCK) as session,
        pytest.raises(LimenError, match=r"no answer to person\.list from limen/front in 1 s"),
    ):
        list(session.request("person.list", timeout=1))


def test_a_broker_that_forbids_asking_is_told(tmp_path: Path) -> None:
    (tmp_path / "access").write_text("topic read limen/#\ntopic write limen/front/availability\n")
    with (
        Mosquitto(tmp_path, "allow_anonymous true", f"acl_file {tmp_path}/access") as broker,
        linked(broker.login, DOOR) as link,
        Door(link).serving(),
        Session(broker.login, TOPICS, CLOCK) as session,
        pytest.raises(LimenError, match="access list"),
    ):
        list(session.request("person.list", timeout=10))

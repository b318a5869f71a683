"""What is believed of what a broker hands over: the topic decides whose it is, and bounds decide what is kept."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from docs.mqtt_meanings import DOOR_EVENTS
from edge.dashboard.hearing import DOOR_WORDS, FILTERS, Answer, State, Told, understand
from edge.errors import MessageError
from edge.mqtt.messages import encode
from edge.mqtt.topics import Topics
from tests.dashboard.boards import NOON, Said, answer, info, notice, status, visit
from tests.surfaces import surface

FRONT = Topics("limen", "front")


def told(topic: str, message: Any, *, retain: bool = False) -> Told:
    payload = message if isinstance(message, bytes) else encode(message)
    said = understand(Said(topic, payload, retain), "limen", NOON)
    assert isinstance(said, Told)
    return said


def why_not(topic: str, payload: bytes) -> str:
    with pytest.raises(MessageError) as refused:
        understand(Said(topic, payload), "limen", NOON)
    return refused.value.code


def test_everything_a_door_says_of_itself_is_listened_to() -> None:
    topics = (FRONT.availability, FRONT.camera_availability, FRONT.info, FRONT.status, FRONT.lock_state)
    more = (FRONT.door_state, FRONT.events, FRONT.response("events.query"), FRONT.response("person.list"))
    assert {f"limen/front/{name}" for name in FILTERS} == {*topics, *more}


def test_every_door_event_of_the_contract_is_known_by_its_word() -> None:
    assert set(DOOR_EVENTS) == DOOR_WORDS


def test_states_are_words_of_the_contract_or_nothing() -> None:
    assert understand(Said(FRONT.lock_state, b"JAMMED"), "limen", NOON) == State("front", "lock/state", "JAMMED")
    assert understand(Said(FRONT.availability, b""), "limen", NOON) == State("front", "availability", None)
    assert why_not(FRONT.lock_state, b"OPEN SESAME") == "malformed"
    assert why_not(FRONT.door_state, b"\xff") == "malformed"


def test_a_live_event_of_now_carries_no_mark() -> None:
    heard = told(FRONT.event("access"), visit(1, NOON - timedelta(seconds=2)))
    assert (heard.door, heard.kind, heard.live, heard.marks) == ("front", "access", True, ())
    assert heard.at == NOON - timedelta(seconds=2)


def test_late_events_keep_their_time_and_kind() -> None:
    yesterday = NOON - timedelta(days=1)
    heard = told(FRONT.backfill, visit(1, yesterday, late=True))
    assert (heard.at, heard.marks, heard.live, heard.kind) == (yesterday, ("late",), False, "access")
    assert told(FRONT.backfill, notice(2, "camera_lost", late=True)).kind == "system"
    assert told(FRONT.backfill, notice(2, "doorbell", late=True)).kind == "door"


def test_an_event_somebody_left_retained_is_no_news() -> None:
    heard = told(FRONT.event("access"), visit(1), retain=True)
    assert (heard.live, heard.marks) == (False, ("late",))


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=9000)])
def test_a_clock_that_is_wrong_is_marked_and_not_used(ahead: timedelta) -> None:
    heard = told(FRONT.event("access"), visit(1, NOON + ahead))
    assert (heard.at, heard.marks) == (NOON, ("skewed",))


def test_a_clock_that_the_door_itself_does_not_believe_is_not_used() -> None:
    heard = told(FRONT.backfill, visit(1, NOON - timedelta(days=3), ts_trusted=False, late=True))
    assert (heard.at, heard.marks) == (NOON, ("late", "skewed"))


def test_the_topic_decides_whose_event_it_is() -> None:
    lying = msgspec.json.encode(msgspec.to_builtins(visit(1)) | {"door": "back"})
    heard = told(FRONT.event("access"), lying)
    assert (heard.door, heard.marks) == ("front", ("wrong_door",))
    honest = msgspec.json.encode(msgspec.to_builtins(visit(1)) | {"door": "front"})
    assert told(FRONT.event("access"), honest).marks == ()


@pytest.mark.parametrize(
    "topic",
    [
        "limen/Front/status",
        "limen/clients/event/access",
        "limen/front/event/other",
        "other/front/status",
        "limen/front",
    ],
)
def test_other_topics_are_not_for_us(topic: str) -> None:
    assert understand(Said(topic, b"{}"), "limen", NOON) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": -1},
        {"seq": 2**60},
        {"votes": 2**70},
        {"id": ""},
        {"id": "x" * 129},
        {"reason": "x" * 65},
        {"person": "x" * 201},
        {"verdict": "maybe"},
        {"similarity": "high"},
        {"ts": "yesterday"},
        {"ts": "2026-12-01T12:00:00"},
        {"ts": "0001-01-01T00:00:00+23:59"},
        {"ts": "0001-01-01T00:00:00Z", "late": True},
        {"v": 2},
        {"seq": 1.5},
    ],
)
def test_an_event_no_door_of_ours_would_send_is_malformed(changes: dict[str, Any]) -> None:
    payload = msgspec.json.encode(msgspec.to_builtins(visit(1)) | changes)
    assert why_not(FRONT.event("access"), payload) == "malformed"


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"{", b"\xff", b'{"v":1}', b"[" * 5000, b'{"id":"\\ud800"}'])
def test_what_is_no_event_at_all_is_malformed(payload: bytes) -> None:
    assert why_not(FRONT.event("access"), payload) == "malformed"


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("depth", [33, 990, 1010, 1150])
def test_what_is_nested_deeper_than_anything_of_ours_is_malformed(opening: str, closing: str, depth: int) -> None:
    nested = f"{opening * depth}1{closing * depth}"
    event = encode(visit(1)).decode().removesuffix("}")
    reply = encode(answer("t", None)).decode().removesuffix("}")
    assert why_not(FRONT.event("access"), f'{event},"unknown":{nested}}}'.encode()) == "malformed"
    assert why_not(FRONT.backfill, f'{event},"unknown":{nested}}}'.encode()) == "malformed"
    assert why_not(FRONT.response("person.list"), f'{reply},"data":{{"people":{nested}}}}}'.encode()) == "malformed"
    commands = f'{{"x":{{"authority":"read","allowed":true,"signed":"never","arguments":{{"a":{nested}}}}}}}'
    told_info = encode(info("front")).decode().replace('"commands":{}', f'"commands":{commands}')
    assert why_not(FRONT.info, told_info.encode()) == "malformed"


def test_sizes_are_looked_at_before_anything_is_read() -> None:
    assert why_not(FRONT.event("access"), b"[" * 8193) == "too_large"
    assert why_not(FRONT.info, b" " * 65537) == "too_large"
    assert why_not(FRONT.lock_state, b"x" * 9000) == "too_large"


def test_info_status_and_answers_are_read() -> None:
    told_info = understand(Said(FRONT.info, encode(info("back"))), "limen", NOON)
    assert isinstance(told_info, State)
    told_status = understand(Said(FRONT.status, encode(status(3, NOON + timedelta(seconds=5)))), "limen", NOON)
    assert isinstance(told_status, State)
    assert told_status.ahead == 5.0
    reply = understand(Said(FRONT.response("events.query"), encode(answer("t", {"count": 1}))), "limen", NOON)
    assert isinstance(reply, Answer)
    assert reply.command == "events.query"


_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
_FIELDS = some.sampled_from([*msgspec.to_builtins(visit(1)), "event", "door", "quality"])


@surface("what a door tells the dashboard")
@given(
    some.sampled_from(["event/access", "event/system", "event/backfill", "info", "status", "response/person.list"]),
    some.one_of(some.binary(max_size=60), some.dictionaries(_FIELDS, _JSON, max_size=4)),
)
def test_nothing_that_can_be_sent_breaks_the_ear(topic: str, sent: bytes | dict[str, Any]) -> None:
    payload = sent if isinstance(sent, bytes) else msgspec.json.encode(msgspec.to_builtins(visit(1)) | sent)
    with suppress(MessageError):
        understand(Said(f"limen/front/{topic}", payload), "limen", NOON)

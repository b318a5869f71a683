"""What is a command and what is not. No broker: bytes in, a value out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from edge.clock import SystemClock, boot_id
from edge.errors import ConfigError
from edge.mqtt.arguments import EnrollArguments, QueryArguments
from edge.mqtt.authority import COMMANDS, Standing, command_facts
from edge.mqtt.commands import AnswerAllowance, Command, Context, Incoming, Refusal, parse, repeated
from edge.mqtt.messages import Response, decode, encode, stamp
from edge.mqtt.topics import Topics

TOPICS = Topics("limen", "front")
NOW = 1000.0
WALL = datetime(2026, 11, 22, 8, tzinfo=UTC)
EVERYTHING = Standing(allow=("read", "enroll", "people", "unlock"))
CONTEXT = Context(TOPICS, EVERYTHING, NOW, WALL, clock_trusted=True)
ENROLL = {"v": 1, "transaction": "t-1", "name": "Ada"}


def come(payload: bytes | dict[str, Any], command: str = "enroll", **more: Any) -> Incoming:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Incoming(**{"topic": TOPICS.request(command), "payload": raw, "at": NOW, **more})


def code(incoming: Incoming, context: Context = CONTEXT) -> str:
    parsed = parse(incoming, context)
    assert isinstance(parsed, Refusal), parsed
    return parsed.code


def accepted(incoming: Incoming, context: Context = CONTEXT) -> Command:
    parsed = parse(incoming, context)
    assert isinstance(parsed, Command), parsed
    return parsed


def test_a_good_command_is_understood() -> None:
    command = accepted(come(ENROLL))
    assert (command.name, command.transaction) == ("enroll", "t-1")
    assert command.arguments == EnrollArguments(name="Ada")


def test_arguments_may_be_left_out_where_none_are_needed() -> None:
    assert accepted(come({"v": 1, "transaction": "a"}, "events.query")).arguments == QueryArguments()


def test_a_field_of_the_future_is_ignored() -> None:
    accepted(come(ENROLL | {"mood": "good", "hat": True}))


def test_a_retained_command_is_refused_without_an_answer() -> None:
    parsed = parse(come(ENROLL, retain=True), CONTEXT)
    assert isinstance(parsed, Refusal)
    assert (parsed.code, parsed.silent) == ("retained", True)


def test_a_large_command_is_not_even_read() -> None:
    fitting = ENROLL | {"padding": ""}
    fitting["padding"] = "x" * (4096 - len(json.dumps(fitting)))
    accepted(come(fitting))
    assert code(come(fitting | {"padding": str(fitting["padding"]) + "x"})) == "too_large"
    assert code(come(b"[" * 10_000_000)) == "too_large"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b" ",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"\xef\xbb\xbf" + json.dumps(ENROLL).encode(),
        b"\x1f\x8b\x08\x00",
        b"\x80\x04\x95",
        b'{"v":1,"transaction":"a","name":"\\ud800"}',
        b'{"v":1,"transaction":"a","name":"A\x00da"}',
        b'{"v":1,"transaction":"a","transaction":"b","name":"Ada"}',
        b'{"v":1,"transaction":"a","name":"Ada","n\\u0061me":"Bob"}',
        b'{"v":1,"transaction":"a","name":"Ada","references":NaN}',
        b'{"v":1,"transaction":"a","name":"Ada","references":1e999}',
        b'{"a":' * 600,
        b"[" * 4000,
        b'{"v":1,"transaction":"a","x":' + b"[" * 8 + b"]" * 8 + b"}",
    ],
)
def test_what_is_no_strict_json_object_is_malformed(payload: bytes) -> None:
    assert code(come(payload)) == "malformed"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name:"),
        ({"name": 5}, "name:"),
        ({"name": ""}, "name:"),
        ({"name": "x" * 81}, "name:"),
        ({"name": "Ada", "references": 5.0}, "references:"),
        ({"name": "Ada", "references": True}, "references:"),
        ({"name": "Ada", "references": 2**70}, "references:"),
        ({"name": "Ada", "references": 4}, "references:"),
        ({"name": "Ada", "person_id": "../etc"}, "person_id:"),
        ({"name": "Ada", "person_id": "ada\n"}, "person_id:"),
        ({"name": "Ada", "consent": "yes"}, "consent:"),
        ({"ts": 5}, "ts:"),
        ({"ts": "yesterday"}, "ts:"),
        ({"ts": "2026-11-22T08:00:00"}, "ts:"),
    ],
)
def test_a_wrong_value_is_named_with_its_field(change: dict[str, Any], field: str) -> None:
    parsed = parse(come(ENROLL | change), CONTEXT)
    assert isinstance(parsed, Refusal)
    assert (parsed.code, parsed.transaction) == ("malformed", "t-1")
    assert parsed.message.startswith(field)
    assert len(parsed.message) <= 240


@pytest.mark.parametrize("transaction", [None, 5, "", "a b", "a\n", "ä", "x" * 65, ["a"]])
def test_without_a_proper_transaction_nothing_acts(transaction: object) -> None:
    parsed = parse(come(ENROLL | {"transaction": transaction}), CONTEXT)
    assert isinstance(parsed, Refusal)
    assert (parsed.code, parsed.transaction, parsed.silent) == ("bad_transaction", None, False)


@pytest.mark.parametrize("version", [None, 0, 2, 1.0, True, "1"])
def test_only_version_one_is_spoken(version: object) -> None:
    assert code(come(ENROLL | {"v": version})) == "unsupported_version"


@pytest.mark.parametrize("topic", ["dance", "Enroll", "enroll/now", "", "a" * 100, "enroll\n"])
def test_an_unknown_command_is_answered_on_a_proper_topic(topic: str) -> None:
    parsed = parse(come(ENROLL, topic), CONTEXT)
    assert isinstance(parsed, Refusal)
    assert (parsed.code, parsed.transaction) == ("unknown_command", "t-1")
    assert parsed.command in {"dance", "unknown"}


def test_every_command_of_the_contract_is_built() -> None:
    assert {name for name, rule in COMMANDS.items() if rule.arguments is None} == set()


def test_what_the_configuration_does_not_allow_names_the_line_to_change() -> None:
    parsed = parse(come(ENROLL), replace(CONTEXT, standing=Standing()))
    assert isinstance(parsed, Refusal)
    assert parsed.code == "not_allowed"
    assert "`enroll` in mqtt.allow" in parsed.message


@pytest.mark.parametrize(
    ("standing", "command", "expected"),
    [
        (replace(EVERYTHING, secure=False), "enroll", "insecure_transport"),
        (replace(EVERYTHING, secure=False, accept_insecure=True), "enroll", None),
        (replace(EVERYTHING, secure=False), "person.list", None),
        (EVERYTHING, "person.delete", "not_signed"),
        (EVERYTHING, "unlock", "not_signed"),
        (EVERYTHING, "pin.set", "not_signed"),
        (Standing(allow=("enroll",)), "person.delete", "not_allowed"),
        (Standing(allow=()), "person.list", "not_allowed"),
    ],
)
def test_authority(standing: Standing, command: str, expected: str | None) -> None:
    arguments = {"name": "Ada", "person_id": "ada", "pin": None}
    parsed = parse(come(ENROLL | arguments, command), replace(CONTEXT, standing=standing))
    assert (parsed.code if isinstance(parsed, Refusal) else None) == expected


@pytest.mark.parametrize(
    ("more", "waited", "fresh"),
    [
        ({}, 0.0, True),
        ({}, 29.0, True),
        ({}, 30.0, False),
        ({}, -1.0, False),
        ({}, float("nan"), False),
        ({"expiry": 0}, 0.0, False),
        ({"expiry": 5}, 4.0, True),
        ({"expiry": 5}, 5.0, False),
        ({"expiry": 4_000_000_000}, 31.0, False),
    ],
)
def test_a_command_that_waited_too_long_expires(more: dict[str, Any], waited: float, fresh: bool) -> None:  # noqa: FBT001
    parsed = parse(come(ENROLL, **more), replace(CONTEXT, now=NOW + waited))
    assert isinstance(parsed, Command) is fresh
    assert fresh or (isinstance(parsed, Refusal) and parsed.code == "expired" and parsed.retryable)


@pytest.mark.parametrize(("off", "trusted", "expected"), [(0, 1, None), (29, 1, None), (-31, 1, "expired")])
def test_the_senders_clock_counts_where_both_can_be_believed(off: int, trusted: int, expected: str | None) -> None:
    for sign in (1, -1):
        told = (WALL + timedelta(seconds=sign * off)).isoformat()
        parsed = parse(come(ENROLL | {"ts": told}), replace(CONTEXT, clock_trusted=bool(trusted)))
        assert (parsed.code if isinstance(parsed, Refusal) else None) == expected
    accepted(come(ENROLL | {"ts": "1970-01-01T00:00:00Z"}), replace(CONTEXT, clock_trusted=False))


@pytest.mark.parametrize(
    ("asked", "honoured"),
    [
        ("limen/clients/ana", True),
        ("limen/front/response/mine/1", True),
        ("limen/clients/", False),
        ("limen/front/response/", False),
        ("limen/front/lock/state", False),
        ("limen/front/availability", False),
        ("limen/back/response/x", False),
        ("limen/clients/+", False),
        ("limen/clients/#", False),
        ("limen/clients/a\nb", False),
        ("homeassistant/device/x/config", False),
        ("limen/clientsx", False),
        ("limen/clients/" + "a" * 300, False),
        ("", False),
    ],
)
def test_an_answer_goes_only_where_nobody_takes_it_for_state(asked: str, honoured: bool) -> None:  # noqa: FBT001
    reply = accepted(come(ENROLL, reply_topic=asked, correlation=b"\x01")).reply
    assert (reply is not None) is honoured
    assert reply is None or (reply.topic, reply.correlation) == (asked, b"\x01")


def test_a_refusal_is_answered_where_the_sender_asked_too() -> None:
    parsed = parse(come(b"{", reply_topic="limen/clients/ana"), CONTEXT)
    assert parsed.reply is not None
    assert parse(come(b"{", reply_topic="limen/clients/ana", correlation=b"x" * 129), CONTEXT).reply is None


def test_a_door_cannot_be_called_clients() -> None:
    with pytest.raises(ConfigError, match=r"door\.id"):
        Topics("limen", "clients")


def test_the_same_bytes_again_get_the_same_answer_and_other_bytes_are_a_replay() -> None:
    first, other = accepted(come(ENROLL)), accepted(come(ENROLL | {"name": "Bob"}))
    elsewhere = accepted(come(ENROLL, "person.list"))
    given_then = Response(**stamp(SystemClock(), boot_id()), transaction="t-1", status="ok", data={"person_id": "ada"})
    again = repeated(first, first.digest, encode(given_then))
    assert isinstance(again, bytes)
    assert decode(Response, again) == msgspec.structs.replace(given_then, duplicate=True)
    assert repeated(first, first.digest, again) == again
    for command in (other, elsewhere):
        refused = repeated(command, first.digest, encode(given_then))
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.transaction, refused.command) == ("replayed", "t-1", command.name)


def test_a_kept_answer_that_decayed_is_no_reason_to_act_again() -> None:
    command = accepted(come(ENROLL))
    for decayed in (b"{}", b"\xff", b""):
        refused = repeated(command, command.digest, decayed)
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.retryable) == ("store_fault", False)


def test_a_flood_of_rubbish_is_not_echoed() -> None:
    allowance = AnswerAllowance(0.0)
    assert sum(allowance.take(0.0) for _ in range(1000)) == 10
    assert sum(allowance.take(3.5) for _ in range(1000)) == 3
    assert sum(allowance.take(1e9) for _ in range(1000)) == 10


def test_info_tells_every_command_with_the_schema_of_its_arguments() -> None:
    facts = command_facts(("read", "enroll"))
    assert set(facts) == set(COMMANDS)
    assert {name for name, fact in facts.items() if fact.allowed} >= {"enroll", "person.list", "config.get"}
    assert not facts["person.delete"].allowed
    assert not facts["unlock"].allowed
    schema = json.dumps(facts["enroll"].arguments)
    assert all(word in schema for word in ("person_id", "references", '"maximum": 16'))

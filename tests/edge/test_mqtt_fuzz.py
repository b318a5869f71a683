"""Whatever bytes come in on whatever topic: nothing raises, and nothing invalid becomes a command."""

from __future__ import annotations

import json
from dataclasses import dataclass

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from docs.mqtt_meanings import COMMANDS as MEANINGS
from edge.clock import SystemClock
from edge.commands.events_command import _understood, line
from edge.mqtt.arguments import Request
from edge.mqtt.authority import COMMANDS
from edge.mqtt.commands import Refusal, parse
from edge.mqtt.messages import Response, encode, stamp
from tests.dashboard.boards import visit
from tests.edge.test_mqtt_commands import CONTEXT, ENROLL, come
from tests.surfaces import surface


@dataclass(frozen=True)
class Mutation:
    """One change to the bytes of a valid envelope."""

    at: int
    cut: int
    insert: bytes

    def of(self, payload: bytes) -> bytes:
        start = self.at % (len(payload) + 1)
        return payload[:start] + self.insert + payload[start + self.cut :]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
EVENT = msgspec.to_builtins(visit(1))
EVENT_FIELDS = [*EVENT, "event", "detail"]
# Every field of every command, each with a good value or anything at all.
_good = {"v": 1, "transaction": "t-1"} | {
    key: value for told in MEANINGS.values() for key, value in (told.ask or {}).items()
}
_kinds = [Request, *(rule.arguments for rule in COMMANDS.values() if rule.arguments)]
_fields = sorted({field.encode_name for kind in _kinds for field in msgspec.structs.fields(kind)} - {"ts"})
_envelopes = st.fixed_dictionaries(
    {}, optional={"ts": st.datetimes().map(str) | _json} | {key: st.just(_good.get(key)) | _json for key in _fields}
).map(lambda envelope: json.dumps(envelope).encode())
_mutations = st.builds(Mutation, st.integers(0, 200), st.integers(0, 3), st.binary(max_size=3))
_mutated = st.builds(lambda mutation, payload: mutation.of(payload), _mutations, st.just(json.dumps(ENROLL).encode()))


@surface("events on a terminal")
@given(
    changes=st.dictionaries(
        st.sampled_from(EVENT_FIELDS), _json | st.text("\x1b\x9b\n\u202e[2Ja", max_size=9), max_size=4
    ),
    payload=st.none() | st.binary(max_size=60),
)
def test_whatever_is_told_as_an_event_steers_no_terminal(changes: dict[str, object], payload: bytes | None) -> None:
    event = _understood(json.dumps(EVENT | changes).encode() if payload is None else payload)
    assert event is None or line(event, colour=False).isprintable()


@surface("MQTT commands")
@given(
    payload=st.binary(max_size=200) | _envelopes | _mutated,
    name=st.sampled_from([*COMMANDS]) | st.text(max_size=40),
    retain=st.booleans(),
    expiry=st.none() | st.integers(0, 2**32 - 1),
    reply=st.none() | st.text(max_size=40),
)
def test_whatever_comes_nothing_raises_and_nothing_invalid_is_a_command(
    payload: bytes,
    name: str,
    retain: bool,  # noqa: FBT001
    expiry: int | None,
    reply: str | None,
) -> None:
    parsed = parse(come(payload, name, retain=retain, expiry=expiry, reply_topic=reply), CONTEXT)
    if isinstance(parsed, Refusal):
        told = Response(
            **stamp(SystemClock(), "b"), transaction=parsed.transaction, status="error", data={"m": parsed.message}
        )
        assert len(encode(told)) <= 1024
        return
    document = json.loads(payload.decode())
    assert not retain
    assert expiry != 0
    assert document["v"] == 1
    assert document["transaction"] == parsed.transaction
    assert parsed.name == name
    assert msgspec.convert(document, type(parsed.arguments)) == parsed.arguments

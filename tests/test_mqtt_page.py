"""docs/mqtt.md tells of everything that the code has, as it is, and every example on it is one."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec import Struct

from docs import mqtt_meanings, mqtt_page
from docs.mqtt_examples import PUBLIC, SIGNER
from docs.mqtt_words import omissions, unlike
from edge.clock import SystemClock
from edge.mqtt import messages
from edge.mqtt.arguments import Request
from edge.mqtt.authority import COMMANDS, Standing, command_facts
from edge.mqtt.commands import Command, Context, Incoming, parse
from edge.mqtt.keys import Key, Keyring
from edge.mqtt.lock_set import LockRequest, parse_lock_set
from edge.mqtt.messages import Response, decode, encode
from edge.mqtt.signed import Address, envelope_of
from edge.mqtt.topics import Topics
from edge.settings import Authority
from edge.values import EventKind

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "mqtt.md").read_text(encoding="utf-8")
# The line before a block of JSON says where it is published.
BLOCKS = [
    pytest.param(lead, block, id=f"{page}-{number}")
    for page in ("mqtt.md", "home-assistant.md")
    for number, (lead, block) in enumerate(
        re.findall(r"([^\n]*)\n+ *```json\n(.*?)\n *```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    )
]
LEAD = re.compile(r"(?:On|To) `limen/front/([a-z./]+)`(, the signed text `p`)?:")
KEY = Key(
    id=SIGNER.id,
    name="example",
    rights=("people", "unlock"),
    public=base64.b64encode(PUBLIC).decode(),
    created="2026-11-22T08:00:00.000Z",
)
TOPICS = Topics("limen", "front")
ALL = Standing(get_args(Authority))
CONTEXT = Context(TOPICS, ALL, 0.0, SystemClock().wall(), clock_trusted=False, keyring=Keyring((KEY,)))
STATES: dict[str, type[Struct]] = {"info": messages.Info, "status": messages.Status}
EVENTS: dict[str, type[Struct]] = {
    "access": messages.AccessEvent,
    "door": messages.DoorEvent,
    "system": messages.SystemEvent,
}


def test_everything_has_a_meaning_and_nothing_is_told_that_is_gone() -> None:
    assert omissions() == [], "docs/mqtt_meanings.py is the one table of meanings; then run `make docs`"


def test_the_page_is_the_one_that_make_docs_writes() -> None:
    assert mqtt_page.page(PAGE) == PAGE, "run `make docs`"


def test_an_answer_that_is_told_wrongly_is_noticed() -> None:
    told = mqtt_meanings.Told("", answer={"people": "", "people[].name": "", "nearest": "", "nearest.id": ""})
    assert unlike("x", told, {"people": [{"name": "a"}], "nearest": None}) == []
    assert unlike("x", told, {"people": [], "nearest": {"id": 1}}) == []
    assert len(unlike("x", told, {"people": []})) == 1
    assert len(unlike("x", told, {"people": [{}], "nearest": None})) == 1
    assert len(unlike("x", told, {"people": [], "nearest": {"id": 1, "name": 2}})) == 1


@pytest.mark.parametrize(("lead", "block"), BLOCKS)
def test_an_example_is_what_the_door_says_or_obeys(lead: str, block: str) -> None:
    if lead == "As JSON Schema:":
        return  # not a message
    published = LEAD.fullmatch(lead)
    assert published, f"the line before a JSON example says where it is published, not {lead!r}"
    topic, signed = published.groups()
    document = json.loads(block)
    if topic == "lock/set":
        wish = parse_lock_set(Incoming(TOPICS.lock_set, block.encode()), CONTEXT)
        assert isinstance(wish, LockRequest), wish
        assert {"action": wish.action, "code": wish.code} == document
        return
    if topic.startswith("request/"):
        check_command(topic, SIGNER.envelope(document) if signed else block.encode())
        return
    told = decode(kind_of(topic, document), block)
    assert json.loads(encode(told)) == document, "a field of the example is missing, or none of the message"
    if isinstance(told, Response) and told.status == "ok":
        name = topic.removeprefix("response/")
        meaning = mqtt_meanings.LOCK_SET if name == "lock.set" else mqtt_meanings.COMMANDS[name]
        assert unlike(name, meaning, told.data or {}) == []
    if isinstance(told, Response) and told.error is not None:
        assert told.error.code in mqtt_meanings.CODES


def check_command(topic: str, payload: bytes) -> None:
    """Whether the door would obey, and every field is one."""
    command = parse(Incoming(f"limen/front/{topic}", payload), CONTEXT)
    assert isinstance(command, Command), command
    envelope = envelope_of(json.loads(payload))
    sent = json.loads(payload if envelope is None else envelope.p)
    known = [Request, type(command.arguments), *([Address] if envelope else [])]
    assert set(sent) <= {field.encode_name for kind in known for field in msgspec.structs.fields(kind)}


def kind_of(topic: str, document: dict[str, Any]) -> type[Struct]:
    first, _, rest = topic.partition("/")
    if first == "event":
        late = "access" if "verdict" in document else "system"
        return EVENTS[late if rest == "backfill" else rest]
    return (STATES | {"response": Response, "progress": messages.Progress})[first]


def shown(topic: str) -> bool:
    leads = (LEAD.fullmatch(str(block.values[0])) for block in BLOCKS)
    return any(lead is not None and lead[1] == topic for lead in leads)


@pytest.mark.parametrize("name", [name for name, rule in COMMANDS.items() if rule.arguments])
def test_every_command_is_shown_with_its_answer(name: str) -> None:
    assert shown(f"request/{name}")
    assert shown(f"response/{name}")


@pytest.mark.parametrize("topic", [*STATES, *(f"event/{kind}" for kind in (*get_args(EventKind), "backfill"))])
def test_every_event_and_state_is_shown(topic: str) -> None:
    assert shown(topic)


def test_the_schemas_of_the_page_are_those_of_info() -> None:
    (block,) = [str(block.values[1]) for block in BLOCKS if block.values[0] == "As JSON Schema:"]
    definitions = json.loads(block)["$defs"]
    for facts in command_facts(()).values():
        assert facts.arguments is None or facts.arguments["$defs"].items() <= definitions.items()

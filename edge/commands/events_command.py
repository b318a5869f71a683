"""`limen events`: who came, and why they were let in or not, as a table that grows."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from edge.clock import SystemClock
from edge.commands.configuration import chosen_settings
from edge.comparing import readable
from edge.errors import MessageError
from edge.log_lines import printable
from edge.mqtt.ask import Session
from edge.mqtt.credentials import client_login
from edge.mqtt.messages import AccessEvent, SystemEvent
from edge.mqtt.strict_json import strict_object
from edge.mqtt.topics import Topics
from edge.settings import Settings

_LATEST: Final = 20
_MOST_SEEN: Final = 10_000
_ANSWER_SECONDS: Final = 10.0
_SILENCE_SECONDS: Final = 1.5
HEADER: Final = f"{'time':<8}  {'verdict':<8} {'who':<20} {'why':<20} {'similarity':>10} {'votes':>7} {'ms':>6}"
_GREEN, _RED, _DIM, _PLAIN = "\033[32m", "\033[31m", "\033[2m", "\033[0m"


def execute(options: Namespace) -> int:
    """Print the latest events; with --follow go on until interrupted."""
    settings = chosen_settings(options)
    if not options.json:
        print(HEADER, flush=True)
    for event in events(settings, follow=options.follow):
        print(json.dumps(event) if options.json else line(event, colour=sys.stdout.isatty()), flush=True)
    return 0


def events(settings: Settings, *, follow: bool) -> Iterator[dict[str, Any]]:
    """The newest events, each once by its id, then, with `follow`, all that come."""
    topics = Topics.of(settings)
    seen: dict[str, None] = {}
    with Session(client_login(settings), topics, SystemClock(), listen=[topics.events]) as session:
        for _ in session.request("events.query", {"limit": _LATEST}, timeout=_ANSWER_SECONDS):
            pass  # the events themselves come on the backfill topic
        for incoming in session.follow(silence=None if follow else _SILENCE_SECONDS):
            event = _understood(incoming.payload)
            if event is not None and event["id"] not in seen:
                seen[event["id"]] = None
                if len(seen) > _MOST_SEEN:
                    del seen[next(iter(seen))]
                yield event


def _understood(payload: bytes) -> dict[str, Any] | None:
    """None for what is no event: whoever may write to the broker may write anything."""
    try:
        event = strict_object(payload)
        msgspec.convert(event, AccessEvent if "verdict" in event else SystemEvent)
        datetime.fromisoformat(event["ts"]).astimezone()
    except (MessageError, msgspec.ValidationError, ValueError, OverflowError):
        return None
    return event


def line(event: dict[str, Any], *, colour: bool) -> str:
    """One row of the table."""
    event = {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}
    moment = datetime.fromisoformat(event["ts"]).astimezone().strftime("%H:%M:%S")
    if "verdict" not in event:
        text = f"{moment}  {event.get('event', '?'):<29} {event.get('detail', '')}"
        return f"{_DIM}{text}{_PLAIN}" if colour else text
    who = event["person"] or event["person_id"] or event.get("key") or "-"
    similarity = "-" if event["similarity"] is None else readable(event["similarity"])
    votes = f"{event['votes']}/{event['references']}"
    why = event["reason"].replace("_", " ")
    verdict = f"{event['verdict']:<8}"
    if colour:
        verdict = f"{_GREEN if event['verdict'] == 'granted' else _RED}{verdict}{_PLAIN}"
    return f"{moment}  {verdict} {who:<20.20} {why:<20} {similarity:>10} {votes:>7} {event['latency_ms'] or 0:>6.0f}"

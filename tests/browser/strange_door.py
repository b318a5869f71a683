"""A door that is none: whoever may write to the broker says what they like in its name, and answers for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage

from edge.clock import SystemClock, rfc3339
from edge.mqtt.credentials import Login
from edge.mqtt.topics import Topics
from tests.edge.brokers import LONG, plain_client

_CLOCK: Final = SystemClock()
_WORD: Final = 64  # no longer may a word be, or the dashboard drops the event


class StrangeDoor:
    """Tells every text of `texts` wherever a text can be told."""

    def __init__(self, client: Client, topics: Topics, texts: Sequence[str]) -> None:
        self._client, self._topics, self._texts = client, topics, texts
        self._seq = 0

    def exist(self) -> None:
        """Be online, with hostile versions, models, thresholds, problems and commands."""
        texts = self._texts
        info = {
            "door": texts[0],
            "version": texts[1],
            "models": {text: {"name": text, "sha256": text, "space": text, "quantization": text} for text in texts},
            "thresholds": dict.fromkeys(texts, 0.5),
            "capabilities": texts,
            "commands": {text: {"authority": text, "allowed": True, "signed": "always"} for text in texts},
        }
        status = {"problems": texts, "latency_ms": {text: {"p50": 1.0, "p95": 2.0} for text in texts}}
        self._retain(self._topics.info, info)
        self._retain(self._topics.status, status)
        self._client.publish(self._topics.lock_state, b"LOCKED", qos=1, retain=True)
        self._client.publish(self._topics.availability, b"online", qos=1, retain=True)

    def tell(self, text: str) -> None:
        """Three events that hold `text` in every field that takes one; the last has it as its id, too."""
        seen = {"similarity": 0.4, "votes": 1, "references": 10, "detection_threshold": 0.5}
        granted = {"verdict": "granted", "reason": "verified", "person": text, "person_id": text[:_WORD]}
        refused = {"verdict": "refused", "reason": text[:_WORD], "nearest": text, "nearest_id": text[:_WORD]}
        self._event("access", granted | seen | {"visit": text[:_WORD], "key": text[:_WORD]})
        self._event("access", refused | seen | {"visit": text[:_WORD]})
        self._event("system", {"event": text[:_WORD], "detail": text, "person": text}, id=f"{text[:100]}-{self._seq}")

    def answer(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        """Whatever is asked: the same people, whose names are the texts; and an error where something is to change."""
        asked = json.loads(message.payload)
        command = message.topic.rpartition("/")[2]
        people = [{"person_id": f"p{number}", "name": text, "because": text} for number, text in enumerate(self._texts)]
        answer: dict[str, Any] = {"transaction": asked.get("transaction"), "status": "ok"}
        data = {"people": people, "problems": self._texts, "strike": self._texts[0]}
        if command not in {"person.list", "selftest"}:
            answer |= {"status": "error", "error": {"code": self._texts[0], "message": self._texts[1]}}
        else:
            answer["data"] = data
        self._client.publish(self._topics.response(command), json.dumps(_stamp() | answer), qos=1)

    def _event(self, kind: Any, facts: dict[str, Any], **more: Any) -> None:
        self._seq += 1
        payload = _stamp() | {"id": f"e{self._seq}", "seq": self._seq} | facts | more
        # Not before the broker has it: paho gives up on what it cannot send at once.
        self._client.publish(self._topics.event(kind), json.dumps(payload), qos=1).wait_for_publish(LONG)

    def _retain(self, topic: str, facts: dict[str, Any]) -> None:
        self._client.publish(topic, json.dumps(_stamp() | facts), qos=1, retain=True).wait_for_publish(LONG)


@contextmanager
def strange_door(login: Login, texts: Sequence[str], door: str = "strange") -> Iterator[StrangeDoor]:
    """The door, connected and listening to commands."""
    topics = Topics("limen", door)
    heard = threading.Event()
    with plain_client(login, f"door-{door}") as client:
        made = StrangeDoor(client, topics, texts)
        client.on_message = made.answer
        client.on_subscribe = lambda *_: heard.set()
        client.subscribe(topics.requests, qos=1)
        assert heard.wait(LONG)
        yield made


def _stamp() -> dict[str, Any]:
    return {"v": 1, "ts": rfc3339(_CLOCK.wall()), "ts_trusted": True, "boot_id": "strange"}

"""What the door says over MQTT: retained state that is true again after every connect, events, answers, progress.

Belongs to the main thread and never waits: what cannot be sent now is either kept (journal, retained state) or not
worth keeping (progress).
"""

from __future__ import annotations

import logging
import uuid
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from edge.clock import Clock
from edge.errors import StoreError
from edge.mqtt import messages
from edge.mqtt.commands import Reply
from edge.mqtt.link import Link
from edge.mqtt.messages import OFFLINE, ONLINE, encode, event_message, stamp
from edge.mqtt.outbox import Journal, Outbox, letter
from edge.mqtt.topics import Topics
from edge.settings import Settings
from edge.store.journal import JournalRow
from edge.values import Event

_log = logging.getLogger(__name__)

_REST_SECONDS: Final = 10.0


class Publisher:
    """Speaks for one door."""

    def __init__(self, settings: Settings, link: Link, journal: Journal, clock: Clock, boot: str) -> None:
        self.topics = Topics.of(settings)
        self._privacy = settings.mqtt.privacy
        self._link = link
        self._journal = journal
        self._clock = clock
        self._boot = boot
        self._outbox = Outbox(self.topics, self._privacy, clock, boot)
        self._replay: deque[JournalRow] = deque()
        self._retained: dict[str, bytes] = {self.topics.availability: ONLINE}
        self._unsaid: set[str] = set()
        self._generation = 0
        self._rests_until = clock.now()

    def stamp(self) -> dict[str, Any]:
        """The fields every message begins with."""
        return stamp(self._clock, self._boot)

    def state(self, topic: str, payload: bytes) -> None:
        """Let retained `topic` say `payload`, now or as soon as there is a connection."""
        if self._retained.get(topic) != payload:
            self._retained[topic] = payload
            self._unsaid.add(topic)

    def say_again(self, topic: str) -> None:
        """Publish retained `topic` once more, for somebody who has just come."""
        if topic in self._retained:
            self._unsaid.add(topic)

    def camera(self, *, online: bool) -> None:
        self.state(self.topics.camera_availability, ONLINE if online else OFFLINE)

    def image(self, jpeg: bytes) -> None:
        """Show a face to whoever listens now; no bytes take the last one back. Never retained, never sent late."""
        self._link.publish(self.topics.image, jpeg)

    def answer(self, command: str, payload: bytes, reply: Reply | None) -> None:
        """Send an answer to the command's own topic, and to where the sender asked for it."""
        self._link.publish(self.topics.response(command), payload)
        if reply is not None:
            self._link.publish(reply.topic, payload, correlation=reply.correlation)

    def progress(self, command: str, transaction: str, prompt: str, collected: int, wanted: int) -> None:
        told = messages.Progress(
            **self.stamp(), transaction=transaction, prompt=prompt, collected=collected, wanted=wanted
        )
        self._link.publish(self.topics.progress(command), encode(told))

    def unjournalled(self, event: Event) -> None:
        """Tell an event that the journal could not take. Its `seq` is 0, and it is told once or not at all."""
        now = self.stamp()
        row = JournalRow(id=uuid.uuid4().hex, seq=0, kind=event.kind, data=event.data, **now)
        self._link.publish(self.topics.event(row.kind), encode(event_message(row, self._privacy, late=False)))

    @property
    def replaying(self) -> bool:
        """Whether rows that were asked for again are still to be sent."""
        return bool(self._replay)

    def replay(self, rows: Iterable[JournalRow]) -> None:
        """Send `rows` once more as late events, a few with each `step`."""
        self._replay.extend(rows)

    def step(self) -> None:
        """Say what is due: all state after a connect, changed state, journal rows, rows asked for again."""
        if self._generation != self._link.generation:
            self._generation = self._link.generation
            self._unsaid = set(self._retained)
        if not self._link.connected:
            return
        # Events before states: whoever watches reads why before what.
        self._send_journal()
        for topic in sorted(self._unsaid):
            if self._link.publish(topic, self._retained[topic], retain=True) is not None:
                self._unsaid.discard(topic)
        self._replay_some()

    def _send_journal(self) -> None:
        """What was sent but cannot be marked as sent would be sent again at once, and again: rest a while instead."""
        if self._clock.now() < self._rests_until:
            return
        try:
            self._outbox.step(self._link, self._journal)
        except StoreError as error:
            _log.error("events wait: %s", error)
            self._rests_until = self._clock.now() + _REST_SECONDS

    def _replay_some(self) -> None:
        for _ in range(min(16, len(self._replay))):
            topic, payload = letter(self._replay[0], self.topics, self._privacy, late=True)
            if self._link.publish(topic, payload) is None:
                return
            self._replay.popleft()

"""Watches all doors of one broker: their state, their events, what is missing of them, and what cannot be believed.

Belongs to one thread, which calls `hear` for every message and `step` a few times a second. What others read (a Watch)
are frozen views that are replaced whole.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from edge.clock import Clock
from edge.dashboard import gaps
from edge.dashboard.archive import Archive
from edge.dashboard.database import Database
from edge.dashboard.doorkeeping import Door
from edge.dashboard.forgetting import Keeping, forget, prune
from edge.dashboard.hearing import Answer, Heard, State, Told, understand
from edge.dashboard.intake import Intake
from edge.dashboard.values import Connection, DoorView, EventView, Presence, Update
from edge.errors import MessageError, StoreError
from edge.mqtt.messages import SystemEvent

_log = logging.getLogger(__name__)

MOST_DOORS: Final = 64
_MOST_LATEST: Final = 100
_HOUSEKEEPING_SECONDS: Final = 60.0
_HURRY_SECONDS: Final = 1.0
_ROSTER_SECONDS: Final = 30.0
_MOST_ASKED: Final = 256


@dataclass(frozen=True, slots=True)
class Request:
    """A command that only reads, to be published."""

    door: str
    command: str
    transaction: str
    arguments: dict[str, Any] = field(default_factory=dict)


class Watcher:
    """A Watch. `publish` takes what changed, for the pages that are open. Raises StoreError when it is made."""

    def __init__(
        self,
        base: str,
        database: Database,
        keeping: Keeping,
        clock: Clock,
        publish: Callable[[Sequence[Update]], None],
    ) -> None:
        self._base, self._database, self._keeping = base, database, keeping
        self._clock, self._publish = clock, publish
        self._archive = Archive(database)
        self._archive.begin_watching()
        self._intake = Intake(self._archive, clock.now())
        known = self._archive.known().items()
        self._doors = {
            door: Door(door, gaps.Sequence(past.era, past.highest, past.missing), clock.now()) for door, past in known
        }
        self._views = self._all_views()
        self._latest = self._archive.latest(_MOST_LATEST)
        self._connection = Connection(problem="the broker has not answered yet", since=clock.wall())
        self._generation = 0
        self._counts: Counter[str] = Counter()
        self._archive_problem = ""
        self._asked: dict[str, str] = {}
        self._rosters: dict[str, float] = {}
        self._housekeeping_at = clock.now()

    # What pages read, from any thread.

    def doors(self) -> tuple[DoorView, ...]:
        return self._views

    def door(self, door: str) -> DoorView | None:
        return next((one for one in self._views if one.id == door), None)

    def connection(self) -> Connection:
        return self._connection

    def latest(self, count: int) -> tuple[EventView, ...]:
        return self._latest[:count]

    # What the watching thread calls.

    def hear(self, heard: Heard) -> None:
        """Take in one message. What arrives cannot raise here."""
        try:
            said = understand(heard, self._base, self._clock.wall())
        except MessageError as error:
            self._counts["oversized" if error.code == "too_large" else "malformed"] += 1
            _log.debug("not understood: %s", error)
            return
        door = None if said is None else self._known(said.door)
        if said is None or door is None:
            return
        if isinstance(said, State):
            self._hear_state(door, said, retain=heard.retain)
        elif isinstance(said, Told):
            self._hear_event(door, said)
        else:
            self._hear_answer(door, said)

    def step(self, *, connected: bool, problem: str, generation: int, dropped: int) -> list[Request]:
        """Store and show what was heard since the last call; returns what to ask doors for.

        The rest is how the link to the broker is. Call it after `hear` was given all there was.
        """
        now = self._clock.now()
        self._follow_link(connected=connected, generation=generation)
        shown = self._store(now)
        self._keep_house(now)
        told = self._told_connection(connected=connected, problem=problem, dropped=dropped)
        before, self._connection = self._connection, told
        updates: list[Update] = [] if told == before else [told]
        updates += [*shown, *self._refreshed_doors(now)]
        if updates:
            self._publish(updates)
        return [*self._questions(now), *self._roster_questions(now)] if connected else []

    def _follow_link(self, *, connected: bool, generation: int) -> None:
        if self._connection.connected and not connected:
            for door, kept in self._doors.items():
                kept.lose_sight()
                self._note_presence(door, "unknown")
        if generation != self._generation:
            self._generation = generation
            for kept in self._doors.values():
                kept.begin_again()

    def _store(self, now: float) -> list[EventView]:
        shown = self._intake.flush(now)
        for lost in self._intake.lost:
            self._doors[lost.door].sequence.miss(lost.event.seq)
        self._intake.lost.clear()
        if shown:
            fresh = {(one.door, one.id) for one in shown}
            older = [one for one in self._latest if (one.door, one.id) not in fresh]
            self._latest = tuple([*reversed(shown), *older][:_MOST_LATEST])
        return shown

    def _refreshed_doors(self, now: float) -> list[DoorView]:
        """What changed; `info` is long and stays the same, so pages do not get it again and again."""
        changed = [kept for kept in self._doors.values() if kept.refresh(now)]
        if changed:
            self._views = self._all_views()
        return [replace(kept.view, info=None) for kept in changed]

    def _told_connection(self, *, connected: bool, problem: str, dropped: int) -> Connection:
        before, counts = self._connection, self._counts
        same = connected == before.connected
        return Connection(
            connected=connected,
            problem=problem,
            since=before.since if same else self._clock.wall(),
            archive_problem=self._intake.problem or self._archive_problem,
            dropped=dropped,
            malformed=counts["malformed"],
            oversized=counts["oversized"],
            unheard=counts["unheard"],
        )

    def _known(self, door: str) -> Door | None:
        """The door of this name; None when there are too many names already."""
        if door not in self._doors:
            if len(self._doors) >= MOST_DOORS:
                self._counts["unheard"] += 1
                return None
            self._doors[door] = Door(door, gaps.Sequence(), self._clock.now())
            self._views = self._all_views()
        return self._doors[door]

    def _hear_state(self, door: Door, state: State, *, retain: bool) -> None:
        before = door.view.presence
        door.hear_state(state, self._clock.now(), self._clock.wall(), retain=retain)
        if door.view.presence != before:
            self._note_presence(state.door, door.view.presence)
            if door.view.presence == "offline":
                door.sequence.ask_again()

    def _hear_event(self, door: Door, told: Told) -> None:
        if self._intake.seen(told):
            return
        door.hear_event(told, self._clock.now())
        self._intake.offer(told, door.sequence.era)
        if isinstance(told.event, SystemEvent) and told.event.event == "person_deleted":
            self._rosters[told.door] = self._clock.now()

    def _hear_answer(self, door: Door, answer: Answer) -> None:
        """To a question of ours; of others' there are as many as there are dashboards."""
        transaction, response = answer.response.transaction, answer.response
        if transaction is None or self._asked.get(transaction) != answer.door:
            return
        del self._asked[transaction]
        data = response.data or {}
        if answer.command == "person.list" and response.status == "ok":
            self._forget(answer.door, data.get("people"))
        elif answer.command == "events.query" and response.status == "ok":
            count = data.get("count")
            door.sequence.answered(count if isinstance(count, int) else 0)
        elif answer.command == "events.query" and response.error is not None and response.error.retryable:
            door.sequence.ask_again()

    def _forget(self, door: str, people: object) -> None:
        """Who was deleted at the door is forgotten here, too. A person whose references are damaged is in no list."""
        if not isinstance(people, list) or "references_damaged" in self._doors[door].view.problems:
            return
        staying = [
            one["person_id"] for one in people if isinstance(one, dict) and isinstance(one.get("person_id"), str)
        ]
        try:
            forget(self._database, door, staying)
            self._latest = self._archive.latest(_MOST_LATEST)
        except StoreError as error:
            self._archive_problem = str(error)
        else:
            self._rosters.pop(door, None)

    def _questions(self, now: float) -> Iterator[Request]:
        """What is missing, while it could be kept."""
        for door, kept in self._doors.items() if not self._intake.problem else ():
            question = kept.sequence.due(now) if kept.view.presence == "online" else None
            if question is not None:
                limits = {"after_seq": question.after_seq, "limit": question.limit}
                yield self._request(door, "events.query", limits)

    def _roster_questions(self, now: float) -> Iterator[Request]:
        for door, due in self._rosters.items():
            if now >= due and self._doors[door].view.presence == "online":
                self._rosters[door] = now + _ROSTER_SECONDS
                yield self._request(door, "person.list", {})

    def _request(self, door: str, command: str, arguments: dict[str, Any]) -> Request:
        transaction = f"dashboard-{secrets.token_hex(12)}"
        self._asked = dict([*self._asked.items(), (transaction, door)][-_MOST_ASKED:])
        return Request(door, command, transaction, arguments)

    def _note_presence(self, door: str, presence: Presence) -> None:
        try:
            self._archive.presence(door, self._clock.wall(), presence)
        except StoreError as error:
            self._archive_problem = str(error)

    def _keep_house(self, now: float) -> None:
        """Delete what is too old or too much, a part at a time, and remember that somebody was watching."""
        if now < self._housekeeping_at:
            return
        try:
            self._archive.watching(self._clock.wall())
            gone = prune(self._database, self._keeping, self._clock.wall())
            self._archive_problem = ""
        except StoreError as error:
            gone, self._archive_problem = 0, str(error)
        self._housekeeping_at = now + (_HURRY_SECONDS if gone else _HOUSEKEEPING_SECONDS)

    def _all_views(self) -> tuple[DoorView, ...]:
        return tuple(self._doors[door].view for door in sorted(self._doors))

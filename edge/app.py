"""The composition root: opens every room in order, turns the loop, and closes them in reverse.

The main thread owns all state. One turn: commands, one frame through the pipeline, what it leads to, then what there is
to say. A grant is written to the journal before the strike is asked, and is refused when it cannot be.
"""

from __future__ import annotations

import logging
import queue
from contextlib import ExitStack, suppress
from dataclasses import replace
from threading import Event as Flag
from typing import Final

from edge.camera import CameraNotice, open_camera
from edge.clock import Clock, boot_id
from edge.door.strike import CONFIRM_SECONDS, open_strike
from edge.errors import StoreError, StrikeError
from edge.mqtt.credentials import broker_login, standing
from edge.mqtt.embedded import Broker
from edge.mqtt.home_assistant import announcement
from edge.mqtt.link import Link, Wiring
from edge.mqtt.messages import ONLINE, encode
from edge.mqtt.topics import Topics
from edge.pipeline import Pipeline, Step
from edge.service.doorway import Doorway, open_wires
from edge.service.facts import Condition, configuration, info
from edge.service.notify import Notifier
from edge.service.overlay import Caption, draw
from edge.service.portrait import Portraits
from edge.service.preview import Preview
from edge.service.publisher import Publisher
from edge.service.reception import Reception
from edge.service.reembed import renew_references
from edge.service.rooms import Rooms
from edge.service.rule import effective_rule
from edge.service.telling import access_event, system_event
from edge.service.timekeeper import Timekeeper
from edge.service.watchman import Watchman
from edge.settings import Settings
from edge.store.store import open_store
from edge.values import Decision, Event, Frame
from edge.vision.eye import Eye, open_eye

_log = logging.getLogger(__name__)

_TURN_SECONDS: Final = 0.1  # a turn waits no longer for a frame, so that commands and the strike are heard
_COMMANDS_A_TURN: Final = 8
_STATUS_SECONDS: Final = 10.0
_PRUNE_SECONDS: Final = 86_400.0  # each pruning leaves a row that tells of it
_DATE_SECONDS: Final = 3600.0
_CAPTION_SECONDS: Final = 4.0  # how long a decision stays on the preview


def run_door(settings: Settings, clock: Clock, stop: Flag, *, preview: bool) -> None:
    """Work the door until `stop` is set. Raises LimenError when it cannot start; the strike is then off."""
    notifier = Notifier.of_process(clock)  # before any other process is started
    rule = effective_rule(settings)  # before anything is opened: what cannot be decided by should not touch a pin
    with ExitStack() as house:
        # The store's lock comes first: a second daemon must fail before it touches the pin.
        store = house.enter_context(open_store(settings.store, settings.state, clock))
        strike = house.enter_context(open_strike(settings.door, clock, settings.state))
        broker = house.enter_context(Broker(settings, clock)) if settings.mqtt.broker == "embedded" else None
        login = broker.login if broker else broker_login(settings)
        eye = open_eye(settings.vision, settings.models, clock, faces=settings.access.faces)
        window = house.enter_context(Preview(settings.preview.port)) if preview else None
        strike.ready()
        wires = house.enter_context(open_wires(settings, clock))
        topics = Topics.of(settings)
        births = (topics.birth,) if settings.home_assistant.discovery else ()
        link = house.enter_context(Link(login, Wiring.of_door(topics, optional=births), clock))
        camera = house.enter_context(open_camera(settings.camera, clock, settings.path(".")))
        renew_references(store, eye)
        pipeline = Pipeline(eye, rule, store.people(), clock)
        allowed = standing(settings, login)
        door = Door(Rooms(settings, clock, store, strike, eye, pipeline, link, allowed, camera, wires, broker, window))
        _log.info("the door is working%s", f", live picture at {window.address}" if window else "")
        working = f"working the door {settings.door.id}"
        notifier.ready(working)
        while not stop.is_set():
            if door.turn():
                notifier.alive()
            notifier.status(f"{working}; {link.problem}" if link.problem else working)
        notifier.stopping()
        door.farewell()


class Door:
    """All rooms of one door, joined."""

    def __init__(self, rooms: Rooms) -> None:
        self._settings = rooms.settings
        self._clock = rooms.clock
        self._store = rooms.store
        self._strike = rooms.strike
        self._pipeline = rooms.pipeline
        self._link = rooms.link
        self._camera = rooms.camera
        self._broker = rooms.broker
        self._preview = rooms.preview
        self._publisher = Publisher(rooms.settings, rooms.link, rooms.store, rooms.clock, boot_id())
        self._condition = Condition(rooms)
        self._watchman = Watchman(rooms.pipeline, rooms.store, rooms.clock)
        self._timekeeper = Timekeeper(rooms.clock)
        self._reception = Reception(
            rooms,
            self._publisher,
            self._watchman,
            selftest=self._condition.selftest,
            configuration=lambda: configuration(rooms.settings),
        )
        self._status_due = self._prune_due = rooms.clock.now()
        self._decision: Decision | None = None
        self._portraits = Portraits() if rooms.settings.mqtt.image else None
        self._failing = False
        self._full = False
        self._introduce(rooms.eye)
        self._doorway = Doorway(rooms, self._publisher, self._tell)

    def turn(self) -> bool:
        """One turn of the loop; whether it got as far as a door can: a frame looked at, or told that there is none."""
        self._hear_commands()
        self._watchman.hear(self._reception.confirm_enrolment(self._doorway.step()))
        frame = self._camera.take(_TURN_SECONDS)
        step = self._pipeline.step(frame)
        for decision in step.decisions:
            self._act(decision)
        for news in step.enrolment:
            self._reception.enrolment_news(news)
            self._doorway.enrolment_news(news)
        self._show_faces(frame, step)
        self._note_failure(step)
        for event in (*self._timekeeper.step(), *self._watchman.step()):
            self._tell(event)
        if frame is not None:
            self._watch(frame, step)
        self._hear_rooms()
        self._keep_house()
        self._publisher.step()
        if frame is None:
            return self._camera.state not in {"starting", "live"}
        return not step.failed

    def farewell(self) -> None:
        """Lock, and let the retained state be true of a door that is off."""
        if self._strike.state == "UNLOCKED":
            with suppress(StrikeError):  # it is closed next, which locks whatever it says now
                self._strike.lock()
            give_up = self._clock.now() + CONFIRM_SECONDS
            while self._strike.state == "UNLOCKED" and self._clock.now() < give_up:
                self._strike.poll()
                self._clock.sleep(0.01)
        self._hear_strike()
        self._publisher.camera(online=False)
        if self._portraits is not None:
            self._publisher.image(b"")
        self._publisher.step()

    def _introduce(self, eye: Eye) -> None:
        topics, publisher = self._publisher.topics, self._publisher
        publisher.state(topics.info, encode(info(self._settings, eye, self._pipeline.rule, publisher.stamp())))
        if self._settings.home_assistant.discovery:
            publisher.state(topics.discovery, announcement(self._settings))
        publisher.state(topics.lock_state, self._strike.state.encode())
        publisher.camera(online=False)
        if self._store.rolled_back:
            self._tell(system_event("store_rollback", "the people are older than the journal: nobody is trusted"))
        for person_id in self._store.damaged:
            self._tell(system_event("references_damaged", "stored references cannot be read", person_id=person_id))
        for person_id in self._pipeline.gallery.unusable:
            self._tell(system_event("references_of_another_model", "enrol this person again", person_id=person_id))

    def _hear_commands(self) -> None:
        """A few in each turn: a flood of commands must not keep the door from looking."""
        for _ in range(_COMMANDS_A_TURN):
            try:
                incoming = self._link.inbox.get_nowait()
            except queue.Empty:
                return
            if incoming.topic != self._publisher.topics.birth:
                self._reception.handle(incoming)
            elif incoming.payload == ONLINE:
                self._publisher.say_again(self._publisher.topics.discovery)

    def _act(self, decision: Decision) -> None:
        """Journal first, then the strike; what cannot be journalled is not opened."""
        latency_ms = 1000 * (self._clock.now() - decision.frame_at)
        told = access_event(decision, self._pipeline.rule, latency_ms=latency_ms)
        try:
            self._store.journal(told)
        except StoreError as error:
            _log.error("the journal cannot be written: %s", error)
            if decision.verdict == "granted":
                decision = replace(decision, verdict="refused", reason="store_fault")
            outcome = {"verdict": decision.verdict, "reason": decision.reason}
            self._publisher.unjournalled(Event("access", told.data | outcome))
        self._decision = decision
        self._condition.decided(decision.verdict)
        self._doorway.decided(decision)
        if decision.verdict == "granted":
            self._open(decision)

    def _open(self, decision: Decision) -> None:
        try:
            self._strike.pulse(self._settings.door.unlock_seconds, not_after=decision.not_after)
        except StrikeError as error:
            self._tell(system_event("strike_failed", f"visit {decision.visit_id} was granted but not let in: {error}"))
        else:
            self._reception.let_in(decision)

    def _show_faces(self, frame: Frame | None, step: Step) -> None:
        """After all that opens: a picture may be late, and may be missing."""
        if self._portraits is None:
            return
        if frame is not None and step.probe is not None:
            self._portraits.saw(frame, step.probe)
        for decision in step.decisions:
            jpeg = self._portraits.of(decision)
            if jpeg is not None:
                self._publisher.image(jpeg)

    def _hear_rooms(self) -> None:
        self._strike.poll()
        self._hear_strike()
        for notice in self._camera.notices():
            self._note_camera(notice)
        if self._broker is not None and self._broker.revive():
            self._tell(system_event("broker_restarted", "the embedded broker had ended"))

    def _hear_strike(self) -> None:
        for notice in self._strike.notices():
            self._publisher.state(self._publisher.topics.lock_state, notice.state.encode())
            if notice.state == "JAMMED":
                self._tell(system_event("strike_jammed", notice.detail))

    def _note_camera(self, notice: CameraNotice) -> None:
        self._publisher.camera(online=notice.state == "live")
        if notice.state != "starting":
            level = logging.INFO if notice.state == "live" else logging.WARNING
            _log.log(level, "camera %s: %s", notice.state, notice.detail)
            self._tell(system_event(f"camera_{notice.state}", notice.detail))

    def _note_failure(self, step: Step) -> None:
        """One event when frames begin to fail, and one when they work again; not one for each."""
        if step.failed != self._failing and (step.failed or step.probe is not None):
            self._failing = step.failed
            self._tell(system_event("vision_failed" if step.failed else "vision_recovered"))

    def _keep_house(self) -> None:
        now = self._clock.now()
        try:
            if now >= self._status_due:
                self._status_due = now + _STATUS_SECONDS
                status = self._condition.status(self._publisher.stamp())
                self._publisher.state(self._publisher.topics.status, encode(status))
            self._note_full_disk(now)
            if now >= self._prune_due:
                self._prune_due = now + _PRUNE_SECONDS
                self._store.prune()
                self._reception.forget_expired()
                if self._store.today() is None:  # there may be a date to go by long before tomorrow
                    self._prune_due = now + _DATE_SECONDS
        except StoreError as error:
            _log.error("the store cannot be kept: %s", error)

    def _note_full_disk(self, now: float) -> None:
        """Tell once that the disk was full, and once that it is not any more; make room at once."""
        if self._store.disk_was_full != self._full:
            self._full = self._store.disk_was_full
            self._prune_due = now
            word = "store_full" if self._full else "store_recovered"
            self._tell(system_event(word, "the disk was full: its reserve was freed" if self._full else ""))

    def _tell(self, event: Event) -> None:
        """Journal an event; where that fails, say it at once and once."""
        try:
            self._store.journal(event)
        except StoreError as error:
            _log.error("the journal cannot be written: %s", error)
            self._publisher.unjournalled(event)

    def _watch(self, frame: Frame, step: Step) -> None:
        self._condition.saw(frame.at)
        probe = step.probe
        if probe is None:
            return
        self._condition.meter.frame(frame.at, probe.timings)
        if self._preview is not None:
            rule, decision = self._pipeline.rule, self._decision
            if decision is not None and self._clock.now() - decision.at > _CAPTION_SECONDS:
                decision = None
            window = self._pipeline.window
            prompt = f"enrolling: {window.prompt}" if window is not None else None
            if self._pipeline.awaits is not None:
                prompt = "and now the PIN"
            caption = Caption(rule.detection_threshold, rule.verification_threshold, decision, prompt)
            self._preview.show(lambda: draw(frame.image, probe, step.nearest, caption))

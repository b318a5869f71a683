"""Commands -> answers. Takes what came in over MQTT, acts where it may, and answers with the same transaction.

Whatever is refused never acts; what was answered before is answered the same again, and what may change something is
written down as spent before it acts. One enrolment at a time: it is `accepted` at once, guided by progress messages,
and answered a second time when it is over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Literal

from edge.access import enrolment
from edge.access.enrolment import Outcome, Progress
from edge.access.names import clean_name, person_id_for
from edge.access.references import EnrolmentRequest
from edge.errors import EnrolmentError, MessageError, StoreError
from edge.mqtt.arguments import ChallengeArguments, EnrollArguments, PersonArguments, QueryArguments
from edge.mqtt.authority import COMMANDS, readable
from edge.mqtt.commands import AnswerAllowance, Command, Context, Incoming, Refusal, Reply, parse, repeated
from edge.mqtt.keys import Keyring, read_keys
from edge.mqtt.lock_set import NAME as LOCK_SET
from edge.mqtt.lock_set import parse_lock_set
from edge.mqtt.messages import Problem, Response, encode
from edge.mqtt.signed import CHALLENGE_SECONDS, Challenges
from edge.service.publisher import Publisher
from edge.service.remote import Remote
from edge.service.rooms import Rooms
from edge.service.telling import outcome_facts, roster, system_event
from edge.values import Person

_log = logging.getLogger(__name__)

_Facts = Callable[[], dict[str, Any]]


def new_request(
    name: str, person_id: str | None, references: int, transaction: str, *, taken: Collection[str], asked_at: datetime
) -> EnrolmentRequest:
    """An enrolment's request with a clean name and an id nobody has. Raises EnrolmentError."""
    clean = clean_name(name)
    if person_id is not None and person_id in taken:
        raise EnrolmentError(
            "person_exists", f"the id {person_id} is taken: delete that person first, or choose another"
        )
    return EnrolmentRequest(clean, person_id or person_id_for(clean, taken), references, transaction, asked_at)


class Reception:
    """Belongs to the main thread."""

    def __init__(self, rooms: Rooms, publisher: Publisher, *, selftest: _Facts, configuration: _Facts) -> None:
        self._settings = rooms.settings
        self._clock = rooms.clock
        self._store = rooms.store
        self._pipeline = rooms.pipeline
        self._standing = rooms.standing
        self._publisher = publisher
        self._allowance = AnswerAllowance(rooms.clock.now())
        self._challenges = Challenges()
        self._remote = Remote(rooms)
        self._enrolling: Command | None = None
        self._actions: dict[str, Callable[[Command], Response]] = {
            "person.list": self._list_people,
            "person.delete": self._delete_person,
            "enroll": self._enroll,
            "enroll.cancel": self._cancel_enrolment,
            "events.query": self._query_events,
            "challenge": self._challenge,
            "unlock": lambda command: self._ok(command, self._remote.unlock(command)),
            "pin.set": lambda command: self._ok(command, self._remote.set_pin(command)),
            "config.get": lambda command: self._ok(command, configuration()),
            "selftest": lambda command: self._ok(command, selftest()),
        }

    def handle(self, incoming: Incoming) -> None:
        """Answer one message. What arrives cannot raise here; a store that fails is told as `store_fault`."""
        now = self._clock.now()
        wall, trusted = self._clock.wall(), self._clock.trusted()
        context = Context(self._publisher.topics, self._standing, now, wall, trusted, self._keyring())
        if incoming.topic == self._publisher.topics.lock_set:
            self._handle_lock_set(incoming, context)
            return
        parsed = parse(incoming, context)
        if isinstance(parsed, Refusal):
            self._refuse(parsed, now)
            return
        try:
            self._obey_once(parsed, now)
        except StoreError as error:
            if self._enrolling is parsed:
                self._end_enrolment()
            self._tell_store_fault(parsed, error)

    def _obey_once(self, command: Command, now: float) -> None:
        spent = self._store.answer(command.transaction)
        if spent is not None:
            again = repeated(command, spent.digest, spent.answer)
            if isinstance(again, Refusal):
                self._refuse(again, now)
            else:
                self._publisher.answer(command.name, again, command.reply)
            return
        if command.key is not None and command.challenge is not None:
            try:
                self._challenges.spend(command.challenge, command.key.id, now)
            except MessageError as error:
                self._refuse(_refusal(command.name, command.transaction, error, command.reply), now)
                return
        # A kill from here on leaves this answer, and a command that is spent.
        text = "the door stopped while it obeyed: see what came of it before you ask again"
        self._keep(command, self._error(command, "interrupted", text))
        self._keep_and_send(command, self._act(command))

    def _handle_lock_set(self, incoming: Incoming, context: Context) -> None:
        wish = parse_lock_set(incoming, context)
        if isinstance(wish, Refusal):
            self._refuse(wish, context.now)
            return
        try:
            data = self._remote.lock_set(wish)
        except MessageError as error:
            self._refuse(_refusal(LOCK_SET, None, error), context.now)
        except StoreError as error:
            self._refuse(_refusal(LOCK_SET, None, MessageError("store_fault", str(error), retryable=True)), context.now)
        else:
            response = Response(**self._publisher.stamp(), transaction=None, status="ok", data=data)
            self._publisher.answer(LOCK_SET, encode(response), None)

    def _keyring(self) -> Keyring | None:
        try:
            return read_keys(self._settings.state)
        except StoreError as error:
            _log.error("%s", error)
            return None

    def enrolment_news(self, news: Progress | Outcome) -> None:
        """Pass on what an open window has to say; store the person when it is over."""
        command = self._enrolling
        if command is None:
            return
        if isinstance(news, Progress):
            self._publisher.progress(command.name, news.transaction, news.prompt, news.count, news.wanted)
            return
        self._end_enrolment()
        try:
            self._keep_and_send(command, self._conclusion(command, news))
        except StoreError as error:
            self._tell_store_fault(command, error)

    def _act(self, command: Command) -> Response:
        try:
            return self._actions[command.name](command)
        except (MessageError, EnrolmentError) as error:
            return self._error(command, error.code, str(error), retryable=error.retryable)

    def _conclusion(self, command: Command, outcome: Outcome) -> Response:
        if outcome.person is None:
            error = outcome.error or EnrolmentError("no_face", "nobody looked into the camera", retryable=True)
            return self._error(command, error.code, str(error), retryable=error.retryable)
        self._store.add_person(outcome.person, system_event("person_enrolled", person=outcome.person))
        self._pipeline.admit(self._store.people())
        return self._ok(command, outcome_facts(outcome))

    def _enroll(self, command: Command) -> Response:
        arguments = command.arguments
        assert isinstance(arguments, EnrollArguments)
        if self._pipeline.window is not None:
            raise MessageError("busy", "another enrolment is running", retryable=True)
        settings = self._settings.enrolment
        request = new_request(
            arguments.name,
            arguments.person_id,
            arguments.references or settings.references,
            command.transaction,
            taken=self._store.person_ids(),
            asked_at=self._clock.wall(),
        )
        self._pipeline.open_window(enrolment.start(request, self._clock.now(), settings))
        self._enrolling = command
        promise = {"person_id": request.person_id, "wanted": request.references, "seconds": settings.window_seconds}
        return self._response(command, "accepted", promise)

    def _cancel_enrolment(self, command: Command) -> Response:
        cancelled = self._enrolling
        if cancelled is None:
            raise MessageError("no_enrolment", "no enrolment is running")
        self._end_enrolment()
        self._keep_and_send(
            cancelled, self._error(cancelled, "cancelled", "cancelled by enroll.cancel", retryable=True)
        )
        return self._ok(command, {})

    def _end_enrolment(self) -> None:
        self._pipeline.window = None
        self._enrolling = None

    def _list_people(self, command: Command) -> Response:
        return self._ok(
            command, {"people": roster(self._store.people(), self._pipeline.gallery, self._settings.mqtt.privacy)}
        )

    def _delete_person(self, command: Command) -> Response:
        assert isinstance(command.arguments, PersonArguments)
        wanted = command.arguments.person_id
        person = next((one for one in self._store.people() if one.id == wanted), None)
        person = person or Person(wanted, wanted, (), self._clock.wall())
        if not self._store.delete_person(wanted, system_event("person_deleted", person=person)):
            raise MessageError("no_such_person", f"nobody has the id {wanted}")
        self._pipeline.admit(self._store.people())
        return self._ok(command, {"person_id": wanted})

    def _challenge(self, command: Command) -> Response:
        assert isinstance(command.arguments, ChallengeArguments)
        wanted = command.arguments.key
        if wanted is not None:
            key = readable(self._keyring()).find(wanted)
            if key is None:
                raise MessageError("unknown_key", f"the door has no key {wanted}: see `limen keys list`")
        challenge = self._challenges.issue(wanted, self._clock.now())
        return self._ok(command, {"challenge": challenge, "seconds": CHALLENGE_SECONDS})

    def _query_events(self, command: Command) -> Response:
        assert isinstance(command.arguments, QueryArguments)
        if self._publisher.replaying:
            raise MessageError("busy", "events are still being sent to an earlier query", retryable=True)
        rows = self._store.events(command.arguments.after_seq, command.arguments.limit)
        self._publisher.replay(rows)
        return self._ok(command, {"count": len(rows), "last_seq": rows[-1].seq if rows else None})

    def _refuse(self, refusal: Refusal, now: float) -> None:
        _log.warning("refused %s: %s (%s)", refusal.command, refusal.code, refusal.message)
        if refusal.silent or (refusal.transaction is None and not self._allowance.take(now)):
            return
        problem = Problem(code=refusal.code, message=refusal.message, retryable=refusal.retryable)
        response = Response(**self._publisher.stamp(), transaction=refusal.transaction, status="error", error=problem)
        self._publisher.answer(refusal.command, encode(response), refusal.reply)

    def _keep_and_send(self, command: Command, response: Response) -> None:
        """Keep the answer before it is given, so that a command sent again gets the same."""
        try:
            self._keep(command, response)
        except StoreError as error:  # it has acted, and the kept `interrupted` says so to whoever asks again
            _log.error("an answer was given that could not be kept: %s", error)
        self._publisher.answer(command.name, encode(response), command.reply)

    def _keep(self, command: Command, response: Response) -> None:
        """Answers to reads are not kept: asking again harms nobody, and a flood of them must not push out what does."""
        if COMMANDS[command.name].authority != "read":
            self._store.remember(command.transaction, command.digest, encode(response).decode())

    def _tell_store_fault(self, command: Command, error: StoreError) -> None:
        _log.error("%s failed: %s", command.name, error)
        response = self._error(command, "store_fault", str(error), retryable=True)
        self._publisher.answer(command.name, encode(response), command.reply)

    def _ok(self, command: Command, data: dict[str, Any]) -> Response:
        return self._response(command, "ok", data)

    def _response(self, command: Command, status: Literal["ok", "accepted"], data: dict[str, Any]) -> Response:
        return Response(**self._publisher.stamp(), transaction=command.transaction, status=status, data=data)

    def _error(self, command: Command, code: str, message: str, *, retryable: bool = False) -> Response:
        problem = Problem(code=code, message=message, retryable=retryable)
        return Response(**self._publisher.stamp(), transaction=command.transaction, status="error", error=problem)


def _refusal(name: str, transaction: str | None, error: MessageError, reply: Reply | None = None) -> Refusal:
    return Refusal(name, transaction, error.code, str(error), error.retryable, reply)

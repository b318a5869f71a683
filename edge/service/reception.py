"""Commands -> answers. Takes what came in over MQTT, acts where it may, and answers with the same transaction.

Whatever is refused never acts; what was answered before is answered the same again, and what may change something is
written down as spent before it acts. What each command does stands elsewhere: here only that it is done once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal

from msgspec.structs import replace

from edge.access.enrolment import Outcome, Progress
from edge.errors import EnrolmentError, MessageError, StoreError
from edge.mqtt.arguments import ChallengeArguments, QueryArguments
from edge.mqtt.authority import COMMANDS, readable
from edge.mqtt.commands import AnswerAllowance, Command, Context, Incoming, Refusal, Reply, parse, repeated
from edge.mqtt.keys import Keyring, read_keys
from edge.mqtt.lock_set import NAME as LOCK_SET
from edge.mqtt.lock_set import parse_lock_set
from edge.mqtt.messages import Problem, Response, encode
from edge.mqtt.signed import CHALLENGE_SECONDS, Challenges
from edge.service.answers import Action, Promise
from edge.service.enrolling import Enrolling
from edge.service.publisher import Publisher
from edge.service.remote import Remote
from edge.service.roll import Roll
from edge.service.rooms import Rooms
from edge.service.watchman import Watchman
from edge.values import Decision, DoorSignal

_log = logging.getLogger(__name__)

_Facts = Callable[[], dict[str, Any]]


class Reception:
    """Belongs to the main thread."""

    def __init__(
        self, rooms: Rooms, publisher: Publisher, watchman: Watchman, *, selftest: _Facts, configuration: _Facts
    ) -> None:
        self._settings = rooms.settings
        self._clock = rooms.clock
        self._store = rooms.store
        self._standing = rooms.standing
        self._publisher = publisher
        self._allowance = AnswerAllowance(rooms.clock.now())
        self._challenges = Challenges()
        self._remote = Remote(rooms)
        self._roll = Roll(rooms)
        self._enrolling = Enrolling(rooms, publisher, self._answer_later, self._roll.know)
        self._actions: dict[str, Action] = {
            **self._roll.actions,
            **self._enrolling.actions,
            "events.query": self._query_events,
            "challenge": self._challenge,
            "unlock": self._remote.unlock,
            "pin.set": self._remote.set_pin,
            **watchman.actions,
            "config.get": lambda _: configuration(),
            "selftest": lambda _: selftest(),
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
            response = self._store_fault(parsed, error)
            self._publisher.answer(parsed.name, encode(response), parsed.reply)

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
        self._keep_and_send(command, self._act(command, self._actions[command.name]))
        if command.name == "person.delete":
            self._take_back_image()

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

    def let_in(self, decision: Decision) -> None:
        """Somebody's face has opened the door."""
        self._remote.let_in(decision)

    def confirm_enrolment(self, signals: tuple[DoorSignal, ...]) -> tuple[DoorSignal, ...]:
        """Hear whether somebody inside agrees to an enrolment that waits for it; what else the signals may still mean.

        One press agrees to one thing only.
        """
        pressed = any(signal.kind == "confirm" for signal in signals)
        if not pressed or not self._enrolling.confirm(self._clock.now()):
            return signals
        return tuple(signal for signal in signals if signal.kind != "confirm")

    def forget_expired(self) -> None:
        """Forget whose access ended long ago. Raises StoreError."""
        if self._roll.forget_expired():
            self._take_back_image()

    def _take_back_image(self) -> None:
        """The face shown last may be theirs."""
        if self._settings.mqtt.image:
            self._publisher.image(b"")

    def enrolment_news(self, news: Progress | Outcome) -> None:
        """What an open window has to say."""
        self._enrolling.news(news)

    def _answer_later(self, command: Command, action: Action) -> None:
        """Do what is left of a command that was accepted before, and answer it."""
        self._keep_and_send(command, self._act(command, action))

    def _act(self, command: Command, action: Action) -> Response:
        try:
            result = action(command)
        except (MessageError, EnrolmentError) as error:
            return self._error(command, error.code, str(error), retryable=error.retryable)
        except StoreError as error:
            return self._store_fault(command, error)
        if isinstance(result, Promise):
            return self._response(command, "accepted", result.data)
        return self._response(command, "ok", result)

    def _challenge(self, command: Command) -> dict[str, Any]:
        assert isinstance(command.arguments, ChallengeArguments)
        wanted = command.arguments.key
        if wanted is not None:
            key = readable(self._keyring()).find(wanted)
            if key is None:
                raise MessageError("unknown_key", f"the door has no key {wanted}: see `limen keys list`")
        challenge = self._challenges.issue(wanted, self._clock.now())
        return {"challenge": challenge, "seconds": CHALLENGE_SECONDS}

    def _query_events(self, command: Command) -> dict[str, Any]:
        assert isinstance(command.arguments, QueryArguments)
        if self._publisher.replaying:
            raise MessageError("busy", "events are still being sent to an earlier query", retryable=True)
        rows = self._store.events(command.arguments.after_seq, command.arguments.limit)
        self._publisher.replay(rows)
        return {"count": len(rows), "last_seq": rows[-1].seq if rows else None}

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
        """Answers to reads are not kept: asking again harms nobody, and a flood of them must not push out what does.

        Nor is it kept whom the door was told to forget.
        """
        if command.name == "person.delete":
            error = response.error and replace(response.error, message="")
            response = replace(response, data=None, error=error)
        if COMMANDS[command.name].authority != "read":
            self._store.remember(command.transaction, command.digest, encode(response).decode())

    def _store_fault(self, command: Command, error: StoreError) -> Response:
        """Nothing was done."""
        _log.error("%s failed: %s", command.name, error)
        return self._error(command, "store_fault", str(error), retryable=True)

    def _response(self, command: Command, status: Literal["ok", "accepted"], data: dict[str, Any]) -> Response:
        return Response(**self._publisher.stamp(), transaction=command.transaction, status=status, data=data)

    def _error(self, command: Command, code: str, message: str, *, retryable: bool = False) -> Response:
        problem = Problem(code=code, message=message, retryable=retryable)
        return Response(**self._publisher.stamp(), transaction=command.transaction, status="error", error=problem)


def _refusal(name: str, transaction: str | None, error: MessageError, reply: Reply | None = None) -> Refusal:
    return Refusal(name, transaction, error.code, str(error), error.retryable, reply)

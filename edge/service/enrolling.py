"""The enrolment commands: one window at a time, accepted at once, guided by progress, answered again at its end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any

from edge.access import enrolment
from edge.access.enrolment import Outcome, Progress
from edge.access.names import clean_name, person_id_for
from edge.access.references import EnrolmentRequest
from edge.errors import EnrolmentError, MessageError
from edge.mqtt.arguments import EnrollArguments
from edge.mqtt.commands import Command
from edge.mqtt.messages import Privacy
from edge.service.answers import Action, Promise
from edge.service.publisher import Publisher
from edge.service.rooms import Rooms
from edge.service.telling import outcome_facts, system_event
from edge.settings import EnrolmentSettings
from edge.values import Person


def new_request(
    name: str,
    person_id: str | None,
    references: int,
    transaction: str,
    *,
    taken: Collection[str],
    asked_at: datetime,
    consent: bool | None = None,
    minor: bool | None = None,
) -> EnrolmentRequest:
    """An enrolment's request with a clean name and an id nobody has. Raises EnrolmentError."""
    clean = clean_name(name)
    if person_id is not None and person_id in taken:
        raise EnrolmentError(
            "person_exists", f"the id {person_id} is taken: delete that person first, or choose another"
        )
    chosen = person_id or person_id_for(clean, taken)
    return EnrolmentRequest(clean, chosen, references, transaction, asked_at, consent, minor or False)


def require_consent(settings: EnrolmentSettings, *, consent: bool | None) -> None:
    """Raise EnrolmentError unless the person agreed, or nobody asks here."""
    if settings.require_consent and not consent:
        raise EnrolmentError("consent_needed", "consent: this door enrols nobody who has not agreed to it")


def why_not_enrolled(outcome: Outcome, people: Iterable[Person], privacy: Privacy) -> EnrolmentError:
    """The error of an enrolment that came to nothing, with whom it was and which pictures were refused."""
    error = outcome.error
    assert error is not None
    message = str(error)
    known = next((person for person in people if person.id == outcome.known_as), None)
    if known is not None and privacy != "none":
        message += f" as {known.id}" if privacy == "ids" else f" as {known.name} ({known.id})"
    if outcome.refusals:
        message += f" (not usable: {', '.join(f'{count} {word}' for word, count in outcome.refusals.items())})"
    return EnrolmentError(error.code, message, retryable=error.retryable)


class Enrolling:
    """Belongs to the main thread.

    `answer(command, action)` answers the command that opened the window, `know` lets the door know who was enrolled.
    """

    def __init__(
        self,
        rooms: Rooms,
        publisher: Publisher,
        answer: Callable[[Command, Action], None],
        know: Callable[[Person], None],
    ) -> None:
        self._settings = rooms.settings.enrolment
        self._clock = rooms.clock
        self._store = rooms.store
        self._privacy = rooms.settings.mqtt.privacy
        self._pipeline = rooms.pipeline
        self._publisher = publisher
        self._answer = answer
        self._know = know
        self._running: Command | None = None
        self.actions: dict[str, Action] = {"enroll": self._enroll, "enroll.cancel": self._cancel}

    def news(self, news: Progress | Outcome) -> None:
        """Pass on what the open window has to say; store the person when it is over."""
        command = self._running
        if command is None:
            return
        if isinstance(news, Progress):
            self._publisher.progress(command.name, news.transaction, news.prompt, news.count, news.wanted)
            return
        self._close()
        self._answer(command, lambda _: self._conclusion(news))

    def confirm(self, now: float) -> bool:
        """Somebody pressed the button inside; whether a window waited for that."""
        window = self._pipeline.window
        if window is None or window.confirmed:
            return False
        self._pipeline.window = enrolment.confirm(window, now)
        return True

    def _enroll(self, command: Command) -> Promise:
        arguments = command.arguments
        assert isinstance(arguments, EnrollArguments)
        if self._pipeline.window is not None:
            raise MessageError("busy", "another enrolment is running", retryable=True)
        require_consent(self._settings, consent=arguments.consent)
        request = new_request(
            arguments.name,
            arguments.person_id,
            arguments.references or self._settings.references,
            command.transaction,
            taken=self._store.person_ids(),
            asked_at=self._clock.wall(),
            consent=arguments.consent,
            minor=arguments.minor,
        )
        self._pipeline.open_window(enrolment.start(request, self._clock.now(), self._settings))
        self._running = command
        seconds = self._settings.window_seconds
        return Promise({"person_id": request.person_id, "wanted": request.references, "seconds": seconds})

    def _cancel(self, _command: Command) -> dict[str, Any]:
        cancelled = self._running
        if cancelled is None:
            raise MessageError("no_enrolment", "no enrolment is running")
        self._close()
        self._answer(cancelled, _cancelled)
        return {}

    def _close(self) -> None:
        self._pipeline.window = None
        self._running = None

    def _conclusion(self, outcome: Outcome) -> dict[str, Any]:
        if outcome.person is None:
            raise why_not_enrolled(outcome, self._pipeline.gallery.people, self._privacy)
        self._store.add_person(
            outcome.person,
            system_event("person_enrolled", person=outcome.person),
            [crop.pixels for crop in outcome.crops],
        )
        self._know(outcome.person)
        return outcome_facts(outcome, self._pipeline.gallery, self._privacy)


def _cancelled(_command: Command) -> dict[str, Any]:
    raise MessageError("cancelled", "cancelled by enroll.cancel", retryable=True)

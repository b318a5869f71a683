"""Commands to doors: who may give them, sending them one by one in the background, and what came of each."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, Protocol

import msgspec

from edge.clock import Clock
from edge.dashboard.accounts import Accounts
from edge.dashboard.hearing import can_be_counted
from edge.dashboard.services import Refused, Watch
from edge.dashboard.trail import Trail
from edge.dashboard.values import Job, Session, Update
from edge.errors import LimenError, MessageError
from edge.mqtt.messages import Progress, Response

# Every command that can be given from a page. `look`: it only reads; `sign`: it changes something, and is signed.
COMMANDS: Final[dict[str, Literal["look", "sign"]]] = {
    "person.list": "look",
    "reference.list": "look",
    "gallery.audit": "look",
    "selftest": "look",
    "config.get": "look",
    "enroll": "sign",
    "enroll.cancel": "sign",
    "person.set": "sign",
    "person.delete": "sign",
    "reference.delete": "sign",
    "lockout.reset": "sign",
    "pin.set": "sign",
    "unlock": "sign",
}
UNLOCK: Final = "unlock"
_SECRET: Final = {"pin"}
_MOST_AT_ONCE: Final = 8
_MOST_REMEMBERED: Final = 100
_LARGEST_ARGUMENTS: Final = 3000  # a whole command, signed, must fit into 4096 bytes
_LARGEST_ANSWER: Final = 256 * 1024
_LONGEST_PROMPT: Final = 40
_LONGEST_MESSAGE: Final = 500


class Sender(Protocol):
    """The way to the doors. `signs`: whether there is a key to sign with."""

    @property
    def signs(self) -> bool: ...

    def send(
        self, door: str, command: str, arguments: Mapping[str, Any], *, signed: bool
    ) -> Iterator[Progress | Response]:
        """Everything the door says, the final answer last. Raises LimenError when there is none."""


class Operating:
    """An Operator. What is on its way when the process ends is told `interrupted` to nobody: the door goes on alone."""

    def __init__(
        self,
        sender: Sender,
        watch: Watch,
        accounts: Accounts,
        trail: Trail,
        clock: Clock,
        publish: Callable[[Sequence[Update]], None],
        *,
        unlock: bool,
    ) -> None:
        self._sender, self._watch, self._accounts, self._trail = sender, watch, accounts, trail
        self._clock, self._publish, self._unlock = clock, publish, unlock
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def refusal(self, session: Session, command: str, door: str) -> Refused | None:
        return self._refusal_of_session(session, command) or self._refusal_of_door(command, door)

    def _refusal_of_session(self, session: Session, command: str) -> Refused | None:
        kind = COMMANDS.get(command)
        if kind is None:
            return Refused("not_allowed", "no page gives this command")
        if kind == "sign" and session.role != "admin":
            return Refused("not_allowed", "this is for admins")
        if command == UNLOCK and not self._unlock:
            return Refused("unlock_is_off", "unlocking from here is off: dashboard.unlock in config.yaml allows it")
        if kind == "sign" and not self._sender.signs:
            return Refused("no_key", "the dashboard has no key to sign with: see dashboard.key in config.yaml")
        return None

    def _refusal_of_door(self, command: str, door: str) -> Refused | None:
        view = self._watch.door(door)
        if view is None:
            return Refused("no_such_door", f"no door {door} was ever heard")
        facts = view.info.commands.get(command) if view.info else None
        if facts is not None and not facts.allowed:
            return Refused("door_forbids", f"the door does not allow it: {facts.authority} is not in its mqtt.allow")
        return None if view.presence == "online" else Refused("offline", "the door is not online")

    def start(
        self, session: Session, door: str, command: str, arguments: Mapping[str, Any], *, password: str | None = None
    ) -> Job:
        target = _target(door, arguments)
        try:
            self._must_be_allowed(session, command, door, arguments)
            if command == UNLOCK:
                self._must_know_the_password(session, password)
            job = self._begin(session, door, command)
        except Refused as refused:
            self._trail.by(session, command, target, refused.code)
            raise
        self._trail.by(session, command, target, "sent")
        self._remember(job)
        threading.Thread(target=self._follow, args=(job, session, dict(arguments), target), daemon=True).start()
        return job

    def ask(self, session: Session, door: str, command: str, arguments: Mapping[str, Any]) -> Job:
        if COMMANDS.get(command) != "look":
            raise Refused("not_allowed", "only what reads is asked like this")
        self._must_be_allowed(session, command, door, arguments)
        # Pages ask this while they are made: nobody else has to hear of it.
        return self._run(self._begin(session, door, command), dict(arguments))

    def job(self, session: Session, job_id: str) -> Job | None:
        job = self._jobs.get(job_id)
        return job if job is not None and job.login == session.login else None

    def _must_be_allowed(self, session: Session, command: str, door: str, arguments: Mapping[str, Any]) -> None:
        refusal = self.refusal(session, command, door)
        if refusal is not None:
            raise refusal
        if len(msgspec.json.encode(arguments)) > _LARGEST_ARGUMENTS:
            raise Refused("too_large", "this is more than a command can carry")

    def _must_know_the_password(self, session: Session, password: str | None) -> None:
        if not password:
            raise Refused("password_needed", "type your password again to unlock")
        self._accounts.confirm(session, password)

    def _begin(self, session: Session, door: str, command: str) -> Job:
        if not self._slots.acquire(blocking=False):
            raise Refused("busy", "too many commands are on their way: try again in a moment")
        return Job(secrets.token_hex(8), door, command, session.login, self._clock.wall())

    def _follow(self, job: Job, session: Session, arguments: dict[str, Any], target: str) -> None:
        """The life of a job that was started; `target` is what the audit says it is about."""
        done = self._run(job, arguments, self._remember)
        self._trail.by(session, job.command, target, done.code or "ok", done.message or "")

    def _run(self, job: Job, arguments: dict[str, Any], note: Callable[[Job], None] = lambda _: None) -> Job:
        """Send it and follow it to its end; `note` gets every state of it."""
        try:
            signed = COMMANDS[job.command] == "sign"
            for answer in self._sender.send(job.door, job.command, arguments, signed=signed):
                job = _after(job, answer)
                note(job)
        except MessageError as error:
            job = replace(job, state="error", code=error.code, message=str(error))
        except LimenError as error:
            job = replace(job, state="error", code="no_answer", message=str(error))
        finally:
            self._slots.release()
            if job.state == "running":
                job = replace(job, state="error", code="interrupted", message="the answer was not heard to its end")
            note(job)
        return job

    def _remember(self, job: Job) -> None:
        with self._lock:
            self._jobs[job.id] = job
            while len(self._jobs) > _MOST_REMEMBERED:
                self._jobs.popitem(last=False)
        self._publish([job])


def _after(job: Job, answer: Progress | Response) -> Job:
    """The job once this was heard."""
    if not can_be_counted(msgspec.to_builtins(answer)):
        return replace(
            job, state="error", code="malformed", message="there is a number in it that no door of ours says"
        )
    if isinstance(answer, Progress):
        return replace(job, prompt=answer.prompt[:_LONGEST_PROMPT], collected=answer.collected, wanted=answer.wanted)
    data = answer.data or {}
    if len(msgspec.json.encode(data)) > _LARGEST_ANSWER:
        return replace(job, state="error", code="too_large", message="the door's answer is too long to be one of ours")
    if answer.status == "accepted":
        return replace(job, data=data)
    if answer.error is not None:
        return replace(job, state="error", code=answer.error.code, message=answer.error.message[:_LONGEST_MESSAGE])
    return replace(job, state="ok", data=data)


def _target(door: str, arguments: Mapping[str, Any]) -> str:
    """What a command was about, for the audit: no secret, and not all of it."""
    told = (f"{name}={value}" for name, value in arguments.items() if name not in _SECRET)
    return " ".join([door, *told])

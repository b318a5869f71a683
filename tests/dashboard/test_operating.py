"""Commands from pages: who may give which, what is asked first, and what is written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.dashboard.operating import COMMANDS
from edge.dashboard.services import Refused
from edge.dashboard.values import Job, Session
from edge.errors import LimenError, MessageError
from edge.mqtt.authority import COMMANDS as CONTRACT
from edge.mqtt.messages import CommandFacts, Problem, Progress
from tests.dashboard.boards import NOON, Served, answer, info, served, stamped
from tests.edge.brokers import until


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, unlock=True) as running:
        facts = {name: CommandFacts(authority=rule.authority, allowed=True) for name, rule in CONTRACT.items()}
        facts["pin.set"] = CommandFacts(authority="people", allowed=False)
        running.watched.hear("front/info", msgspec.structs.replace(info("front"), commands=facts), retain=True)
        running.watched.hear("front/availability", b"online", retain=True)
        running.watched.hear("away/availability", b"offline", retain=True)
        running.watched.step()
        yield running


def session(role: Any = "admin") -> Session:
    return Session("id", "admin", role, NOON, NOON, NOON, "127.0.0.1", "test")


def finished(board: Served, job: Job) -> Job:
    def now() -> Job:
        found = board.parts.operating.job(session(), job.id)
        assert found is not None
        return found

    until(lambda: now().state != "running", "for the command")
    return now()


def refusal(board: Served, command: str, door: str = "front", role: str = "admin") -> str | None:
    refused = board.parts.operating.refusal(session(role), command, door)
    return None if refused is None else refused.code


def test_what_only_reads_and_what_is_signed_is_as_the_contract_says() -> None:
    for name, kind in COMMANDS.items():
        assert (kind == "look") == (CONTRACT[name].authority == "read"), name
    assert set(CONTRACT) - set(COMMANDS) == {"events.query", "challenge"}


def test_a_viewer_may_look_and_an_admin_may_act(board: Served) -> None:
    assert [name for name in COMMANDS if refusal(board, name, role="viewer") is None] == [
        name for name, kind in COMMANDS.items() if kind == "look"
    ]
    assert [name for name in COMMANDS if refusal(board, name) is not None] == ["pin.set"]
    assert refusal(board, "pin.set") == "door_forbids"
    assert refusal(board, "config.set") == "not_allowed"
    assert refusal(board, "enroll", door="away") == "offline"
    assert refusal(board, "enroll", door="nowhere") == "no_such_door"
    board.sender.signs = False
    assert refusal(board, "enroll") == "no_key"
    assert refusal(board, "selftest") is None


def test_nothing_unlocks_unless_the_local_file_says_so(tmp_path: Path) -> None:
    with served(tmp_path) as board:
        board.watched.hear("front/availability", b"online", retain=True)
        board.watched.step()
        assert refusal(board, "unlock") == "unlock_is_off"
        with board.logged_in() as browser:
            wish = {"arguments": {}, "password": board.password}
            assert browser.post("/doors/front/commands/unlock", json=wish).status_code == 403
        assert board.sender.sent == []


def test_unlocking_wants_the_password_again_each_time(board: Served) -> None:
    board.sender.answers = [answer("t", {"seconds": 5})]
    with board.logged_in() as browser:

        def unlock(**body: Any) -> Any:
            return browser.post("/doors/front/commands/unlock", json={"arguments": {}} | body).json()

        assert unlock()["error"]["code"] == "password_needed"
        assert unlock(password="a wrong guess")["error"]["code"] == "wrong_password"
        assert unlock(password=["a", "list"])["error"]["code"] == "password_needed"
        assert board.sender.sent == []
        job = unlock(password=board.password)
        until(lambda: browser.get(f"/jobs/{job['id']}").json()["state"] == "ok", "for the answer")
    assert board.sender.sent == [("front", "unlock", {}, True)]
    rows = [(row.action, row.target, row.outcome) for row in board.parts.records.audit() if row.action == "unlock"]
    assert rows == [
        ("unlock", "front", "ok"),
        ("unlock", "front", "sent"),
        ("unlock", "front", "password_needed"),
        ("unlock", "front", "wrong_password"),
        ("unlock", "front", "password_needed"),
    ]


def test_guessing_the_password_at_the_lock_is_slowed_down_too(board: Served) -> None:
    codes = []
    for _ in range(7):
        with pytest.raises(Refused) as refused:
            board.parts.operating.start(session(), "front", "unlock", {}, password="a wrong guess")
        codes.append(refused.value.code)
    assert codes == ["wrong_password"] * 5 + ["throttled"] * 2


def test_an_enrolment_is_followed_to_its_end(board: Served) -> None:
    step = {"transaction": "t", "wanted": 10}
    board.sender.answers = [
        answer("t", {"person_id": "ada"}, status="accepted"),
        Progress(**stamped() | step, prompt="hold_still", collected=4),
        answer("t", {"person_id": "ada", "references": 10}),
    ]
    job = finished(board, board.parts.operating.start(session(), "front", "enroll", {"name": "Ada"}))
    assert (job.state, job.prompt, job.collected, job.data["references"]) == ("ok", "hold_still", 4, 10)
    assert board.sender.sent == [("front", "enroll", {"name": "Ada"}, True)]


def test_what_the_door_refuses_is_told_in_its_own_words(board: Served) -> None:
    problem = Problem(code="already_enrolled", message="this face is Grace")
    board.sender.answers = [answer("t", None, status="error", error=problem)]
    job = finished(board, board.parts.operating.start(session(), "front", "enroll", {"name": "Ada"}))
    assert (job.state, job.code, job.message) == ("error", "already_enrolled", "this face is Grace")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (LimenError("no answer"), "no_answer"),
        (MessageError("unknown_key", "who?"), "unknown_key"),
        (None, "interrupted"),
    ],
)
def test_a_command_that_is_not_answered_does_not_stay_open(
    board: Served, fault: LimenError | None, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(*_: object, **__: object) -> Iterator[Any]:
        if fault is not None:
            raise fault
        yield answer("t", {}, status="accepted")

    monkeypatch.setattr(board.sender, "send", send)
    job = finished(board, board.parts.operating.start(session(), "front", "enroll", {"name": "Ada"}))
    assert (job.state, job.code) == ("error", code)


def test_an_answer_that_is_too_long_is_not_kept(board: Served) -> None:
    board.sender.answers = [answer("t", {"people": ["x" * 1000] * 300})]
    assert board.parts.operating.ask(session(), "front", "person.list", {}).code == "too_large"


def test_secrets_do_not_stand_in_the_audit_and_long_arguments_are_not_sent(board: Served) -> None:
    with pytest.raises(Refused):
        board.parts.operating.start(session(), "front", "pin.set", {"pin": "471147114711", "person_id": "ada"})
    with pytest.raises(Refused, match="more than a command can carry"):
        board.parts.operating.start(session(), "front", "enroll", {"name": "x" * 4000})
    told = [f"{row.target} {row.detail}" for row in board.parts.records.audit()]
    assert any("person_id=ada" in row for row in told)
    assert not any("4711" in row for row in told)


def test_only_what_reads_can_be_asked_while_a_page_is_made(board: Served) -> None:
    board.sender.answers = [answer("t", {"people": []})]
    assert board.parts.operating.ask(session("viewer"), "front", "person.list", {}).data == {"people": []}
    with pytest.raises(Refused):
        board.parts.operating.ask(session(), "front", "person.delete", {"person_id": "ada"})


def test_a_command_is_its_givers_alone(board: Served) -> None:
    job = board.parts.operating.start(session(), "front", "enroll.cancel", {})
    other = Session("id", "grace", "admin", NOON, NOON, NOON, "127.0.0.1", "test")
    assert board.parts.operating.job(other, job.id) is None
    with board.logged_in() as browser:
        assert browser.get("/jobs/0123").status_code == 404


def test_the_address_of_a_command_is_not_believed(board: Served) -> None:
    with board.logged_in() as browser:
        assert browser.post("/doors/front%2F..%2Fback/commands/unlock", json={}).status_code in {400, 404}
        assert browser.post("/doors/front/commands/enroll", json={"arguments": []}).status_code == 400
        assert browser.post("/doors/front/commands/no.such", json={}).status_code == 403
        form = browser.post("/doors/front/commands/enroll", data={"arguments": "x"})
        assert form.headers["location"] == "/doors?problem=malformed"

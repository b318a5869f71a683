"""Who gets in, for how long, and what is written down: real sessions in a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from edge.dashboard.services import Refused
from edge.dashboard.values import Session
from tests.dashboard.boards import HandClock, Served, served


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as running:
        yield running


def admin_of(board: Served) -> Session:
    token = board.parts.accounts.log_in("admin", board.password, "127.0.0.1", "test")
    session = board.parts.sessions.find(token)
    assert session is not None
    return session


def told(board: Served) -> list[tuple[str, str, str, str]]:
    """The audit, oldest first: who did what to what, and what came of it."""
    rows = [row for row in board.parts.records.audit() if row.action != "export"]
    return [(row.login, row.action, row.target, row.outcome) for row in reversed(rows)]


def test_the_first_password_is_made_once_and_is_nowhere_in_the_file(tmp_path: Path, board: Served) -> None:
    assert len(board.password) >= 16
    assert board.parts.accounts.first_password() is None
    with board.logged_in() as browser:
        token = browser.cookies[board.parts.site.cookie]
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"$argon2id$" in stored
    assert board.password.encode() not in stored
    assert token.encode() not in stored


def test_the_cookie_is_for_this_server_and_no_script(board: Served) -> None:
    with board.browser() as browser:
        answer = browser.post("/login", data={"name": "admin", "password": board.password})
    words = {word.strip().lower() for word in answer.headers["set-cookie"].split(";")[1:]}
    assert words == {"httponly", "path=/", "samesite=strict"}


def test_a_session_ends_when_it_is_not_used_and_in_any_case_after_half_a_day(tmp_path: Path) -> None:
    clock = HandClock()
    with served(tmp_path, clock=clock) as board, board.logged_in() as used, board.logged_in() as left:
        for _ in range(11):
            clock.pass_by(3600)
            assert used.get("/account").status_code == 200
        assert left.get("/account").status_code == 401, "for eleven hours nobody used it"
        clock.pass_by(3600)
        assert used.get("/account").status_code == 401, "half a day is over"
        assert board.parts.accounts.sessions() == ()


def test_a_clock_that_goes_back_does_not_keep_a_session_alive(tmp_path: Path) -> None:
    clock = HandClock()
    with served(tmp_path, clock=clock) as board, board.logged_in() as browser:
        clock.pass_by(-3600)
        assert browser.get("/account").status_code == 401


def test_logging_out_ends_the_session_and_not_only_the_cookie(board: Served) -> None:
    with board.logged_in() as browser, board.browser() as thief:
        thief.cookies = httpx.Cookies(browser.cookies)
        assert thief.get("/account").status_code == 200
        assert browser.post("/logout").headers["location"] == "/login"
        assert thief.get("/account").status_code == 401


def test_a_wrong_name_and_a_wrong_password_look_the_same(board: Served) -> None:
    with board.browser() as browser:
        answers = [
            browser.post("/login", json={"name": name, "password": "not the password"}) for name in ("admin", "nobody")
        ]
    assert answers[0].status_code == answers[1].status_code == 401
    assert answers[0].text == answers[1].text
    assert ("(unknown)", "login", "", "wrong") in told(board), "what was typed for a name may be a password"


def test_guessing_is_slowed_down_also_over_a_restart(tmp_path: Path) -> None:
    clock = HandClock()
    wrong = {"name": "admin", "password": "a wrong guess"}
    with served(tmp_path, clock=clock) as board, board.browser() as browser:
        password = board.password
        assert browser.post("/login", data=wrong).headers["location"] == "/login?problem=wrong&next=%2F"
        assert [browser.post("/login", json=wrong).status_code for _ in range(6)] == [401] * 4 + [429] * 2
    with served(tmp_path, clock=clock) as board, board.browser() as browser:
        right = {"name": "admin", "password": password}
        answer = browser.post("/login", data=right)
        assert answer.headers["location"] == "/login?problem=throttled&seconds=30&next=%2F"
        clock.pass_by(30)
        assert browser.post("/login", json=wrong).status_code == 401
        clock.pass_by(59)
        assert browser.post("/login", json=right).status_code == 429, "twice as long after a further wrong one"
        clock.pass_by(1)
        assert browser.post("/login", json=right).status_code == 200
        assert browser.post("/login", json=wrong).status_code == 401, "the count began anew"


def test_an_account_is_protected_from_many_addresses_too(board: Served) -> None:
    accounts = board.parts.accounts
    codes = []
    for number in range(22):
        with pytest.raises(Refused) as refused:
            accounts.log_in("admin", "a wrong guess", f"203.0.113.{number}", "")
        codes.append(refused.value.code)
    assert codes == ["wrong"] * 20 + ["throttled"] * 2


def test_a_clock_that_was_set_back_locks_nobody_out_for_ever(tmp_path: Path) -> None:
    clock = HandClock()
    with served(tmp_path, clock=clock) as board:
        for _ in range(9):
            with pytest.raises(Refused):
                board.parts.accounts.log_in("admin", "a wrong guess", "127.0.0.1", "")
        clock.pass_by(-86_400 * 365)
        assert board.parts.accounts.log_in("admin", board.password, "127.0.0.1", "")


def test_where_tries_cannot_be_counted_nobody_gets_in(tmp_path: Path, board: Served) -> None:
    with board.logged_in() as inside, board.browser() as outside:
        other = create_engine(f"sqlite:///{tmp_path}/dashboard.db", isolation_level="AUTOCOMMIT")
        with other.connect() as rival:
            rival.execute(text("BEGIN IMMEDIATE"))
            answer = outside.post("/login", data={"name": "admin", "password": board.password})
            assert answer.headers["location"].startswith("/login?problem=unstored")
            assert inside.get("/account").status_code == 200, "who is in sees what there is"
            rival.execute(text("ROLLBACK"))
        other.dispose()


def test_accounts_are_made_changed_and_ended_by_admins(board: Served) -> None:
    with board.logged_in() as admin:
        made = admin.post("/operators/logins", json={"name": "ada", "role": "viewer"})
        password = made.json()["password"]
        with board.logged_in("ada", password) as ada:
            assert admin.post("/operators/logins/ada/role", json={"role": "admin"}).status_code == 200
            assert ada.get("/account").status_code == 401, "another role, another session"
        with board.logged_in("ada", password) as ada:
            assert ada.get("/operators").status_code == 200
            again = admin.post("/operators/logins/ada/password", json={}).json()["password"]
            assert ada.get("/account").status_code == 401
        with board.logged_in("ada", again) as ada:
            assert admin.post("/operators/logins/ada/delete", data={}).headers["location"] == "/operators?done=1"
            assert ada.get("/account").status_code == 401
        mistakes = {
            "no_such_login": admin.post("/operators/logins/ada/delete", json={}),
            "last_admin": admin.post("/operators/logins/admin/delete", json={}),
            "bad_name": admin.post("/operators/logins", json={"name": "A b", "role": "viewer"}),
            "bad_role": admin.post("/operators/logins", json={"name": "x", "role": "root"}),
            "name_taken": admin.post("/operators/logins", json={"name": "admin", "role": "viewer"}),
        }
        assert {code: answer.json()["error"]["code"] for code, answer in mistakes.items()} == {c: c for c in mistakes}
        demoted = admin.post("/operators/logins/admin/role", data={"role": "viewer"})
        assert demoted.headers["location"] == "/operators?problem=last_admin"
    done = [row[1:] for row in told(board) if row[1].startswith("login.")]
    assert ("login.create", "ada viewer", "ok") in done
    assert ("login.delete", "admin", "last_admin") in done


def test_ones_own_password_is_changed_by_who_knows_it(board: Served) -> None:
    new = "correct horse battery"
    with board.logged_in() as here, board.logged_in() as elsewhere:
        wrong = here.post("/password", json={"current": "a wrong guess", "new": new})
        assert wrong.json()["error"]["code"] == "wrong_password"
        short = here.post("/password", json={"current": board.password, "new": "short"})
        assert short.json()["error"]["code"] == "bad_password"
        assert (
            here.post("/password", data={"current": board.password, "new": new}).headers["location"]
            == "/account?done=1"
        )
        assert here.get("/account").status_code == 200
        assert elsewhere.get("/account").status_code == 401
    with board.logged_in("admin", new):
        pass


def test_sessions_are_listed_and_ended_one_by_one(board: Served) -> None:
    with board.logged_in() as here, board.logged_in(**{"user-agent": "a phone"}) as phone:
        listed = {one.agent: one for one in board.parts.accounts.sessions()}
        assert here.post(f"/operators/sessions/{listed['a phone'].id}/revoke", json={}).status_code == 200
        assert phone.get("/account").status_code == 401
        again = here.post(f"/operators/sessions/{listed['a phone'].id}/revoke", json={})
        assert again.json()["error"]["code"] == "no_such_session"


def test_what_was_done_is_written_down_with_whom_and_from_where(board: Served) -> None:
    session = admin_of(board)
    board.parts.accounts.log_out(session)
    (out, into) = board.parts.records.audit()[:2]
    assert (into.action, into.login, into.address, into.outcome) == ("login", "admin", "127.0.0.1", "ok")
    assert (out.action, out.login) == ("logout", "admin")
    assert board.parts.records.audit(before=out.number)[0] == into

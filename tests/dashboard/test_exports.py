"""Everything a search finds, as a file for programs and for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from edge.dashboard.export import as_csv, as_json
from edge.dashboard.queries import LARGEST_PAGE
from tests.dashboard.boards import NOON, Served, served, visit
from tests.dashboard.test_archive import HOSTILE


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("board")) as running:
        names = [*HOSTILE, "-1+1", "+49 30", "@import", "\uff1dx"]
        running.watched.visits(*(visit(n + 1, person=name, person_id=f"p{n}") for n, name in enumerate(names)))
        many = (visit(n, NOON - timedelta(minutes=n), late=True, similarity=-0.25) for n in range(100, 600))
        running.watched.visits(*many, door="back", topic="event/backfill")
        yield running


def test_a_json_export_is_everything_that_was_found_as_it_was_sent(board: Served) -> None:
    with board.logged_in() as browser:
        answer = browser.get("/events.json?door=front")
    assert answer.headers["content-type"] == "application/json"
    assert 'filename="limen-events.json"' in answer.headers["content-disposition"]
    assert {event["name"] for event in json.loads(answer.text)} >= set(HOSTILE)


def test_no_cell_of_a_csv_export_is_a_formula(board: Served) -> None:
    with board.logged_in() as browser:
        rows = list(csv.DictReader(io.StringIO(browser.get("/events.csv?door=front").text, newline="")))
    names = {row["name"] for row in rows}
    assert {"'=cmd|' /C calc'!A0", "'-1+1", "'+49 30", "'@import", "'\uff1dx", "<script>alert(1)</script>"} <= names
    assert not any(name.startswith(("=", "+", "-", "@", "\t", "\r")) for name in names)
    assert rows[0]["similarity"] == "0.8"


def test_an_export_has_all_pages_and_numbers_stay_numbers(board: Served) -> None:
    with board.logged_in() as browser:
        rows = list(csv.DictReader(io.StringIO(browser.get("/events.csv?door=back&limit=1").text)))
    assert len(rows) == 500 > 2 * LARGEST_PAGE
    assert len({row["id"] for row in rows}) == 500
    assert {row["similarity"] for row in rows} == {"-0.25"}
    assert rows[0]["marks"] == "late"


def test_an_export_is_written_down_and_a_wrong_query_is_told(board: Served) -> None:
    with board.logged_in() as browser:
        assert browser.get("/events.csv?verdict=maybe").json()["error"]["code"] == "bad_query"
        browser.get("/events.json?person=p1")
    row = next(row for row in board.parts.records.audit() if row.action == "export")
    assert (row.login, row.target, row.detail) == ("admin", "events.json", "person=p1")


def test_an_export_of_nothing_is_still_a_file() -> None:
    assert json.loads(b"".join(as_json(iter(())))) == []
    assert b"".join(as_csv(iter(()))).startswith(b'"number","door"')

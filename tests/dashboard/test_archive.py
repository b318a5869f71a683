"""What is kept, found again and forgotten: a real SQLite file."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import and_, event, text, true

from edge.dashboard.database import FILE, Database
from edge.dashboard.forgetting import Keeping, prune
from edge.dashboard.queries import query_of
from edge.dashboard.records import page
from edge.dashboard.schema import events, millis
from edge.dashboard.services import Refused
from edge.dashboard.values import Query
from edge.errors import ConfigError, StoreError
from tests.dashboard.boards import NOON, Watched, notice, visit, watched

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "Robert'); DROP TABLE events;--",
    "=cmd|' /C calc'!A0",
    "\u202egnirts desrever\u202c",
    "a\u0000b\nc\r\td",
    "%27%20OR%201=1",
    "100%_wild",
    "\U0001f6aa" * 40,
]


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Watched]:
    with watched(tmp_path) as watching:
        yield watching


@pytest.fixture
def busy(one: Watched) -> Watched:
    """Three days at two doors: Ada and Grace come in, strangers do not."""
    for number in range(1, 61):
        at = NOON - timedelta(hours=72 - number)
        if number % 3 == 0:
            who = visit(number, at, verdict="refused", similarity=0.2 + number / 1000)
        else:
            name = "Ada" if number % 2 else "Grace Hopper"
            who = visit(
                number, at, person=name, person_id=name.split(maxsplit=1)[0].lower(), similarity=0.6 + number / 1000
            )
        one.hear(f"{'front' if number <= 40 else 'back'}/event/backfill", who)
    one.hear("front/event/system", notice(100, "camera_lost"))
    one.step()
    return one


def test_only_its_user_can_read_the_file(tmp_path: Path, one: Watched) -> None:
    one.visits(visit(1))
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob(f"{FILE}*")} == {0o600}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_come_back_as_the_text_they_are(one: Watched, name: str) -> None:
    one.visits(visit(1, person=name))
    one.visits(visit(2, person="Somebody else", person_id="else"))
    (found,) = one.records.events(Query(person=name)).events
    assert found.name == name
    assert {person.name for person in one.records.people()} == {name, "Somebody else"}


def test_every_filter_finds_what_it_says(busy: Watched) -> None:
    def total(query: Query) -> int:
        return busy.records.events(query).total

    assert total(Query()) == 61
    assert total(Query(door="back")) == 20
    assert total(Query(kind="system")) == 1
    assert total(Query(verdict="refused")) == total(Query(word="unknown")) == 20
    assert total(Query(person="grace")) == total(Query(person="HOPPER")) == 20
    assert total(Query(person="ada", verdict="granted")) == 20
    assert total(Query(person="ada")) == 40, "those she was let in, and those that resembled her"
    assert total(Query(person="nobody")) == 0
    begin = NOON - timedelta(hours=71)
    assert total(Query(since=begin, until=begin + timedelta(hours=1))) == 1, "the end itself is not in it"


def test_pages_follow_each_other_without_hole_or_double(busy: Watched) -> None:
    for query in (Query(limit=7), Query(limit=7, door="front"), Query(limit=7, person="ada")):
        seen: list[int] = []
        cursor = None
        while True:
            part = busy.records.events(Query(query.door, person=query.person, before=cursor, limit=7))
            seen += [event.number for event in part.events]
            cursor = part.next
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == part.total
    times = [event.at for event in busy.records.events(Query(limit=200)).events]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (Query(), "events_by_time"),
        (Query(since=NOON, until=NOON + timedelta(days=1)), "events_by_time"),
        (Query(before="1733000000000.7"), "events_by_time"),
        (Query(door="front", since=NOON), "events_by_door"),
        (Query(verdict="refused", since=NOON), "events_by_verdict"),
        (Query(word="dwell"), "events_by_word"),
        (Query(person="ada"), "events_by_person"),
    ],
)
def test_no_page_reads_all_events(busy: Watched, query: Query, index: str) -> None:
    wanted = and_(true(), busy.records._matching(query))
    with busy.database.read() as connection:
        statement = page(wanted, query.before, 50).compile(connection.engine, compile_kwargs={"literal_binds": True})
        plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
    assert any(index in step for step in plan), plan
    assert not any(step.startswith("SCAN events") and "INDEX" not in step for step in plan), plan
    if query.person is None:
        assert not any("TEMP B-TREE" in step for step in plan), plan


def test_charts_are_counted_without_reading_an_event(busy: Watched) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(
        busy.database._engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, parameters, *_: asked.append((statement, parameters)),
    )
    busy.records.statistics(Query())
    counting = [one for one in asked if "FROM events" in one[0]]
    assert len(counting) >= 4
    with busy.database.read() as connection:
        for statement, parameters in counting:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            found = "SEARCH events USING"
            assert any(step.startswith(found) and ("COVERING" in step or "LIMIT" in statement) for step in plan), plan


def test_statistics_count_visits_by_hour_reason_person_and_latency(busy: Watched) -> None:
    begin = NOON - timedelta(hours=72)
    found = busy.records.statistics(Query(since=begin, until=NOON))
    assert found.bucket_seconds == 3600
    assert len(found.visits) == 72
    assert sum(bucket.granted for bucket in found.visits) == 40
    assert found.visits[1].start == begin + timedelta(hours=1)
    assert (found.visits[1].granted, found.visits[3].refused) == (1, 1)
    assert found.refusals == (("unknown", 20),)
    assert found.granted == (("verified", 40),)
    assert (found.latency.count, found.latency.p50, found.latency.p99) == (60, 40.0, 40.0)
    ada = next(one for one in found.similarities if (one.door, one.person_id) == ("front", "ada"))
    assert (sum(ada.granted), sum(ada.refused)) == (13, 13)
    assert (ada.threshold, ada.name, ada.lowest) == (0.53, "Ada", 0.6)
    assert len(ada.granted) == len(found.edges) - 1
    assert found.edges[ada.granted.index(max(ada.granted))] == pytest.approx(0.6, abs=0.051)
    assert ada.near == 0.0


def test_statistics_of_nothing_are_empty_and_long_spans_are_counted_by_day(one: Watched) -> None:
    assert one.records.statistics(Query()).latency.count == 0
    found = one.records.statistics(Query(since=NOON - timedelta(days=300), until=NOON))
    assert found.bucket_seconds == 86_400
    assert one.records.statistics(Query(since=datetime(1990, 1, 1, tzinfo=UTC))).visits


def test_uptime_is_the_share_of_the_time_that_somebody_watched(tmp_path: Path) -> None:
    with watched(tmp_path) as first:
        start = first.clock.wall()
        first.hear("front/availability", b"online", retain=True)
        first.step(60)
        first.hear("front/availability", b"offline", retain=True)
        first.step(20)
        first.step(100)
        clock = first.clock
    clock.pass_by(20)  # the dashboard was killed here, and nobody watched
    with watched(tmp_path, clock=clock) as again:
        again.hear("front/availability", b"online", retain=True)
        (found,) = again.records.statistics(Query(since=start, until=clock.wall() + timedelta(seconds=0))).uptime
        assert found.door == "front"
        assert found.online == pytest.approx(60 / 200)
        assert found.offline == pytest.approx(120 / 200)


def test_too_many_events_cost_the_loudest_door_its_oldest(one: Watched) -> None:
    one.visits(*(visit(number) for number in range(1, 6)))
    one.visits(*(visit(number, NOON + timedelta(seconds=number)) for number in range(1, 31)), door="loud")
    while prune(one.database, Keeping(rows=20), NOON):
        pass
    assert one.records.events(Query(door="front")).total == 5
    kept = one.records.events(Query(door="loud"))
    assert (kept.total, kept.events[0].seq, kept.events[-1].seq) == (15, 30, 16)


def test_what_is_too_old_goes(one: Watched) -> None:
    long_ago, grace = NOON - timedelta(days=40), {"person": "Grace", "person_id": "grace"}
    one.visits(visit(1, long_ago, late=True), visit(2, late=True, **grace), topic="event/backfill")
    assert len(one.records.people()) == 2
    assert prune(one.database, Keeping(days=30), NOON) == 1
    assert [event.seq for event in one.records.events(Query()).events] == [2]
    assert [person.name for person in one.records.people()] == ["Grace"], "no name stays without an event"


def test_the_watcher_prunes_by_itself(tmp_path: Path) -> None:
    with watched(tmp_path, rows=10) as one:
        one.visits(*(visit(number) for number in range(1, 31)))
        one.step(61)
        one.step(2)
        assert one.records.events(Query()).total == 10


def test_a_full_disk_is_told_and_nothing_that_was_kept_is_lost(one: Watched) -> None:
    one.visits(visit(1))

    def full(connection: object, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]

    event.listen(one.database._engine, "checkout", lambda connection, record, _proxy: full(connection, record))
    one.visits(*(visit(number, reason="x" * 60) for number in range(2, 400)))
    assert "full" in one.watcher.connection().archive_problem
    assert len(one.shown()) == 399
    assert one.records.events(Query()).total == 1
    with pytest.raises(StoreError, match="full"), one.database.write() as connection:
        connection.execute(text("CREATE TABLE more (x)"))


def test_what_cannot_be_opened_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"dashboard\.database"):
        Database(tmp_path, "nonsense://user:secret@host")
    with pytest.raises(ConfigError) as told:
        Database(tmp_path, "no url at all secret")
    assert "secret" not in str(told.value)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"dashboard\.directory"):
        Database(tmp_path / "file" / "deeper")
    (tmp_path / FILE).write_bytes(b"this is no database, and long enough to be taken for one" * 30)
    with pytest.raises(StoreError, match="not a database"):
        Database(tmp_path)


def test_the_query_in_an_address_is_looked_at(one: Watched) -> None:
    asked = {"door": "front", "verdict": "refused", "person": "A", "since": "2026-11-22", "limit": "7", "kind": ""}
    query = query_of(asked)
    assert (query.door, query.verdict, query.person, query.limit, query.kind) == ("front", "refused", "A", 7, None)
    assert query.since is not None
    assert query.since.tzinfo is not None
    bad = [
        {"door": "../x"},
        {"verdict": "maybe"},
        {"kind": "x"},
        {"since": "soon"},
        {"until": "9999-12-31T23:59-23:00"},
    ]
    bad += [{"limit": "0"}, {"limit": "9999"}, {"limit": "\u0663"}, {"before": "1; DROP"}, {"person": "x" * 201}]
    for wrong in bad:
        with pytest.raises(Refused, match=next(iter(wrong))):
            query_of(wrong)
    assert millis(NOON) == 1_796_126_400_000
    assert one.records.events(query_of({"before": "999999999999999.999999999999999999"})).total == 0
    assert events.c.at is not None

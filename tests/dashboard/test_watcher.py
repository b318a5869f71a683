"""Doors as the watcher tells them: timelines of messages in, views and questions out; a real database, no broker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from edge.dashboard.hearing import SKEW_SECONDS
from edge.dashboard.values import Query
from edge.dashboard.watcher import MOST_DOORS
from tests.dashboard.boards import NOON, Watched, answer, info, notice, status, visit, watched


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Watched]:
    """A watcher of one broker, where the front door is online."""
    with watched(tmp_path) as watching:
        watching.hear("front/availability", b"online", retain=True)
        watching.step()
        yield watching


def test_a_door_is_what_its_topics_say(one: Watched) -> None:
    one.hear("front/lock/state", b"UNLOCKED", retain=True)
    one.hear("front/door/state", b"open", retain=True)
    one.hear("front/camera/availability", b"online", retain=True)
    one.hear("front/status", status(temperature_celsius=51.0, problems=("camera_frozen",)), retain=True)
    one.step()
    door = one.door
    assert (door.presence, door.lock, door.contact, door.camera) == ("online", "UNLOCKED", "open", "online")
    assert (door.fps, door.latency_p50, door.temperature_celsius) == (15.0, 9.0, 51.0)
    assert door.problems == ("camera_frozen",)
    assert one.watcher.connection().connected


def test_one_event_is_shown_and_kept_once_however_often_it_comes(one: Watched) -> None:
    one.visits(visit(1), visit(1))
    one.visits(visit(1))
    one.visits(visit(1, late=True), topic="event/backfill")
    assert [event.id for event in one.shown()] == ["event-1"]
    assert one.records.events(Query()).total == 1
    assert one.watcher.latest(10)[0].why == "9 of 10 references were similar enough, in 3 of the last 3 pictures."


def test_it_is_still_known_after_a_restart(tmp_path: Path) -> None:
    with watched(tmp_path) as first:
        first.visits(visit(1), visit(2))
    with watched(tmp_path) as again:
        assert [event.seq for event in again.watcher.latest(10)] == [2, 1]
        again.visits(visit(2), visit(3))
        assert [event.seq for event in again.shown()] == [3]
        assert [door.id for door in again.watcher.doors()] == ["front"]
        assert again.door.presence == "unknown"


def test_one_door_cannot_hide_the_event_of_another_behind_its_id(one: Watched) -> None:
    one.visits(visit(1, person="Mallory"), door="back")
    one.visits(visit(1))
    assert [(event.door, event.name) for event in one.shown()] == [("back", "Mallory"), ("front", "Ada")]


def test_a_gap_is_asked_for_once_and_back_filled(one: Watched) -> None:
    one.visits(visit(1), visit(4))
    assert one.door.gaps == 2
    assert one.step(1) == []
    (request,) = one.step(5)
    assert (request.door, request.command, request.arguments) == ("front", "events.query", {"after_seq": 1, "limit": 2})
    one.hear("front/response/events.query", answer(request.transaction, {"count": 2}))
    one.visits(visit(2, late=True), visit(3, late=True), topic="event/backfill")
    assert one.door.gaps == 0
    assert [event.marks for event in one.shown()] == [(), (), ("late",), ("late",)]
    assert [one.step(60) for _ in range(5)] == [[]] * 5


def test_what_the_door_has_no_more_stays_a_gap_and_is_not_asked_for_again(one: Watched) -> None:
    one.visits(visit(1), visit(4))
    (request,) = one.step(5)
    one.hear("front/response/events.query", answer("somebody-elses", {"count": 7}))
    one.hear("front/response/events.query", answer(request.transaction, {"count": 0}))
    assert [one.step(60) for _ in range(5)] == [[]] * 5
    assert one.door.gaps == 2


def test_events_of_while_nobody_watched_are_found_by_the_head_in_the_status(tmp_path: Path) -> None:
    with watched(tmp_path) as first:
        first.visits(visit(1), visit(2))
    with watched(tmp_path) as again:
        again.hear("front/availability", b"online", retain=True)
        again.hear("front/status", status(head=5), retain=True)
        again.step()
        assert again.door.gaps == 3
        assert [request.arguments for request in again.step(5)] == [{"after_seq": 2, "limit": 3}]


def test_a_gap_inside_survives_a_restart(tmp_path: Path) -> None:
    with watched(tmp_path) as first:
        first.visits(visit(1), visit(4))
    with watched(tmp_path) as again:
        again.hear("front/availability", b"online", retain=True)
        assert [request.arguments for request in again.step()] == [{"after_seq": 1, "limit": 2}]


def test_a_door_that_is_away_is_asked_when_it_comes_back(one: Watched) -> None:
    one.visits(visit(1), visit(4))
    one.hear("front/availability", b"offline", retain=True)
    assert one.step(60) == []
    one.hear("front/availability", b"online", retain=True)
    assert len(one.step(1)) == 1


def test_a_lost_connection_is_shown_at_once_and_nothing_is_believed_any_more(one: Watched) -> None:
    one.hear("front/lock/state", b"LOCKED", retain=True)
    one.step()
    one.published.clear()
    one.link |= {"connected": False, "problem": "no broker listens"}
    one.step(0.1)
    assert (one.door.presence, one.door.camera, one.door.lock) == ("unknown", "unknown", "LOCKED")
    assert one.watcher.connection().problem == "no broker listens"
    assert len(one.published) == 2, "the door and the connection"
    one.link |= {"connected": True, "problem": "", "generation": 2}
    one.hear("front/availability", b"online", retain=True)
    one.step(0.1)
    assert one.door.presence == "online"
    assert one.watcher.connection().since == one.clock.wall()


def test_a_clock_that_is_wrong_is_told_of_the_door(one: Watched) -> None:
    one.hear("front/status", status(0, NOON), retain=True)
    one.hear("front/status", status(0, NOON + timedelta(seconds=SKEW_SECONDS + 5)), retain=True)
    one.step()
    assert one.door.problems == ("clock_skewed",)
    assert one.door.clock_skew_seconds == SKEW_SECONDS + 5
    one.hear("front/status", status(0, NOON), retain=True)
    one.step()
    assert one.door.problems == ()


def test_what_the_broker_kept_is_not_a_sign_of_life(one: Watched) -> None:
    long_ago = NOON - timedelta(hours=3)
    one.hear("front/status", status(0, long_ago), retain=True)
    one.step()
    assert one.door.last_seen == long_ago
    assert one.door.clock_skew_seconds is None
    one.step(40)
    assert one.door.problems == ("silent",)
    one.hear("front/status", status(0, one.clock.wall()), retain=True)
    one.step()
    assert (one.door.last_seen, one.door.problems) == (one.clock.wall(), ())


def test_a_door_that_calls_itself_by_another_name_is_marked(one: Watched) -> None:
    one.hear("front/info", info("back"), retain=True)
    one.step()
    assert one.door.problems == ("wrong_id",)
    assert one.watcher.door("back") is None
    one.hear("front/info", info("front"), retain=True)
    one.step()
    assert one.door.problems == ()


def test_what_cannot_be_read_is_counted_and_disturbs_nobody(one: Watched) -> None:
    one.hear("front/event/access", b"{")
    one.hear("front/event/access", b"x" * 10_000)
    one.hear("front/lock/state", b"BROKEN")
    one.visits(visit(1))
    counted = one.watcher.connection()
    assert (counted.malformed, counted.oversized) == (2, 1)
    assert len(one.shown()) == 1


def test_made_up_doors_do_not_fill_the_memory(one: Watched) -> None:
    for number in range(3 * MOST_DOORS):
        one.hear(f"door-{number}/availability", b"online", retain=True)
    one.step()
    assert len(one.watcher.doors()) == MOST_DOORS
    assert one.watcher.connection().unheard == 2 * MOST_DOORS + 1


def test_info_is_kept_but_not_sent_to_pages_again_and_again(one: Watched) -> None:
    one.hear("front/info", info("front"), retain=True)
    one.step()
    assert one.door.info is not None
    told = [update for update in one.published if update == one.door]
    assert told == []


def test_a_journal_that_begins_again_is_no_gap(one: Watched) -> None:
    one.visits(visit(1), visit(2), visit(3))
    one.visits(visit(1, id="new-1"), visit(2, id="new-2"))
    assert [event.seq for event in one.shown()] == [1, 2, 3, 1, 2]
    assert one.door.gaps == 0


def test_while_the_database_is_locked_events_are_shown_and_kept_later(tmp_path: Path, one: Watched) -> None:
    other = create_engine(f"sqlite:///{tmp_path}/dashboard.db", isolation_level="AUTOCOMMIT")
    with other.connect() as rival:
        rival.execute(text("BEGIN EXCLUSIVE"))
        one.visits(visit(1))
        assert "locked" in one.watcher.connection().archive_problem
        one.visits(visit(2), visit(1))
        rival.execute(text("COMMIT"))
    other.dispose()
    assert [(event.id, event.number, event.marks) for event in one.shown()] == [
        ("event-1", 0, ("unstored",)),
        ("event-2", 0, ("unstored",)),
    ]
    one.step(6)
    assert one.watcher.connection().archive_problem == ""
    assert [event.number for event in one.shown()[2:]] == [1, 2]
    assert [event.marks for event in one.watcher.latest(10)] == [(), ()]
    assert one.records.events(Query()).total == 2


def test_what_is_too_much_for_the_memory_meanwhile_is_asked_for_again(tmp_path: Path, one: Watched) -> None:
    other = create_engine(f"sqlite:///{tmp_path}/dashboard.db", isolation_level="AUTOCOMMIT")
    with other.connect() as rival:
        rival.execute(text("BEGIN EXCLUSIVE"))
        one.visits(*(visit(number) for number in range(1, 2011)))
        rival.execute(text("ROLLBACK"))
    other.dispose()
    assert [request.arguments for request in one.step(6)] == [{"after_seq": 0, "limit": 10}]
    assert one.records.events(Query()).total == 2000
    late = [visit(number, late=True) for number in range(1, 11)]
    one.visits(*late, topic="event/backfill")
    assert one.records.events(Query()).total == 2010


def test_whoever_a_door_deletes_is_forgotten_here_too(one: Watched) -> None:
    one.visits(visit(1), visit(2, person="Grace", person_id="grace"), visit(3, verdict="refused"))
    one.visits(visit(1), door="back")
    one.hear("front/event/system", notice(4, "person_deleted", person_id="erased-1"))
    (request,) = one.step()
    assert (request.door, request.command) == ("front", "person.list")
    one.hear("front/response/person.list", answer(request.transaction, {"people": [{"person_id": "grace"}]}))
    one.step()
    found = {(event.door, event.seq): (event.name, event.person_id) for event in one.records.events(Query()).events}
    assert found["front", 1] == found["front", 3] == (None, "erased")
    assert found["front", 2] == ("Grace", "grace")
    assert found["back", 1] == ("Ada", "ada")
    assert "Ada" not in {event.name for event in one.watcher.latest(10) if event.door == "front"}
    assert one.step(3600) == []


def test_nobody_is_forgotten_over_a_list_that_may_not_be_whole(one: Watched) -> None:
    one.hear("front/status", status(problems=("references_damaged",)), retain=True)
    one.visits(visit(1))
    one.hear("front/event/system", notice(2, "person_deleted"))
    (request,) = one.step()
    one.hear("front/response/person.list", answer(request.transaction, {"people": []}))
    assert one.records.events(Query(person="ada")).total == 1


def test_a_flood_is_bounded_and_what_matters_stays_visible(one: Watched) -> None:
    for number in range(11_000):
        one.hear("loud/event/access", visit(number + 1))
    one.visits(visit(1))
    assert one.watcher.latest(1)[0].door == "front"
    assert len(one.watcher.latest(20_000)) == 100
    assert len(one.watcher._intake._seen) == 10_000

"""What a person reads of an event, a door and a command."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from edge.dashboard.story import bars, shown, tell
from edge.dashboard.told import connection_said, door_state, job_state, told
from edge.dashboard.values import Connection, DoorView, EventView, Job, Missed

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def event(**facts: Any) -> EventView:
    plain = EventView(1, "front", "access", "e1", 1, NOON, NOON, "verified", "Because.")
    return dataclasses.replace(plain, **facts)


def refusal(word: str, **facts: Any) -> EventView:
    named = {"verdict": "refused", "name": "Ada", "person_id": "ada", "resembled": True}
    return event(word=word, **(named | facts))


def test_somebody_let_in_is_told_by_name() -> None:
    story = tell(event(verdict="granted", name="Ada", person_id="ada"))
    assert (story.kind, story.title, story.why) == ("granted", "Ada was let in", "Because.")


def test_without_names_the_id_is_told_and_without_ids_nobody_is_invented() -> None:
    assert tell(event(verdict="granted", person_id="p7")).title == "p7 was let in"
    assert tell(event(verdict="granted")).title == "Somebody was let in"
    assert tell(event(verdict="granted", word="pin")).title == "Somebody with the PIN was let in"


def test_a_stranger_is_never_told_by_the_name_of_whom_they_resemble() -> None:
    assert tell(refusal("unknown")).title == "A stranger was not let in"
    assert tell(refusal("quality:blurred")).title == "Somebody was not let in"
    assert tell(refusal("a_word_of_a_newer_door")).title == "Somebody was not let in"


def test_somebody_recognised_and_refused_all_the_same_is_told_by_name() -> None:
    assert tell(refusal("schedule")).title == "Ada was not let in"


def test_bars_show_both_thresholds_and_which_was_missed() -> None:
    near = refusal(
        "unknown", similarity=0.61, detection_threshold=0.53, votes=3, references=10, verification_threshold=0.5
    )
    similarity, votes = bars(near)
    assert (similarity.reached, similarity.value, similarity.needed) == (True, 0.61, 0.53)
    assert (votes.reached, votes.value, votes.needed) == (False, 0.3, 0.5)
    assert votes.text == "3 of 10, 5 needed"


@pytest.mark.parametrize(
    ("share", "references", "needed"), [(0.5, 9, 5), (0.5, 10, 5), (0.1, 10, 1), (0.7, 10, 7), (1.0, 8, 8)]
)
def test_the_votes_needed_are_the_door_s(share: float, references: int, needed: int) -> None:
    enough = event(verdict="granted", votes=needed, references=references, verification_threshold=share)
    assert bars(enough)[-1].reached
    assert not bars(dataclasses.replace(enough, votes=needed - 1))[-1].reached


def test_a_visit_without_a_face_has_no_bars() -> None:
    assert bars(event(verdict="granted", word="remote")) == ()


def test_odd_figures_stay_on_the_bar() -> None:
    odd = bars(event(verdict="refused", similarity=-0.3, detection_threshold=7.0, votes=40, references=10))
    assert all(0.0 <= one.value <= 1.0 and 0.0 <= (one.needed or 0.0) <= 1.0 for one in odd)


def test_happenings_say_who_and_alarms_are_alarms() -> None:
    assert (
        tell(event(kind="system", word="person_enrolled", why="Somebody was enrolled.", name="Ada")).title
        == "Ada was enrolled"
    )
    assert (
        tell(event(kind="door", word="forced_open", why="The door was opened without being unlocked.")).kind == "alarm"
    )
    assert tell(event(kind="door", word="doorbell", why="Somebody rang.")).kind == "note"


def test_a_late_event_is_marked() -> None:
    assert tell(event(verdict="granted", marks=("late", "skewed"))).marks == ("came late", "the door's clock is wrong")


@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\u2066", "\x00", "\x1b", "\n", "\ud800", "\u2028", "\ufeff"])
def test_what_hides_or_turns_text_around_is_seen(hidden: str) -> None:
    assert shown(f"Ada{hidden}x") == "Ada\N{REPLACEMENT CHARACTER}x"


def test_names_of_every_script_stay_as_they_are() -> None:
    for name in ("Ólafur", "李小龙", "محمد", "Ὅμηρος", "Zoë 🙂", "O'Brien <3"):
        assert shown(name) == name


def test_a_long_name_ends_somewhere() -> None:
    assert len(shown("A" * 10_000)) == 80


def test_a_door_that_is_gone_never_looks_locked() -> None:
    assert door_state(DoorView("front", "offline", "LOCKED")).text == "Not connected"
    assert door_state(DoorView("front", "unknown", "LOCKED")).text == "Not known"


def test_a_jammed_strike_is_what_the_card_says() -> None:
    state = door_state(DoorView("front", "online", "JAMMED", problems=("camera_lost",)))
    assert (state.text, state.tone) == ("May not be locked", "no")
    assert "Look at the door" in state.note


def test_a_problem_that_this_page_does_not_know_is_told_all_the_same() -> None:
    assert door_state(DoorView("front", "online", "LOCKED", problems=("bees_inside",))).note == "Bees inside."


def test_a_lost_broker_is_said() -> None:
    assert connection_said(Connection(connected=True)) == ""
    assert "connection refused" in connection_said(Connection(problem="connection refused"))


def job(**facts: Any) -> Job:
    return dataclasses.replace(Job("j", "front", "enroll", "owner", NOON), **facts)


def test_an_enrolment_tells_what_to_do_now() -> None:
    state = job_state(job(prompt="come_closer", collected=4, wanted=10))
    assert (state.say, state.count, state.share) == ("Come closer", "4 of 10", 40)


def test_an_enrolment_that_is_over_tells_how_the_person_stands_among_the_others() -> None:
    data = {
        "references": 9,
        "dropped": 1,
        "worst_own": 0.71,
        "nearest": {"person_id": "byron", "similarity": 0.49},
        "warnings": ["Close to Byron."],
    }
    state = job_state(job(state="ok", data=data))
    assert state.warnings == ("Close to Byron.",)
    assert ("Nearest other person", "byron, 0.49") in state.facts


def test_a_report_that_is_none_is_no_trouble() -> None:
    odd = job_state(job(state="ok", data={"nearest": "x", "warnings": 7, "worst_own": "y", "references": None}))
    assert odd.facts == ()


def test_a_failed_command_says_why() -> None:
    assert job_state(job(state="error", code="no_face", message="nobody looked")).hint == "Nobody looked."
    assert job_state(job(state="error", code="no_answer")).hint == "No answer."


@pytest.mark.parametrize("update", [event(verdict="granted"), DoorView("front"), Connection(), job(), Missed(3)])
def test_every_update_of_the_stream_has_its_words(update: Any) -> None:
    assert told(update)

"""What is missing of a journal: seen by its numbers, asked for once, then given up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from edge.dashboard.gaps import GRACE_SECONDS, MOST_AT_ONCE, PATIENCE_SECONDS, Question, Sequence
from tests.surfaces import surface

LATER = 100.0


def after(*numbers: int) -> Sequence:
    """A sequence that has heard these live, in the first second."""
    sequence = Sequence()
    for number in numbers:
        sequence.arrive(number, 0.0, live=True)
    return sequence


def test_a_door_that_misses_nothing_is_asked_nothing() -> None:
    sequence = after(1, 2, 3, 4)
    assert sequence.missing == 0
    assert sequence.due(LATER) is None


def test_a_gap_is_asked_for_once_and_filled() -> None:
    sequence = after(1, 2, 6)
    assert sequence.missing == 3
    assert sequence.due(GRACE_SECONDS / 2) is None, "the door may send it by itself"
    assert sequence.due(LATER) == Question(after_seq=2, limit=3)
    assert sequence.due(LATER + 1) is None
    for number in (3, 4, 5):
        sequence.arrive(number, LATER + 2, live=False)
    assert sequence.missing == 0
    assert sequence.due(LATER + 1000) is None
    assert sequence.lost == 0


def test_what_the_door_does_not_send_is_given_up() -> None:
    sequence = after(1, 6)
    assert sequence.due(LATER) is not None
    sequence.arrive(3, LATER + 1, live=False)
    assert sequence.due(LATER + 2 + PATIENCE_SECONDS) is None
    assert (sequence.missing, sequence.lost) == (0, 3)


def test_a_door_that_says_it_has_nothing_is_believed_at_once() -> None:
    sequence = after(1, 5000)
    assert sequence.due(LATER) == Question(after_seq=1, limit=MOST_AT_ONCE)
    sequence.answered(0)
    assert (sequence.missing, sequence.lost) == (0, 4998)


def test_a_long_gap_is_asked_for_in_parts() -> None:
    sequence = after(1, 2500)
    asked, now = [], LATER
    while sequence.missing:
        now += 10
        question = sequence.due(now)
        if question is None:
            continue
        asked.append(question.after_seq)
        for number in range(question.after_seq + 1, question.after_seq + question.limit + 1):
            sequence.arrive(number, now, live=False)
    assert asked == [1, 1001, 2001]


def test_a_door_that_lies_about_its_head_is_asked_once() -> None:
    sequence = after(1)
    sequence.expect(2**53, 1.0)
    assert sequence.due(LATER) is not None
    assert [sequence.due(LATER + 60 * minute) for minute in range(1, 20)] == [None] * 19
    assert sequence.missing == 0


def test_of_a_door_never_heard_before_only_the_newest_are_wanted() -> None:
    sequence = Sequence()
    sequence.expect(50_000, 0.0)
    assert sequence.missing == MOST_AT_ONCE
    assert sequence.due(LATER) == Question(after_seq=49_000, limit=1000)


def test_a_busy_or_vanished_door_is_asked_again() -> None:
    sequence = after(1, 3)
    assert sequence.due(LATER) is not None
    sequence.ask_again()
    assert sequence.due(LATER + 1) is None, "not at once"
    assert sequence.due(LATER + 10) == Question(after_seq=1, limit=1)


def test_a_journal_that_begins_again_is_another_era() -> None:
    sequence = after(1, 2, 3)
    sequence.arrive(1, 5.0, live=True)
    assert (sequence.era, sequence.missing) == (1, 0)
    sequence.arrive(2, 6.0, live=True)
    assert sequence.era == 1


def test_late_events_begin_no_era_and_unjournalled_ones_no_gap() -> None:
    sequence = after(10, 11)
    sequence.arrive(4, 1.0, live=False)
    sequence.arrive(0, 1.0, live=True)
    sequence.arrive(12, 1.0, live=True)
    assert sequence.era == 0
    assert sequence.missing == 8, "numbers 1 to 9, but for the 4"


@surface("what a door tells the dashboard")
@given(some.lists(some.tuples(some.integers(0, 2**53), some.booleans(), some.floats(0, 60)), max_size=40))
def test_whatever_numbers_a_door_sends_little_is_kept_and_little_is_asked(
    heard: list[tuple[int, bool, float]],
) -> None:
    sequence, now, asked = Sequence(), 0.0, 0
    for seq, live, pause in heard:
        now += pause
        sequence.arrive(seq, now, live=live)
        asked += sequence.due(now) is not None
        assert sequence.missing >= 0
    assert len(sequence._missing) <= 200
    assert asked <= 1 + now / 5

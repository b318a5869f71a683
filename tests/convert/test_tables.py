from __future__ import annotations

from convert.record import Interval
from convert.tables import flow, one_in, percent, small, table


def test_sentences_are_broken_and_nothing_else_is() -> None:
    page = (
        "## A very long heading indeed\n\nsome words\nthat\nflow\n\n| a | b |\n| --- | --- |\n\n- one item\n- two more"
    )
    assert flow(page, 15) == (
        "## A very long heading indeed\n\nsome words that\nflow\n\n| a | b |\n| --- | --- |\n\n- one item\n- two more"
    )
    assert flow("- an item of many words", 15) == "- an item of\n  many words"


def test_numbers_are_written_with_their_ranges() -> None:
    interval = Interval(value=0.0123, low=0.01, high=0.02)
    assert percent(interval) == "1.23% (1.00% - 2.00%)"
    assert small(interval) == "0.012 (0.01 - 0.02)"
    assert one_in(1e-4) == "1 in 10,000"
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"

"""Charts keep to their page, say what they show, and give the same figures as a table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from edge.dashboard import charts
from edge.dashboard.charts import Chart
from edge.dashboard.values import Percentiles, Similarities, Uptime

EDGES = tuple(round(-1 + 0.05 * number, 2) for number in range(41))


def resident(name: str, low: int, near: float) -> Similarities:
    granted = tuple(3 if number in range(low, low + 4) else 0 for number in range(40))
    refused = tuple(1 if number == 24 else 0 for number in range(40))
    return Similarities("front", name.lower(), name, granted, refused, 0.53, 0.6, 0.7, near)


def everything() -> Iterator[Chart]:
    yield charts.visits([("08:00", 3, 1), ("09:00", 0, 0), ("10:00", 0, 7)])
    yield charts.visits([(f"{number}", number * 1000, number) for number in range(200)])
    yield charts.reasons([("Not recognised", 9), ("Too dark", 1)])
    yield charts.similarities([resident("Ada", 31, 0.2), resident("Eileen", 36, 0.0)], EDGES)
    yield charts.latency(Percentiles(10, 30.0, 41.0, 9000.0))
    yield charts.latency(Percentiles(1, 0.0, 0.0, 0.0))
    yield charts.uptime([Uptime("front", 0.9, 0.05), Uptime("back", 0.0, 1.0)])


@pytest.mark.parametrize("chart", list(everything()))
def test_a_chart_keeps_to_its_page(chart: Chart) -> None:
    for rect in chart.rects:
        assert 0 <= rect.x <= rect.x + rect.width <= chart.width
        assert 0 <= rect.y <= rect.y + rect.height <= chart.height + 1
    for label in chart.labels:
        assert 0 <= label.x <= chart.width
        assert 0 <= label.y <= chart.height


@pytest.mark.parametrize("chart", list(everything()))
def test_a_chart_is_told_in_a_sentence_and_a_table(chart: Chart) -> None:
    assert chart.description
    assert chart.rows
    assert {len(row) for row in chart.rows} == {len(chart.columns)}


@pytest.mark.parametrize(
    "chart",
    [
        charts.visits([]),
        charts.visits([("08:00", 0, 0)]),
        charts.reasons([]),
        charts.similarities([], EDGES),
        charts.latency(Percentiles(0)),
        charts.uptime([]),
    ],
)
def test_a_chart_of_nothing_is_none(chart: Chart) -> None:
    assert chart.rows == ()
    assert chart.rects == ()


def test_visits_are_as_tall_as_they_are_many() -> None:
    chart = charts.visits([("08:00", 4, 2), ("09:00", 2, 0)])
    granted = [rect for rect in chart.rects if rect.css == "granted"]
    assert granted[0].height == pytest.approx(2 * granted[1].height)
    assert chart.rows == (("08:00", "4", "2"), ("09:00", "2", "0"))


def test_who_is_close_to_being_refused_stands_first() -> None:
    chart = charts.similarities([resident("Eileen", 36, 0.0), resident("Ada", 31, 0.2)], EDGES)
    assert [row[0] for row in chart.rows] == ["Ada", "Eileen"]
    assert "Close to being refused now and then: Ada." in chart.description


def test_the_threshold_stands_where_it_is_between_the_columns() -> None:
    chart = charts.similarities([resident("Ada", 31, 0.2)], EDGES)
    (sill,) = chart.over
    below = [rect for rect in chart.rects if rect.css == "refused"]
    above = [rect for rect in chart.rects if rect.css == "granted"]
    assert max(rect.x for rect in below) < sill.x1 < min(rect.x + rect.width for rect in above)


def test_the_scale_begins_at_nought_unless_somebody_was_less_alike() -> None:
    usual = charts.similarities([resident("Ada", 31, 0.0)], EDGES)
    unlike = charts.similarities([resident("Ada", 10, 0.0)], EDGES)
    assert [label.text for label in usual.labels if label.text in {"0.0", "-0.5"}] == ["0.0"]
    assert [label.text for label in unlike.labels if label.text in {"0.0", "-0.5"}] == ["-0.5"]


def test_the_shares_of_the_time_fill_the_bar() -> None:
    bar = charts.uptime([Uptime("front", 0.5, 0.25)]).rects
    assert [rect.css for rect in bar] == ["up", "down", "unknown"]
    assert all(one.x + one.width == pytest.approx(other.x) for one, other in pairwise(bar))

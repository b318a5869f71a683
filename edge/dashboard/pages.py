"""The pages that watch: the way in, the live page, the history and its charts, the doors, one's own account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge.dashboard import audit_page, charts, door_page, operator_pages, people_pages
from edge.dashboard.filters import Filters
from edge.dashboard.render import gate_page, page, problem, reason_name, services, session, trouble
from edge.dashboard.services import Refused
from edge.dashboard.story import Bar, shown
from edge.dashboard.values import DoorView, EventView, Statistics
from edge.errors import StoreError

_LATEST: Final = 30
_DAY: Final = 86400
_MOST_HOURS: Final = 72
# Scripts fill these in.
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BLANK_EVENT: Final = EventView(0, "", "system", "", 0, _NO_TIME, _NO_TIME, "", "")
_BLANK_BAR: Final = Bar("", "", 0.0, 0.0, reached=False)


def routes() -> list[BaseRoute]:
    """Everything that is HTML."""
    return [
        Route("/login", _login),
        Route("/", _live),
        Route("/history", _stored(_history)),
        Route("/account", _account),
        *people_pages.routes(),
        *door_page.routes(),
        *audit_page.routes(),
        *operator_pages.routes(),
    ]


def _login(request: Request) -> Response:
    target = request.query_params.get("next", "/")
    return gate_page("login.html", title="Log in", next=target, problem=problem(request))


def _live(request: Request) -> Response:
    known = services(request)
    events = known.watch.latest(_LATEST)
    visits = {event.door: event for event in reversed(events) if event.verdict and "late" not in event.marks}
    return page(
        request,
        "live.html",
        here="/",
        doors=known.watch.doors(),
        events=events,
        last_visits=visits,
        connection=known.watch.connection(),
        may_enroll=session(request).role == "admin",
        blank_event=_BLANK_EVENT,
        blank_bar=_BLANK_BAR,
        blank_door=DoorView(""),
    )


def _account(request: Request) -> Response:
    done = "Your password is changed." if "done" in request.query_params else ""
    return page(request, "account.html", done=done)


def _history(request: Request) -> Response:
    known = services(request)
    filters = Filters.of(request.query_params)
    shared: dict[str, Any] = {
        "filters": filters,
        "export": filters.export(),
        "doors": known.watch.doors(),
        "words": known.history.words(),
        "known": sorted({shown(one.name) or one.person_id for one in known.history.people()}),
        "view": filters.view,
    }
    if filters.view == "charts":
        statistics = known.history.statistics(filters.query())
        return page(
            request, "history.html", here="/history", statistics=statistics, charts=_charts(statistics), **shared
        )
    return page(request, "history.html", here="/history", page=known.history.events(filters.query()), **shared)


def _charts(statistics: Statistics) -> tuple[charts.Chart, ...]:
    counted: dict[str, int] = {}
    for word, count in statistics.refusals:
        counted[reason_name(word)] = counted.get(reason_name(word), 0) + count
    return (
        charts.visits(_spans(statistics)),
        charts.reasons(tuple(counted.items())),
        charts.similarities(statistics.similarities, statistics.edges),
        charts.latency(statistics.latency),
        charts.uptime(statistics.uptime),
    )


def _spans(statistics: Statistics) -> list[tuple[str, int, int]]:
    """Visits by the hour; by the day where that would be more columns than can be told apart."""
    visits = statistics.visits
    pattern = "%-d %b" if len(visits) > _MOST_HOURS or statistics.bucket_seconds >= _DAY else "%H:00"
    if pattern == "%H:00" and len(visits) > _DAY // 3600 + 1:
        pattern = "%a %Hh"
    counts: dict[str, tuple[int, int]] = {}
    for one in visits:
        name = one.start.astimezone().strftime(pattern)
        granted, refused = counts.get(name, (0, 0))
        counts[name] = (granted + one.granted, refused + one.refused)
    return [(name, *count) for name, count in counts.items()]


def _stored(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """A page of the past says so when the past cannot be read."""

    @wraps(answer)
    def endpoint(request: Request) -> Response:
        try:
            return answer(request)
        except StoreError as error:
            return trouble(request, "The past cannot be read now", error)
        except Refused as refused:
            return trouble(request, "That cannot be searched for", refused, status=400)

    return endpoint

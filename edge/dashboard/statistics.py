"""What the charts show, counted by the database itself: nothing here reads an event one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from sqlalchemy import ColumnElement, Connection, Integer, and_, cast, func, select

from edge.dashboard.schema import events, millis, moment, people, presence
from edge.dashboard.values import Bucket, Percentiles, Query, Similarities, Statistics, Uptime

_BUCKETS: Final = (3600, 86_400, 7 * 86_400)
_MOST_BUCKETS: Final = 400
_NEAR: Final = 0.05
_MOST_PEOPLE: Final = 50
# Similarities are counted in hundredths, and shown in bins of five.
_FINE: Final = 100
_EDGES: Final = tuple(round(-1 + 0.05 * step, 2) for step in range(41))


def statistics(connection: Connection, query: Query, wanted: ColumnElement[bool], now: datetime) -> Statistics:
    """Everything about the visits that `wanted` picks."""
    visits = and_(wanted, events.c.kind == "access")
    first = connection.execute(select(func.min(events.c.at)).where(visits)).scalar()
    until = query.until or now
    since = query.since or (moment(first) if first is not None else until - timedelta(days=1))
    since = min(since, until)
    seconds = _bucket_seconds(since, until)
    reasons = _reasons(connection, visits)
    return Statistics(
        since=since,
        until=until,
        bucket_seconds=seconds,
        visits=_visits(connection, visits, since, until, seconds),
        granted=tuple(reasons["granted"].most_common()),
        refusals=tuple(reasons["refused"].most_common()),
        edges=_EDGES,
        similarities=_similarities(connection, visits),
        latency=_latency(connection, visits),
        uptime=tuple(_uptimes(connection, query.door, since, until)),
    )


def _bucket_seconds(since: datetime, until: datetime) -> int:
    span = (until - since).total_seconds()
    return next((seconds for seconds in _BUCKETS if span / seconds < _MOST_BUCKETS), _BUCKETS[-1])


def _visits(
    connection: Connection, visits: ColumnElement[bool], since: datetime, until: datetime, seconds: int
) -> tuple[Bucket, ...]:
    """Buckets begin at full hours and days of the clock on this machine's wall."""
    size = 1000 * seconds
    offset = until.astimezone().utcoffset() or timedelta()
    shift = int(1000 * offset.total_seconds())
    bucket = (events.c.at + shift) // size
    counted = select(bucket, events.c.verdict, func.count()).where(visits).group_by(bucket, events.c.verdict)
    counts = {(number, verdict): count for number, verdict, count in connection.execute(counted)}
    first, last = (millis(since) + shift) // size, (millis(until) + shift - 1) // size
    return tuple(
        Bucket(moment(n * size - shift), counts.get((n, "granted"), 0), counts.get((n, "refused"), 0))
        for n in range(max(first, last - _MOST_BUCKETS), last + 1)
    )


def _reasons(connection: Connection, visits: ColumnElement[bool]) -> dict[str, Counter[str]]:
    counted = select(events.c.verdict, events.c.word, func.count()).where(visits)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for verdict, word, count in connection.execute(counted.group_by(events.c.verdict, events.c.word)):
        found[verdict][word] = count
    return found


def _similarities(connection: Connection, visits: ColumnElement[bool]) -> tuple[Similarities, ...]:
    """Of the people with most visits, each at their door."""
    here = and_(visits, events.c.similarity.between(-1.0, 1.0), events.c.person_id.is_not(None))
    hundredths = cast((events.c.similarity + 1.0) * _FINE, Integer)
    who = (events.c.door, events.c.person_id)
    counted = select(*who, events.c.verdict, hundredths, func.count()).where(here)
    found: dict[tuple[str, str], dict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for door, person_id, verdict, bin_number, count in connection.execute(
        counted.group_by(*who, events.c.verdict, hundredths)
    ):
        found[door, person_id][verdict][bin_number] = count
    most = sorted(found, key=lambda one: -sum(counts.total() for counts in found[one].values()))[:_MOST_PEOPLE]
    return tuple(_similarity(connection, visits, one, found[one]) for one in most)


def _similarity(
    connection: Connection, visits: ColumnElement[bool], who: tuple[str, str], counts: dict[str, Counter[int]]
) -> Similarities:
    door, person_id = who
    met = select(events.c.detection_threshold).where(visits, events.c.person_id == person_id, events.c.door == door)
    threshold = connection.execute(met.order_by(events.c.at.desc(), events.c.number.desc()).limit(1)).scalar()
    named = select(people.c.name).where(people.c.door == door, people.c.person_id == person_id)
    granted = counts["granted"]
    near = sum(count for bin_number, count in granted.items() if bin_number / _FINE - 1 < (threshold or -1) + _NEAR)
    return Similarities(
        door=door,
        person_id=person_id,
        name=connection.execute(named).scalar(),
        granted=_coarse(granted),
        refused=_coarse(counts["refused"]),
        threshold=threshold,
        lowest=None if not granted else round(min(granted) / _FINE - 1, 2),
        median=None if not granted else round(_rank(granted, 0.5) / _FINE - 1, 2),
        near=near / granted.total() if granted else 0.0,
    )


def _coarse(hundredths: Counter[int]) -> tuple[int, ...]:
    bins = [0] * (len(_EDGES) - 1)
    for number, count in hundredths.items():
        bins[min(number // 5, len(bins) - 1)] += count
    return tuple(bins)


def _latency(connection: Connection, visits: ColumnElement[bool]) -> Percentiles:
    """To the millisecond."""
    whole = cast(events.c.latency_ms, Integer)
    here = and_(visits, events.c.latency_ms.is_not(None))
    counted = connection.execute(select(whole, func.count()).where(here).group_by(whole))
    counts = Counter({row[0]: row[1] for row in counted})
    if not counts:
        return Percentiles(0)
    p50, p95, p99 = (float(_rank(counts, share)) for share in (0.5, 0.95, 0.99))
    return Percentiles(counts.total(), p50, p95, p99)


def _rank(counts: Counter[int], share: float) -> int:
    """The smallest value that at least `share` of them do not exceed."""
    needed, seen = share * counts.total(), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= needed:
            break
    return value


def _uptimes(connection: Connection, door: str | None, since: datetime, until: datetime) -> Iterator[Uptime]:
    start, end = millis(since), millis(until)
    names = [door] if door else connection.execute(select(presence.c.door).distinct()).scalars()
    for name in sorted(names):
        here = select(presence.c.at, presence.c.state).where(presence.c.door == name, presence.c.at < end)
        rows = connection.execute(here.order_by(presence.c.at, presence.c.number))
        yield _uptime(name, [(row.at, row.state) for row in rows], start, end)


def _uptime(door: str, changes: Sequence[tuple[int, str]], start: int, end: int) -> Uptime:
    """Each state lasts until the next one; before the first nobody knows."""
    lasted: Counter[str] = Counter()
    for (at, state), (until, _) in pairwise([*changes, (end, "")]):
        lasted[state] += max(0, until - max(at, start))
    span = max(1, end - start)
    return Uptime(door, lasted["online"] / span, lasted["offline"] / span)

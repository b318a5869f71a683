"""When somebody may come in: from and until when at all, and in which hours of the week. Pure; the clock is passed in.

Hours are those of the clocks on the wall of the schedule's time zone. So in the night in which an hour is left out, the
schedule's part of it is left out, too; the hour that comes twice counts twice.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Final, Literal

from edge.clock import zone
from edge.values import Hours, Schedule, Terms

Limit = Literal["clock_untrusted", "not_yet_valid", "expired", "schedule"]

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def limit(terms: Terms, wall: datetime, *, believed: bool) -> Limit | None:
    """What keeps somebody with these terms out at `wall`, an aware time; None when nothing does.

    Whether the clock is `believed` matters to those only whose terms hold a time. A time without a zone could mean any:
    it keeps out.
    """
    since, until = terms.valid_from, terms.valid_until
    if since is None and until is None and terms.schedule is None:
        return None
    if not believed:
        return "clock_untrusted"
    if since is not None and (since.tzinfo is None or wall < since):
        return "not_yet_valid"
    if until is not None and (until.tzinfo is None or wall >= until):
        return "expired"
    return None if terms.schedule is None or is_open(terms.schedule, wall) else "schedule"


def is_open(schedule: Schedule, wall: datetime) -> bool:
    """Whether `wall`, an aware time, is within any of the hours; never in a time zone that is not known here."""
    place = zone(schedule.timezone)
    if place is None:
        return False
    local = wall.astimezone(place)
    minute = 60 * local.hour + local.minute
    return any(_covers(hours, local.weekday(), minute) for hours in schedule.hours)


def words(terms: Terms, wall: datetime) -> str:
    """The terms and the time as somebody would say them: `Mon-Fri 08:00-12:00 Europe/Berlin; it was Sat 09:17`."""
    schedule = terms.schedule
    place = zone(schedule.timezone) if schedule is not None else None
    parts = [f"from {_moment(terms.valid_from, place)}"] if terms.valid_from is not None else []
    parts += [f"until {_moment(terms.valid_until, place)}"] if terms.valid_until is not None else []
    if schedule is not None:
        spans = ", ".join(f"{_days(hours.days)} {_clock(hours.start)}-{_clock(hours.end)}" for hours in schedule.hours)
        unknown = " (a time zone that is not known here)" if place is None else ""
        parts.append(f"{spans or 'never'} {schedule.timezone}{unknown}")
    return f"{'; '.join(parts)}; it was {_DAYS[_local(wall, place).weekday()]} {_moment(wall, place)}"


def _covers(hours: Hours, day: int, minute: int) -> bool:
    if hours.start < hours.end:
        return day in hours.days and hours.start <= minute < hours.end
    began_today = day in hours.days and minute >= hours.start
    return began_today or ((day - 1) % 7 in hours.days and minute < hours.end)


def _moment(moment: datetime, place: tzinfo | None) -> str:
    local = _local(moment, place)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname() or 'without a time zone'}"


def _local(moment: datetime, place: tzinfo | None) -> datetime:
    """As it is where no calendar has that hour: who may come until the last day of 9999 is told so in UTC."""
    try:
        return moment if place is None or moment.tzinfo is None else moment.astimezone(place)
    except OverflowError:
        return moment


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _days(days: tuple[int, ...]) -> str:
    """`Mon-Fri`, `Sat`, `Mon Wed`."""
    runs: list[list[int]] = []
    for day in sorted(set(days)):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return " ".join(_DAYS[run[0]] if len(run) == 1 else f"{_DAYS[run[0]]}-{_DAYS[run[-1]]}" for run in runs)

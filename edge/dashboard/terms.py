"""On what terms somebody may come in: from the door's answer to the form, and from the form to `person.set`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.requests import Request

from edge.clock import rfc3339, zone
from edge.dashboard.render import text_of
from edge.dashboard.roster import Listed, Span, moment_of, offset_of
from edge.dashboard.services import Refused

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPANS: Final = 3
_MOST_SPANS: Final = 17  # a door keeps 16, and the form has room for another
_FACTORS: Final = ("automatic", "always", "never")
# Why somebody needs a second factor or does not, where it is because an operator said so.
_SAID: Final = {"asked_for": "always", "overridden": "never"}


@dataclass(frozen=True, slots=True)
class TermsForm:
    """What stands in the form's fields. `hours` has empty ones at its end, to be filled in.

    `clock`: the time zone that the dates are in, empty: this server's; `from_offset` and `until_offset`: how far it is
    ahead of UTC then.
    """

    clock: str
    valid_from: str
    from_offset: str
    valid_until: str
    until_offset: str
    second_factor: str
    hours: tuple[Span, ...]
    timezone: str


def terms_form(listed: Listed, place: ZoneInfo | None = None) -> TermsForm:
    """`place`: the door's time zone, None where it does not say."""
    spans = listed.schedule.hours if listed.schedule else ()
    return TermsForm(
        place.key if place else "",
        *_local(listed.valid_from, place),
        *_local(listed.valid_until, place),
        _SAID.get(listed.because or "", "automatic"),
        (*spans, *(Span() for _ in range(max(1, _SPANS - len(spans))))),
        listed.schedule.timezone if listed.schedule else place.key if place else "",
    )


def terms_of(request: Request) -> dict[str, Any]:
    """The arguments of `person.set`; what is empty has no limit, and a name stays. Raises Refused.

    Times are those of the clock that the form named, the door's; where the door did not say, of this server's. What
    cannot be read is refused: as if it were empty, it would let somebody in for ever.
    """
    if not all(isinstance(value, str) for value in request.state.posted.values()):
        raise Refused("malformed", "Every field is text, as a form sends it")
    clock = text_of(request, "clock")
    place = zone(clock) if clock else None
    if clock and place is None:
        raise Refused("malformed", "This page does not know the time zone of the door's clock.")
    hours = [span for number in range(_MOST_SPANS) if (span := _span(request, number))]
    timezone = text_of(request, "timezone") or clock
    if hours and not timezone:
        raise Refused("malformed", "On the clocks of: this door does not say where it is; write one like Europe/Berlin")
    factor = text_of(request, "second_factor")
    if factor not in _FACTORS:
        raise Refused("malformed", f"Second proof: one of {', '.join(_FACTORS)}")
    name = text_of(request, "name", 80)
    return ({"name": name} if name else {}) | {
        "valid_from": _moment("May come in from", text_of(request, "valid_from"), place),
        "valid_until": _moment("Until", text_of(request, "valid_until"), place),
        "schedule": {"timezone": timezone, "hours": hours} if hours else None,
        "second_factor": factor,
    }


def _span(request: Request, number: int) -> dict[str, Any] | None:
    days = [day for day in DAYS if text_of(request, f"day{number}-{day}")]
    start, end = text_of(request, f"start{number}"), text_of(request, f"end{number}")
    if not days and (start or end):
        raise Refused("malformed", f"Hours {number + 1}: on which days? Tick some, or leave the times empty.")
    return {"days": days, "start": start or "00:00", "end": end or "00:00"} if days else None


def _local(moment: str | None, place: ZoneInfo | None) -> tuple[str, str]:
    """As a field for a day and a time wants it, and how far that clock is ahead then."""
    if not moment:
        return "", ""
    return moment_of(moment, place).replace(tzinfo=None).isoformat(timespec="minutes"), offset_of(moment, place)


def _moment(label: str, text: str, place: ZoneInfo | None) -> str | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
        if moment is not None and moment.tzinfo is None and place is not None:
            moment = moment.replace(tzinfo=place)
        return rfc3339(moment.astimezone(UTC)) if moment is not None else None
    except (ValueError, OverflowError) as error:
        raise Refused("malformed", f"{label}: write a day and a time like 2026-12-31T18:00") from error

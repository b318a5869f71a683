"""The history's search form: from the address to a Query, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, get_args
from urllib.parse import urlencode

from edge.clock import rfc3339
from edge.dashboard.values import Query
from edge.values import EventKind, Verdict

_LONGEST: Final = 200
_LAST_YEAR: Final = 9000


@dataclass(frozen=True, slots=True)
class Filters:
    """What stands in the form, as text. `verdict` may also be a kind of event; `until` is a day that is included."""

    person: str = ""
    verdict: str = ""
    word: str = ""
    door: str = ""
    since: str = ""
    until: str = ""
    before: str = ""
    view: str = ""

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Filters:
        """From the address; a day that is none is left out."""
        named = {field.name: parameters.get(field.name, "").strip()[:_LONGEST] for field in fields(cls)}
        for name in ("since", "until"):
            named[name] = named[name] if _day(named[name]) else ""
        return cls(**named)

    @property
    def chosen(self) -> bool:
        """Whether anything narrows the events."""
        return self != Filters(before=self.before, view=self.view)

    def text(self, **changes: str) -> str:
        """The address's query string, with `changes`; another filter begins at the newest event again."""
        made = replace(self, **({"before": ""} | changes))
        return urlencode({field.name: value for field in fields(made) if (value := getattr(made, field.name))})

    def query(self) -> Query:
        """What to ask the archive."""
        since, until = _day(self.since), _day(self.until)
        return Query(
            door=self.door or None,
            kind=next((kind for kind in get_args(EventKind) if kind == self.verdict), None),
            verdict=next((verdict for verdict in get_args(Verdict) if verdict == self.verdict), None),
            word=self.word or None,
            person=self.person or None,
            since=_midnight(since) if since else None,
            until=_midnight(until + timedelta(days=1)) if until else None,
            before=self.before or None,
        )

    def export(self) -> str:
        """The query string of the CSV and JSON of all that match."""
        query = self.query()
        named: dict[str, str | datetime | None] = {
            "door": query.door,
            "kind": query.kind,
            "verdict": query.verdict,
            "word": query.word,
            "person": query.person,
            "since": query.since,
            "until": query.until,
        }
        return urlencode(
            {name: rfc3339(it) if isinstance(it, datetime) else it for name, it in named.items() if it is not None}
        )


def _day(text: str) -> date | None:
    """None also for a year in which not every time zone has every hour."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 < day.year < _LAST_YEAR else None


def _midnight(day: date) -> datetime:
    """The beginning of a day where the server stands."""
    return datetime.combine(day, time()).astimezone().astimezone(UTC)

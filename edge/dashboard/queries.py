"""What a browser asks for in an address -> a Query. Nothing in it is believed before it is looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, get_args

from edge.dashboard.services import Refused
from edge.dashboard.values import Query
from edge.values import EventKind, Verdict

LARGEST_PAGE: Final = 200
_CURSOR: Final = re.compile(r"(\d{1,15})\.(\d{1,18})")
_DOOR: Final = re.compile(r"[a-z0-9_-]{1,32}")
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the time in milliseconds, and the number, of its last event."""

    at: int
    number: int

    def __str__(self) -> str:
        return f"{self.at}.{self.number}"

    @classmethod
    def of(cls, text: str) -> Cursor:
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise Refused("bad_query", "before: this is not where a page ended")
        return cls(int(found[1]), int(found[2]))


def query_of(asked: Mapping[str, str]) -> Query:
    """The query in an address; what is left empty does not filter. Raises Refused naming the field.

    A moment without a time zone is in the one of the machine that the dashboard runs on.
    """
    given = {name: value for name, value in asked.items() if value}
    if not _DOOR.fullmatch(given.get("door", "x")):
        raise Refused("bad_query", "door: a-z 0-9 _ - only")
    for name in ("word", "person"):
        if len(given.get(name, "")) > _LONGEST:
            raise Refused("bad_query", f"{name}: too long")
    if "before" in given:
        Cursor.of(given["before"])
    return Query(
        door=given.get("door"),
        kind=_one_of("kind", given, get_args(EventKind)),
        verdict=_one_of("verdict", given, get_args(Verdict)),
        word=given.get("word"),
        person=given.get("person"),
        since=_moment("since", given),
        until=_moment("until", given),
        before=given.get("before"),
        limit=_limit(given.get("limit", "50")),
    )


def _one_of(name: str, given: Mapping[str, str], words: tuple[str, ...]) -> Any:
    if name in given and given[name] not in words:
        raise Refused("bad_query", f"{name}: one of {', '.join(words)}")
    return given.get(name)


def _moment(name: str, given: Mapping[str, str]) -> datetime | None:
    if name not in given:
        return None
    try:
        moment = datetime.fromisoformat(given[name]).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused("bad_query", f"{name}: a date like 2026-11-22, or with a time like 2026-11-22T08:00") from error
    if not 1970 < moment.year < 9000:
        raise Refused("bad_query", f"{name}: that is not a year to look at")
    return moment


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= LARGEST_PAGE):
        raise Refused("bad_query", f"limit: 1 to {LARGEST_PAGE}")
    return int(text)

"""Whatever a door says of itself or answers, every page is there: one door that lies must not hide the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from edge.mqtt.messages import Progress
from tests.dashboard.boards import Served, answer, info, notice, served, stamped, status, visit
from tests.surfaces import surface

_numbers = some.sampled_from([0, -1, 1, 5, 0.5, 2**53, -(2**53), 5e-324, 1e308, 10**400, True, None])
_WORDS = ["", "x" * 190, "<b>", "\u202e\0", "ada", "minor", "08:00", "mon", "Europe/Berlin", "../../etc", "{{7*7}}"]
_MOMENTS = ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-12-01T00:00:00+14:00", "1970-01-01T00:00:00Z"]
_NAMES = """
    people person_id name references enrolled_at valid_from valid_until schedule timezone hours days start end because
    second_factor number median_own worst_own nearest similarity recognised near_misses too_close damaged problems frame
    p50 arguments detection_threshold false_match_rate of_another_model not_recognised warnings models
"""
_texts = some.sampled_from([*_WORDS, *_MOMENTS])
_names = some.sampled_from(_NAMES.split())
_anything = some.recursive(
    _numbers | _texts,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(_names, inner, max_size=5),
    max_leaves=15,
)
_people = some.lists(some.dictionaries(_names, _anything, max_size=6).map(lambda one: {"person_id": "ada"} | one))


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("board")) as running:
        running.watched.hear("front/availability", b"online", retain=True)
        running.watched.hear("front/info", info("front"), retain=True)
        running.watched.step()
        yield running


@pytest.fixture(scope="module")
def browser(board: Served) -> Iterator[httpx.Client]:
    with board.logged_in() as browser:
        yield browser


def payload(message: Any, lies: dict[str, Any]) -> bytes:
    """`message` with some of its fields replaced; a number that no library writes as it is, as text."""
    facts = msgspec.to_builtins(message)
    known = {name: lies[name] for name in lies if name in facts or name in {"arguments", "schedule"}}
    return msgspec.json.encode(facts | known, enc_hook=str)


def writable(value: Any) -> Any:
    """JSON libraries write no integer of four hundred digits, but doors may."""
    if isinstance(value, dict):
        return {name: writable(one) for name, one in value.items()}
    if isinstance(value, list):
        return [writable(one) for one in value]
    return msgspec.Raw(b"1" + b"0" * 400) if value == 10**400 else value


_FIELDS = sorted(
    {name for made in (status(), info("front"), visit(1), notice(1, "x")) for name in made.__struct_fields__}
)


@surface("what a door tells the dashboard", examples=60)  # five pages each; the messages alone are tried elsewhere
@given(some.dictionaries(some.sampled_from(_FIELDS), _anything, max_size=4), some.integers(1, 10**6))
def test_no_state_and_no_event_hides_a_page(
    board: Served, browser: httpx.Client, lies: dict[str, Any], number: int
) -> None:
    lies = writable({name: value for name, value in lies.items() if name not in {"id", "seq"}})
    for topic, message in (
        ("front/status", status()),
        ("front/info", info("front")),
        ("front/event/access", visit(number)),
        ("front/event/backfill", notice(number + 1, "camera_lost")),
    ):
        board.watched.hear(topic, payload(message, lies))
    board.watched.step(1.0)
    for page in ("/", "/history", "/history?view=charts", "/doors/front"):
        assert browser.get(page).status_code == 200, page


@surface("what a door tells the dashboard", examples=60)
@given(_people | _anything, some.dictionaries(_names, _anything, max_size=6), _numbers)
def test_no_answer_hides_a_page(
    board: Served, browser: httpx.Client, people: Any, lies: dict[str, Any], counted: Any
) -> None:
    collected = counted if isinstance(counted, int) else 0
    progress = Progress(**stamped(), transaction="t", prompt="\u202ex", collected=collected, wanted=1)
    board.sender.answers = [progress, answer("t", lies | {"people": people})]
    job = browser.post("/people/enroll", data={"door": "front", "name": "Ada"}).headers["location"]
    for page in (job, "/people", "/people/front/ada", "/doors/front?test=1", "/doors/front/people"):
        assert browser.get(page).status_code in {200, 404, 503}, page

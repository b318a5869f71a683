"""Whatever a broker's users call themselves is text on every page, and nothing but text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edge.dashboard.story import shown
from tests.browser.hostile import PAYLOADS
from tests.browser.house import House
from tests.browser.strange_door import StrangeDoor, strange_door
from tests.browser.watching import Watched

PAGES = (
    "/",
    "/history",
    "/history?verdict=refused",
    "/history?view=charts",
    "/people",
    "/people/enroll?door=strange",
    "/people/strange/p3",
    "/people/strange/p3/delete",
    "/doors",
    "/doors/strange",
    "/doors/strange?test=1",
    "/operators",
)


@pytest.fixture(scope="module")
def stranger(house: House, owner: Watched) -> Iterator[StrangeDoor]:
    owner.page.goto("/")
    with strange_door(house.broker.login, PAYLOADS) as door:
        door.exist()
        owner.page.locator('article[data-door="strange"]').wait_for()
        yield door


def test_hostile_events_arrive_as_text(owner: Watched, stranger: StrangeDoor) -> None:
    assert len(PAYLOADS) >= 60
    for text in PAYLOADS:
        stranger.tell(text)
    stranger.tell("the last of them")
    rows = owner.page.locator("#stream")
    rows.get_by_text("the last of them was let in").first.wait_for()
    titles = rows.locator('[data-slot="title"]').all_inner_texts()
    assert f"{shown(PAYLOADS[-5])} was let in" in titles
    owner.ran_nothing()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_hostile_texts_and_runs_none(owner: Watched, stranger: StrangeDoor, page: str) -> None:
    assert stranger
    owner.page.goto(page)
    owner.page.get_by_role("main").wait_for()
    owner.page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
    owner.ran_nothing()
    owner.fits()


def test_every_page_of_the_history_runs_none(owner: Watched, stranger: StrangeDoor) -> None:
    assert stranger
    owner.page.goto("/history?door=strange")
    pages = 1
    while (older := owner.page.get_by_role("link", name="Older")).count():
        older.click()
        owner.page.get_by_role("link", name="Newest").wait_for()
        owner.ran_nothing()
        pages += 1
    assert pages * 50 >= 3 * len(PAYLOADS)


@pytest.mark.parametrize("text", PAYLOADS[:8])
def test_a_search_for_a_hostile_text_finds_it_and_runs_none(owner: Watched, stranger: StrangeDoor, text: str) -> None:
    assert stranger
    owner.page.goto("/history")
    owner.page.get_by_label("Person").fill(text)
    owner.page.get_by_role("button", name="Search").click()
    assert owner.page.get_by_label("Person").input_value() == text.strip()
    owner.page.locator(".stream [data-slot=title]", has_text=f"{shown(text)} was let in").first.wait_for()
    owner.ran_nothing()


def test_a_hostile_answer_to_a_command_is_text(owner: Watched, stranger: StrangeDoor) -> None:
    assert stranger
    owner.page.goto("/people/enroll?door=strange")
    owner.page.get_by_label("Name").fill(PAYLOADS[0])
    owner.page.get_by_role("button", name="Begin").click()
    owner.page.get_by_text("That did not work.").wait_for()
    owner.ran_nothing()

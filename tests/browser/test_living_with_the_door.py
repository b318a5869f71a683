"""A newcomer's first hour: log in, see the door, be enrolled, see who comes and why, search, forget, leave."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.house import House
from tests.browser.watching import PATIENCE, Watched

RESIDENT = "Eileen Collins"


@pytest.fixture(scope="module")
def door(house: House, owner: Watched) -> House:
    """The door, started while its owner looks at the live page; the demo's resident stands there for 22 seconds."""
    owner.page.goto("/")
    house.door.start()
    expect(owner.page.get_by_role("article", name="Door front")).to_contain_text("Locked", timeout=PATIENCE)
    return house


@pytest.fixture(scope="module")
def resident(door: House, owner: Watched) -> str:
    """Whoever stands there now is enrolled, through the page; what it says below."""
    assert door
    page = owner.page
    page.goto("/people/enroll")
    page.get_by_label("Name").fill(RESIDENT)
    page.get_by_label("They agree").check()
    page.get_by_role("button", name="Begin").click()
    page.locator("#job").evaluate(
        """(job) => {
          const tell = () => heard(job.innerText);
          new MutationObserver(tell).observe(job, { subtree: true, childList: true, characterData: true });
          tell();
        }"""
    )
    expect(page.locator("#job[data-state=ok], #job[data-state=error]")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#job")).to_contain_text("Enrolled.")
    return page.locator("#job").inner_text()


def test_enrolling_is_guided_while_it_lasts_and_reports_at_its_end(owner: Watched, resident: str) -> None:
    assert any(re.search(r"[1-5] of 5", said) for said in owner.said), owner.said
    assert any("Look into the camera" in said or "Come closer" in said for said in owner.said), owner.said
    assert "References\n5" in resident


def test_a_grant_arrives_by_itself_with_its_reason_and_both_bars(owner: Watched, resident: str) -> None:
    assert resident
    page = owner.page
    page.goto("/")
    page.evaluate("window.sameDocument = true")
    row = page.locator("#stream .event[data-kind=granted]").first
    expect(row).to_contain_text(f"{RESIDENT} was let in", timeout=PATIENCE)
    expect(row).to_contain_text("references were similar enough")
    expect(row.locator(".bar.reached")).to_have_count(2)
    front = page.get_by_role("article", name="Door front")
    expect(front).to_contain_text(f"{RESIDENT} was let in")
    for fact in ("gives pictures", "a second", " ms", "Heard from"):
        expect(front).to_contain_text(fact, timeout=PATIENCE)


def test_a_refusal_arrives_by_itself_and_says_how_far_it_was_from_a_grant(owner: Watched, resident: str) -> None:
    assert resident
    row = owner.page.locator("#stream .event", has_text="A stranger was not let in").first
    expect(row).to_contain_text(re.compile(r"similarity \d\.\d\d"), timeout=PATIENCE)
    expect(row.locator(".bar")).to_have_count(2)
    expect(row.locator(".bar.reached")).to_have_count(0)
    assert owner.page.evaluate("window.sameDocument"), "it came without loading the page again"


def test_the_stream_is_told_to_a_screen_reader(owner: Watched, resident: str) -> None:
    assert resident
    log = owner.page.get_by_role("log", name="Events as they happen")
    expect(log).to_have_attribute("aria-live", "polite")
    assert owner.page.get_by_role("main").count() == 1
    assert owner.page.get_by_role("heading", level=1).count() == 1


def test_searching_finds_a_person_and_nobody_else(owner: Watched, resident: str) -> None:
    assert resident
    page = owner.page
    page.goto("/history")
    page.get_by_label("Person").fill("eileen")
    page.get_by_label("What happened").select_option("granted")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name=re.compile(r"^[1-9]\d* events?$"))).to_be_visible()
    titles = page.locator("[data-slot=title]").all_inner_texts()
    assert set(titles) == {f"{RESIDENT} was let in"}
    page.get_by_label("Person").fill("nobody of this name")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("Nothing like this has happened")).to_be_visible()


@pytest.mark.parametrize("kind", ["CSV", "JSON"])
def test_what_was_found_can_be_taken_along(owner: Watched, resident: str, kind: str) -> None:
    assert resident
    owner.page.goto("/history?person=eileen")
    with owner.page.expect_download() as download:
        owner.page.get_by_role("link", name=kind).click()
    assert RESIDENT in download.value.path().read_text(encoding="utf-8")


def test_charts_say_what_they_show(owner: Watched, resident: str) -> None:
    assert resident
    page = owner.page
    page.goto("/history?view=charts")
    for name in ("Visits", "Why visits were refused", "Who is close to being refused", "How fast the door decides"):
        expect(page.get_by_role("img", name=re.compile(f"^{name}"))).to_be_visible()
    page.get_by_text("The figures as a table").first.click()
    expect(page.get_by_role("table").first).to_be_visible()


def test_the_door_tells_its_thresholds_in_words_and_tests_itself(owner: Watched, resident: str) -> None:
    assert resident
    page = owner.page
    page.goto("/doors/front")
    expect(page.get_by_text(re.compile(r"at least 0\.\d\d similar to a reference"))).to_be_visible()
    page.get_by_role("link", name="Test now").click()
    expect(page.get_by_text("All is well.")).to_be_visible()


def test_unlocking_asks_for_the_password_again(owner: Watched, house: House, resident: str) -> None:
    assert resident
    page = owner.page
    page.goto("/doors/front")
    page.get_by_label("Your password again").fill("not the password")
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("That cannot be done")
    owner.troubles.clear()  # the browser notes the refusal's status
    page.goto("/doors/front")
    page.get_by_label("Your password again").fill(house.password)
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_text("The door was unlocked for a moment.")).to_be_visible(timeout=PATIENCE)


def test_every_page_fits_a_phone(owner: Watched, resident: str) -> None:
    assert resident
    size = owner.page.viewport_size
    owner.page.set_viewport_size({"width": 390, "height": 844})
    for page in ("/", "/history", "/history?view=charts", "/people", "/people/enroll", "/doors/front", "/operators"):
        owner.page.goto(page)
        owner.fits()
    owner.page.set_viewport_size(size)


def test_a_person_is_given_hours_and_another_name_and_then_back(owner: Watched, resident: str) -> None:
    assert resident
    page = owner.page
    _change(owner, RESIDENT)
    page.get_by_role("textbox", name="Name").fill("Eileen M. Collins")
    page.get_by_label("Until").fill("2099-01-01T10:00")
    page.get_by_label("Second proof").select_option("always")
    monday = page.get_by_role("group", name="Hours 1")
    monday.get_by_label("Mon").check()
    monday.get_by_label("from").fill("08:00")
    monday.get_by_label("to").fill("18:00")
    page.get_by_label("On the clocks of").fill("Europe/Berlin")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Changed.")).to_be_visible(timeout=PATIENCE)
    page.goto("/people")
    for tag in ("certain hours", "needs a second proof", re.compile("until .* 2099")):
        expect(page.locator(".tag", has_text=tag)).to_be_visible()
    _change(owner, "Eileen M. Collins")
    expect(page.get_by_role("group", name="Hours 1").get_by_label("from")).to_have_value("08:00")
    expect(page.get_by_label("Until")).to_have_value("2099-01-01T10:00")
    expect(page.get_by_text(re.compile(r"On the door's clock, \S+ \(UTC[+-]\d\d:\d\d\)"))).to_be_visible()
    page.get_by_role("textbox", name="Name").fill(RESIDENT)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Changed.")).to_be_visible(timeout=PATIENCE)


def test_how_well_people_can_be_told_apart_is_said(owner: Watched, resident: str) -> None:
    assert resident
    owner.page.goto("/people")
    owner.page.get_by_role("link", name="How well can they be told apart?").click()
    expect(owner.page.get_by_role("row", name=re.compile("eileen-collins"))).to_be_visible()


def _change(owner: Watched, name: str) -> None:
    owner.page.goto("/people")
    owner.page.get_by_role("link", name=f"Change or delete {name}").click()


def test_deleting_asks_twice_and_forgets(owner: Watched, resident: str) -> None:
    assert resident
    page = owner.page
    _change(owner, RESIDENT)
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("heading", name=f"Delete {RESIDENT}?")).to_be_visible()  # the box was not ticked
    page.get_by_label(f"Yes, forget {RESIDENT}").check()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("The door knows this person no more.")).to_be_visible(timeout=PATIENCE)
    page.goto("/people")
    expect(page.get_by_text("Nobody is enrolled at this door yet")).to_be_visible()


def test_a_door_that_goes_away_is_seen_at_once(owner: Watched, house: House, resident: str) -> None:
    assert resident
    owner.page.goto("/")
    house.door.stop()
    expect(owner.page.get_by_role("article", name="Door front")).to_contain_text("Not connected", timeout=PATIENCE)


def test_a_lost_broker_is_seen_at_once_and_so_is_its_return(owner: Watched, house: House, door: House) -> None:
    assert door
    owner.page.goto("/")
    house.broker.stop()
    expect(owner.page.get_by_text("No connection to the message broker")).to_be_visible(timeout=PATIENCE)
    house.broker.start()
    expect(owner.page.get_by_text("No connection to the message broker")).to_be_hidden(timeout=PATIENCE)


def test_a_lost_dashboard_is_seen_at_once_and_the_page_comes_back_by_itself(owner: Watched, house: House) -> None:
    owner.page.goto("/")
    expect(owner.page.locator("#link")).to_have_text("Live", timeout=PATIENCE)
    house.stop_dashboard()
    expect(owner.page.get_by_text("This page has lost its connection")).to_be_visible(timeout=PATIENCE)
    house.start_dashboard()
    expect(owner.page.locator("#link")).to_have_text("Live", timeout=PATIENCE)

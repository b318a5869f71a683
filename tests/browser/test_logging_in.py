"""The way in."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from tests.browser.house import House
from tests.browser.watching import PATIENCE, Watched


def test_a_wrong_password_is_said_and_says_no_more(visitor: Watched) -> None:
    page = visitor.page
    page.goto("/login")
    page.get_by_label("Name").fill("owner")
    page.get_by_label("Password").fill("guess")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("Name or password is wrong"))


def test_keys_alone_are_enough(visitor: Watched, house: House) -> None:
    page = visitor.page
    page.goto("/")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type(house.name)
    page.keyboard.press("Tab")
    page.keyboard.type(house.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Your door"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_the_focus_can_be_seen(visitor: Watched) -> None:
    visitor.page.goto("/login")
    expect(visitor.page.get_by_label("Name")).to_be_focused()
    for _ in range(3):
        outline = visitor.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert outline == "3px"
        visitor.page.keyboard.press("Tab")


def test_without_a_login_every_page_leads_to_it(visitor: Watched) -> None:
    for page in ("/", "/history", "/people", "/people/enroll", "/doors/front", "/operators", "/account"):
        visitor.page.goto(page)
        expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()
    assert visitor.troubles == []


def test_nothing_comes_from_elsewhere_and_no_code_is_inline(visitor: Watched) -> None:
    answer = visitor.page.goto("/login")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert visitor.troubles == []


def test_pages_are_there_without_scripts(chromium: Browser, house: House) -> None:
    with Watched(chromium, house.address, java_script_enabled=False) as plain:
        plain.log_in(house.name, house.password)
        expect(plain.page.get_by_text("Not live: load the page again for news")).to_be_visible()
        for place, heading in (
            ("History", "Who came"),
            ("People", "People"),
            ("Doors", "Doors"),
            ("Operators", "Operators"),
        ):
            plain.page.get_by_role("navigation", name="Pages").get_by_role("link", name=place).click()
            expect(plain.page.get_by_role("heading", level=1)).to_contain_text(heading)
        plain.page.get_by_role("button", name="Log out", exact=True).click()
        expect(plain.page.get_by_role("heading", name="Log in")).to_be_visible()
        assert plain.troubles == []


def test_who_may_only_look_is_shown_nothing_to_change(owner: Watched, visitor: Watched) -> None:
    page = owner.page
    page.goto("/operators")
    page.get_by_text("Add a login").click()
    page.get_by_label("Name").fill("guest")
    page.get_by_label("May").select_option("viewer")
    page.get_by_role("button", name="Add", exact=True).click()
    password = page.locator("#fresh-password").inner_text()
    visitor.log_in("guest", password)
    expect(visitor.page.get_by_role("link", name="Operators")).to_have_count(0)
    visitor.page.goto("/people")
    expect(visitor.page.get_by_role("link", name="Enrol somebody")).to_have_count(0)
    page.get_by_role("link", name="Delete … guest").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Operators")
    visitor.page.goto("/history")
    expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()


def test_logging_out_ends_it(visitor: Watched, house: House) -> None:
    visitor.log_in(house.name, house.password)
    visitor.page.get_by_role("button", name="Log out").click()
    expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()
    visitor.page.goto("/people")
    expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_browser_that_is_logged_out_from_elsewhere_says_so(owner: Watched, visitor: Watched, house: House) -> None:
    visitor.log_in(house.name, house.password)
    expect(visitor.page.locator("#link")).to_have_text("Live")
    owner.page.goto("/operators")
    other = owner.page.get_by_role("row").filter(has=owner.page.get_by_role("button", name="Log out"))
    other.filter(has_not_text="this browser").first.get_by_role("button").click()
    expect(visitor.page.locator("#link")).to_have_text("Logged out: load the page again", timeout=PATIENCE)
    visitor.page.reload()
    expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()

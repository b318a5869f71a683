"""The way in."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.house import House
from tests.browser.watching import Watched


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


def test_logging_out_ends_it(visitor: Watched, house: House) -> None:
    visitor.log_in(house.name, house.password)
    visitor.page.get_by_role("button", name="Log out").click()
    expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()
    visitor.page.goto("/people")
    expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()

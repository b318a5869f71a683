"""One broker, one door with the demo's two people, one dashboard and one browser for all of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chromium import CHROMIUM, FLAGS
from tests.browser.house import House
from tests.browser.watching import Watched

sync_api = pytest.importorskip("playwright.sync_api", reason="left out: the playwright package is not installed")


@pytest.fixture(scope="session")
def chromium() -> Iterator[sync_api.Browser]:
    if CHROMIUM is None:
        pytest.skip("left out: chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
def visitor(chromium: sync_api.Browser, house: House) -> Iterator[Watched]:
    """A browser that nobody has logged in with."""
    with Watched(chromium, house.address) as watched:
        yield watched


@pytest.fixture(scope="session")
def owner(chromium: sync_api.Browser, house: House) -> Iterator[Watched]:
    """The first administrator, logged in."""
    with Watched(chromium, house.address) as watched:
        watched.log_in(house.name, house.password)
        yield watched


@pytest.fixture(autouse=True)
def nothing_forbidden_happened(owner: Watched) -> Iterator[None]:
    """Whatever a test is about: no script ran that is not ours, the policy stopped nothing, nobody else was asked."""
    yield
    assert owner.troubles == []

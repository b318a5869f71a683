"""`python -m tests.browser.screenshots`: the pictures of the dashboard in docs/pictures.

The door, the broker, the dashboard and the enrolment in them are real and happen now, with the demo's two people; only
the fortnight of visits behind the charts is made up.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from playwright.sync_api import Browser, expect, sync_playwright

from edge.clock import SystemClock, rfc3339
from edge.dashboard.archive import Archive
from edge.dashboard.hearing import Told
from edge.mqtt.messages import AccessEvent
from edge.service.board import open_database
from tests.browser.chromium import CHROMIUM, FLAGS
from tests.browser.house import House
from tests.browser.watching import PATIENCE, Watched

PICTURES: Final = Path(__file__).parents[2] / "docs" / "pictures"
RESIDENT: Final = "Eileen Collins"
DESK: Final[dict[str, Any]] = {"viewport": {"width": 1120, "height": 780}}
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 780},
    "device_scale_factor": 1.5,
    "is_mobile": True,
}
_DAYS: Final = 14
_ACCESS: Final = {"detection_threshold": 0.56, "verification_threshold": 0.5, "references": 10, "frames_needed": 3}


def main() -> int:
    """Take all of them."""
    if CHROMIUM is None:
        print("chromium is not installed", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        house = House(Path(folder))
        _remember(house)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with house, Watched(browser, house.address, **DESK) as desk:
            desk.log_in(house.name, house.password)
            _enrol(desk, house)
            _wait_for_both(desk)
            for name, scheme, options in (("light", "light", DESK), ("dark", "dark", DESK), ("phone", "light", PHONE)):
                _take(browser, house, f"dashboard-{name}", "/", scheme, options)
            _take(browser, house, "dashboard-charts", "/history?view=charts", "light", DESK, whole=True)
        browser.close()
    return 0


def _enrol(desk: Watched, house: House) -> None:
    """Whoever stands at the door, which is started now; with a picture half way."""
    page = desk.page
    house.door.start()
    expect(page.get_by_role("article", name="Door front")).to_contain_text("Locked", timeout=PATIENCE)
    page.goto("/people/enroll")
    page.get_by_label("Name").fill(RESIDENT)
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("[data-slot=count]")).to_contain_text("3 of", timeout=PATIENCE)
    _save(page.screenshot(clip={"x": 0, "y": 0, "width": 1120, "height": 560}), "dashboard-enrol")
    expect(page.locator("#job")).to_contain_text("Enrolled.", timeout=PATIENCE)


def _wait_for_both(desk: Watched) -> None:
    """A visit of the resident, and then one of the stranger."""
    desk.page.goto("/")
    front = desk.page.get_by_role("article", name="Door front")
    expect(front).to_contain_text(f"{RESIDENT} was let in", timeout=PATIENCE)
    expect(front).to_contain_text("A stranger was not let in", timeout=PATIENCE)
    expect(front).to_contain_text(f"{RESIDENT} was let in", timeout=PATIENCE)


def _take(
    browser: Browser, house: House, name: str, path: str, scheme: str, options: dict[str, Any], *, whole: bool = False
) -> None:
    with Watched(browser, house.address, color_scheme=scheme, reduced_motion="reduce", **options) as watched:
        watched.log_in(house.name, house.password)
        watched.page.goto(path)
        if path == "/":
            expect(watched.page.locator("#link")).to_have_text("Live", timeout=PATIENCE)
        _save(watched.page.screenshot(full_page=whole), name)


def _save(png: bytes, name: str) -> None:
    """As small as a lossless picture can be."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    cv2.imwrite(str(PICTURES / f"{name}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _remember(house: House) -> None:
    """A fortnight of visits, as if the dashboard had seen them."""
    with open_database(house.door.settings) as database:
        Archive(database).add([(told, 0) for told in _fortnight(SystemClock().wall())])


def _fortnight(now: datetime) -> Iterator[Told]:
    chance, seq = random.Random(7), 0
    for half_hour in range(_DAYS * 24 * 2):
        at = now - timedelta(days=_DAYS) + timedelta(minutes=30 * half_hour + chance.random() * 25)
        busy = 0.55 if 7 <= at.astimezone().hour < 22 else 0.02
        if chance.random() < busy:
            seq += 1
            yield _visit(seq, at, _facts(chance))


def _facts(chance: random.Random) -> dict[str, Any]:
    who = chance.choices(["Eileen Collins", "Guest", "stranger", "dark"], [6, 3, 2, 1])[0]
    timing = {"latency_ms": max(18.0, chance.gauss(34, 8)), "frames": 3, "frames_seen": 4}
    if who == "dark":
        return timing | {"verdict": "refused", "reason": "quality:too_dark", "frames": 0}
    if who == "stranger":
        similarity = chance.gauss(0.19, 0.09)
        nearest = {"nearest": "Eileen Collins", "nearest_id": "eileen-collins"}
        return timing | _ACCESS | nearest | {"verdict": "refused", "reason": "unknown", "similarity": similarity}
    middle, spread = (0.82, 0.05) if who == "Eileen Collins" else (0.68, 0.05)
    person = {"person": who, "person_id": who.lower().replace(" ", "-")}
    seen = {"similarity": max(0.57, chance.gauss(middle, spread)), "votes": chance.randint(6, 10)}
    return timing | _ACCESS | person | seen | {"verdict": "granted", "reason": "verified"}


def _visit(seq: int, at: datetime, facts: dict[str, Any]) -> Told:
    stamp = {"ts": rfc3339(at), "ts_trusted": True, "boot_id": "before"}
    event = AccessEvent(**stamp, id=f"before-{seq}", seq=seq, visit=f"v{seq}", **facts)
    return Told("front", "access", event, live=True, at=at, received_at=at)


if __name__ == "__main__":
    sys.exit(main())

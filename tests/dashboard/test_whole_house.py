"""A real door, its real broker and the dashboard beside it: from an enrolment on the page to being forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dashboard.running import Page, RunningBoard, page
from tests.edge.brokers import until
from tests.edge.doors import CONFIG, RunningDoor, film

BOARD = "dashboard: {directory: board, key: dashboard.key, unlock: true}\n"


@pytest.fixture
def door(tmp_path: Path, faces: dict[str, Any]) -> Iterator[RunningDoor]:
    """The resident for a while, nobody, the stranger, nobody; again and again."""
    film(tmp_path / "scene.avi", [([(faces["resident"], 430)], 6), ([], 2), ([(faces["stranger"], 290)], 5), ([], 2)])
    with RunningDoor(tmp_path, CONFIG + BOARD) as running:
        running.key("enroll", "people", "unlock", name="dashboard")
        yield running.start()


def command(browser: httpx.Client, one: Page, word: str, password: str = "", **arguments: Any) -> dict[str, Any]:
    """Give a command on the page and wait for the door's last word."""
    body = {"arguments": arguments, "password": password}
    answer = browser.post(f"/doors/front/commands/{word}", json=body)
    assert answer.status_code == 202, answer.text
    return one.wait("job", id=answer.json()["id"], state="ok")


def test_who_is_enrolled_on_the_page_is_let_in_seen_and_forgotten_there(door: RunningDoor) -> None:
    with RunningBoard(door.settings.path("config.yaml")) as board, board.browser() as browser, page(browser) as one:
        one.wait("door", id="front", presence="online")
        done = command(browser, one, "enroll", name="Eileen <b>Collins</b>")
        person = done["data"]["person_id"]
        assert done["prompt"] == "done"
        granted = one.wait("event", verdict="granted")
        assert (granted["name"], granted["door"]) == ("Eileen <b>Collins</b>", "front")
        assert "references were similar enough" in granted["why"]
        assert granted["votes"] == granted["references"] == 5
        refused = one.wait("event", verdict="refused")
        assert refused["similarity"] < refused["detection_threshold"]
        one.wait("door", lock="UNLOCKED")
        assert "Eileen &lt;b&gt;Collins&lt;/b&gt;" in browser.get("/people").text

        one.forget()
        command(browser, one, "unlock", password=board.password)
        assert one.wait("event", word="remote")["why"] == "Opened from afar, with a signed command."

        command(browser, one, "person.delete", person_id=person)
        until(lambda: not browser.get(f"/events.json?person={person}").json(), "for the archive to forget")
        assert "Eileen" not in browser.get("/events.json").text

        # The embedded broker has new passwords now.
        one.forget()
        door.stop()
        one.wait("connection", connected=False)
        door.start()
        one.wait("connection", connected=True)
        one.wait("door", presence="online")
        assert board.stop() == 0
        assert "Traceback" not in board.log()

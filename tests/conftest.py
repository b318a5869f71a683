"""What tests share: the two public-domain faces, and the measuring data where there is any."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

PICTURES = Path(__file__).parents[1] / ".demo"
NO_DATA = "LIMEN_DATA is not set"


@pytest.fixture(scope="session")
def faces() -> dict[str, Any]:
    """Two real faces of two people, BGR uint8 [height, width, 3]."""
    import cv2

    pictures = {"resident": "astronaut.png", "stranger": "grace_hopper.jpg"}
    images = {name: cv2.imread(str(PICTURES / file)) for name, file in pictures.items()}
    missing = [name for name, image in images.items() if image is None]
    if missing:
        pytest.fail(f"no picture of {' and '.join(missing)}: run `make pictures`")
    for image in images.values():
        image.setflags(write=False)
    return images


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of pictures and clips that LIMEN_DATA names."""
    named = os.environ.get("LIMEN_DATA")
    if not named:
        pytest.skip(NO_DATA)
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"LIMEN_DATA={named} is no folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked `data`, before any other fixture is made for it."""
    if not os.environ.get("LIMEN_DATA"):
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(pytest.mark.skip(reason=NO_DATA))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    without = [report for report in terminalreporter.getreports("skipped") if NO_DATA in str(report.longrepr)]
    if without:
        terminalreporter.line(f"left out because {NO_DATA}: {len(without)}")

"""What is pressed at the door counts for the face it was meant for, and a lock-out is told once and kept."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.access.lockout import Lockout
from edge.access.second_factor import NOTHING
from edge.pipeline import Pipeline
from edge.service.watchman import Watchman
from edge.store.store import Store
from edge.values import DoorSignal, SignalKind
from tests.edge.access_scene import gallery, person
from tests.edge.stores import HandClock, open_small


class Post:
    """A watchman and what he looks at."""

    def __init__(self, store: Store) -> None:
        self.pipeline: Any = SimpleNamespace(given=NOTHING, awaits=None, lockout=None, gallery=gallery(person("ana")))
        self.watchman = Watchman(cast(Pipeline, self.pipeline), store, HandClock())

    def hear(self, *kinds: SignalKind, at: float = 7.0) -> tuple[float, float]:
        """When somebody confirmed, and when somebody pressed."""
        self.watchman.hear([DoorSignal(kind, at) for kind in kinds])
        return self.pipeline.given.confirmed, self.pipeline.given.pressed

    def told(self) -> list[str]:
        return [event.data["event"] for event in self.watchman.step()]


@pytest.fixture
def post(tmp_path: Path) -> Any:
    with open_small(tmp_path) as store:
        yield Post(store)


def test_a_button_inside_confirms_and_one_outside_asks(post: Post) -> None:
    assert post.hear("contact_open", "doorbell", "tamper") == (-math.inf, -math.inf)
    assert post.hear("confirm") == (7.0, -math.inf)
    assert post.hear("intent", at=8.0) == (7.0, 8.0)


def test_whoever_leaves_vouches_only_for_somebody_who_waits(post: Post) -> None:
    """The exit button confirms, too; but not for who comes in the twenty seconds after somebody left."""
    assert post.hear("exit_button", "confirm") == (-math.inf, -math.inf)
    post.pipeline.awaits = "ana"
    assert post.hear("exit_button", "confirm") == (7.0, -math.inf)


def test_that_a_second_factor_is_awaited_is_told_once_a_visit(post: Post) -> None:
    for awaits, told in ((None, 0), ("ana", 1), ("ana", 0), (None, 0), ("ana", 1)):
        post.pipeline.awaits = awaits
        assert post.told() == ["second_factor_awaited"] * told


def test_a_lock_out_is_told_when_it_begins_when_it_grows_and_when_it_ends(post: Post) -> None:
    states = [
        (Lockout(4, (1.0,) * 4), []),
        (Lockout(5, (1.0,) * 5, 1030.5, 30.0), ["locked_out"]),
        (Lockout(5, (1.0,) * 5, 1030.5, 30.0), []),
        (Lockout(5, (1.0,) * 5), ["lockout_ended"]),
        (Lockout(6, (1.0,) * 6, 1090.5, 60.0), ["locked_out"]),
        (Lockout(), ["lockout_ended"]),
        (Lockout(), []),
    ]
    for state, told in states:
        post.pipeline.lockout = state
        assert post.told() == told


def test_a_lock_out_begins_again_after_a_restart_and_is_told_again(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        before = Post(store)
        before.pipeline.lockout = Lockout(7, (1.0,) * 7, 1100.0, 120.0)
        assert before.told() == ["locked_out"]
    with open_small(tmp_path) as store:
        after = Post(store)
        assert after.pipeline.lockout.until == 1000.5 + 120
        assert after.told() == ["locked_out"]


def test_a_lock_out_that_was_altered_on_the_disk_locks(tmp_path: Path) -> None:
    with open_small(tmp_path) as store:
        store.keep("lockout", b"{}")
        assert Post(store).pipeline.lockout.seconds == 900

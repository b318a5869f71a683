"""The state machine alone: no threads, no clock, no camera."""

from __future__ import annotations

from edge.camera.watch import FIRST_PAUSE, LONGEST_PAUSE, Watch
from edge.settings import CameraSettings

SETTINGS = CameraSettings(stall_seconds=3, frozen_seconds=3, open_timeout_seconds=5)


def opened(*, recording: bool = False) -> Watch:
    watch = Watch(SETTINGS, 0.0, recording=recording)
    assert watch.open_at == 0.0
    watch.opening(0.0)
    return watch


def states(watch: Watch) -> list[str]:
    return [notice.state for notice in watch.notices()]


def test_the_first_picture_makes_it_live() -> None:
    watch = opened()
    assert watch.state == "starting"
    assert watch.picture(1, 0.5)
    assert states(watch) == ["live"]
    assert watch.open_at is None


def test_no_picture_for_three_seconds_is_a_stall_and_asks_for_a_new_opening() -> None:
    watch = opened()
    watch.picture(1, 1.0)
    watch.check(3.99)
    assert watch.state == "live"
    watch.check(4.0)
    assert watch.state == "stalled"
    assert watch.open_at == 4.0 + FIRST_PAUSE


def test_a_source_gets_its_time_to_open_before_that_is_a_stall() -> None:
    watch = opened()
    watch.check(7.9)
    assert watch.state == "starting"
    watch.check(8.0)
    assert watch.state == "stalled"


def test_broken_pictures_do_not_count_against_a_stall_and_are_named() -> None:
    watch = opened()
    watch.picture(1, 1.0)
    watch.flaw("float64[2, 2] and not uint8[h, w, 3]")
    watch.check(4.5)
    assert "float64[2, 2]" in watch.notices()[-1].detail


def test_the_same_picture_for_three_seconds_is_frozen_until_another_one_comes() -> None:
    watch = opened()
    assert watch.picture(7, 1.0)
    assert not watch.picture(7, 3.9), "a repeated picture is no new evidence"
    assert watch.state == "live"
    assert not watch.picture(7, 4.0)
    assert watch.state == "frozen"
    assert watch.open_at == 4.0 + FIRST_PAUSE
    assert not watch.picture(7, 4.1)
    assert watch.open_at == 4.0 + FIRST_PAUSE
    assert watch.picture(8, 4.15)
    assert watch.state == "live"
    assert watch.open_at is None


def test_a_reopened_camera_with_the_old_picture_is_still_frozen_and_tried_again_later() -> None:
    watch = opened()
    watch.picture(7, 0.0)
    watch.picture(7, 3.0)
    watch.opening(3.2)
    assert not watch.picture(7, 3.3)
    assert watch.open_at is None
    assert not watch.picture(7, 6.2)
    assert watch.open_at == 6.2 + 2 * FIRST_PAUSE
    assert states(watch) == ["live", "frozen"]


def test_a_recording_that_stands_still_is_not_started_again() -> None:
    watch = opened(recording=True)
    watch.picture(7, 0.0)
    assert not watch.picture(7, 3.0)
    assert watch.state == "frozen"
    assert watch.open_at is None
    assert watch.picture(8, 3.1)


def test_pauses_double_up_to_five_seconds_and_a_good_picture_resets_them() -> None:
    watch = opened()
    now, pauses = 0.0, []
    for _ in range(7):
        watch.lost("unplugged", now)
        assert watch.open_at is not None
        pauses.append(round(watch.open_at - now, 3))
        now = watch.open_at
        watch.opening(now)
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, LONGEST_PAUSE, LONGEST_PAUSE]
    watch.picture(1, now)
    watch.lost("unplugged", now)
    assert watch.open_at == now + FIRST_PAUSE
    assert states(watch) == ["lost", "live", "lost"]


def test_the_end_of_a_recording_is_final() -> None:
    watch = opened(recording=True)
    watch.picture(1, 0.0)
    watch.ended("over", 1.0)
    watch.check(1e6)
    assert watch.state == "ended"
    assert watch.due() is None
    assert watch.open_at is None


def test_notices_nobody_reads_do_not_pile_up() -> None:
    watch = opened()
    for number in range(1000):
        watch.picture(number, float(number))
        watch.lost("gone", float(number))
    assert len(watch.notices()) == 100
    assert watch.notices() == ()

"""What is done to a door. Each case is done once by its function, on a door that may be working already."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.edge.doors import PATIENCE
from tests.edge.pins import CLOCK, second_hand
from tests.faults.house import CAME_AND_WENT, UNLOCK, House
from tests.faults.upgrading import FATES, UpgradedHouse, WhollyUpgradedHouse, upgraded

_EXIT_CONFIG: Final = 78
_MISTAKES: Final = ("door: {pin: 99}", "acess: {}", "\tx", "access: {security: lax}", "models: /nowhere", "- a list")


@dataclass(frozen=True, slots=True)
class Case:
    """`bounded`: the strike or its second hand lives on, so `unlock_seconds` + 250 ms is promised for it.

    `times`: how often `make faults` does it. `tested`: it is quick enough to be done once with the tests.
    """

    name: str
    story: str
    act: Callable[..., None]
    bounded: bool = True
    house: type[House] = House
    times: int = 25
    tested: bool = True


def killed_at_any_moment(house: House) -> None:
    house.start()
    house.wait(0, 2 * CAME_AND_WENT)
    house.kill()
    house.locks()


def killed_in_a_pulse(house: House) -> None:
    house.start()
    house.opens()
    house.wait(0, UNLOCK)
    house.kill()
    house.locks()


def stopped_at_any_moment(house: House) -> None:
    house.start()
    house.wait(0, 2 * CAME_AND_WENT)
    assert house.door.stop() in {0, -signal.SIGTERM}, "it had not begun to listen, or it ends in order"
    house.locks()


def hangs_in_a_pulse(house: House) -> None:
    """As the watchdog finds it: the strike has ended the pulse long before systemd kills."""
    house.start()
    house.opens()
    house.wait(0, UNLOCK)
    house.send(signal.SIGSTOP)
    house.locks()
    house.wait(0, 0.5)
    house.kill()
    house.force_locked()


def hangs_at_rest(house: House) -> None:
    house.start()
    house.opens()
    house.locks()
    house.send(signal.SIGSTOP)
    before = house.pin.changes()
    house.wait(0.5, 1.5)
    house.kill()
    house.force_locked()
    assert house.pin.changes() == before


def strike_killed(house: House) -> None:
    house.start()
    house.opens()
    house.wait(0, UNLOCK)
    os.kill(house.strike(), signal.SIGKILL)
    house.locks()
    house.opens()
    house.locks()


def strike_hangs(house: House) -> None:
    house.start()
    house.opens()
    house.wait(0, 0.9 * UNLOCK)
    os.kill(house.strike(), signal.SIGSTOP)
    house.locks()
    house.opens()
    house.locks()


def both_killed(house: House) -> None:
    """The strike first, so that it cannot hear of the other's end."""
    house.start()
    house.opens()
    house.wait(0, UNLOCK)
    os.kill(house.strike(), signal.SIGKILL)
    house.kill()
    house.locks()


def second_hand_killed(house: House) -> None:
    house.start()
    house.opens()
    house.wait(0, UNLOCK)
    os.kill(second_hand(house.strike()), signal.SIGKILL)
    house.locks()
    house.opens()
    house.locks()


def all_killed(house: House) -> None:
    """None may hear of another's end: nobody is left but what systemd calls then."""
    house.start()
    house.opens()
    house.wait(0, UNLOCK)
    strike = house.strike()
    second = second_hand(strike)
    os.kill(strike, signal.SIGSTOP)
    for pid in (second, strike):
        os.kill(pid, signal.SIGKILL)
    house.kill()
    house.force_locked()


def camera_lost(house: House) -> None:
    house.start()
    house.opens()
    house.wait(0, UNLOCK)
    noticed = house.door.log().count("camera lost")
    house.lose_camera()
    try:
        house.door.until(lambda: house.door.log().count("camera lost") > noticed)
        house.locks()
        before = house.pin.changes()
        house.wait(0, 0.5)
        assert house.pin.changes() == before, "nobody is let in unseen"
    finally:
        house.find_camera()
    house.opens()


def broker_lost(house: House) -> None:
    house.start()
    house.opens()
    house.wait(0, UNLOCK)
    house.broker.stop(signal.SIGKILL)
    try:
        house.opens()
    finally:
        house.broker.start()


def bad_configuration(house: House) -> None:
    """Stopped, and started again with a mistake in its file."""
    house.start()
    house.opens()
    house.wait(0, UNLOCK)
    assert house.door.stop() == 0
    before = house.pin.changes()
    file = house.config_folder / "config.yaml"
    file.write_text(house.config + house.chance.choice(_MISTAKES) + "\n", encoding="utf-8")
    try:
        house.start()
        assert house.door.process is not None
        assert house.door.process.wait(PATIENCE) == _EXIT_CONFIG
    finally:
        file.write_text(house.config, encoding="utf-8")
    CLOCK.sleep(0.05)
    assert house.pin.changes() == before


CASES: Final = (
    Case("kill", "SIGKILL at any moment from its start on", killed_at_any_moment, times=100),
    Case("kill-in-pulse", "SIGKILL at any moment of a pulse", killed_in_a_pulse, times=100),
    Case("stop", "SIGTERM at any moment, and started again", stopped_at_any_moment),
    Case("hang-in-pulse", "hung in a pulse; SIGKILL as by the watchdog, `limen force-locked`", hangs_in_a_pulse),
    Case("hang-at-rest", "hung while nobody is let in, then the same", hangs_at_rest),
    Case("camera", "the camera is gone, and comes back", camera_lost),
    Case("broker", "SIGKILL of the broker, which comes back after the next visit", broker_lost, times=100),
    Case("configuration", "stopped, and started with a mistake in its configuration", bad_configuration),
    Case(
        "upgrade",
        "`limen upgrade` to a version that holds, fails its trial, is never ready, or dies",
        upgraded,
        house=UpgradedHouse,
        times=12,
    ),
    Case(
        "upgrade-whole",
        "the same from its first step on: copied, a new environment, pip without a network",
        upgraded,
        house=WhollyUpgradedHouse,
        times=len(FATES),
        tested=False,
    ),
    Case("strike-kill", "SIGKILL of the strike's process in a pulse", strike_killed),
    Case("strike-hang", "the strike's process hangs in a pulse", strike_hangs),
    Case("both-kill", "SIGKILL of the strike and of the main process in a pulse", both_killed),
    Case("second-kill", "SIGKILL of the strike's second hand in a pulse", second_hand_killed),
    Case("all-kill", "SIGKILL of all three in a pulse, then `limen force-locked`", all_killed, bounded=False),
)

"""The lamp and the buzzer, told in the states that their mock pins went through."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from edge.door.indicator import Indicator, IndicatorWord, open_indicator
from edge.errors import InputError
from edge.settings import IndicatorSettings
from tests.edge.pins import CLOCK, LONG
from tests.edge.wires import SteppedClock

BOTH = IndicatorSettings(lamp_pin=5, buzzer_pin=6, buzzer_active_high=False)


def states(indicator: Indicator, device: str) -> list[bool]:
    """The levels that were driven; the first is what it was claimed at."""
    return [one.state for one in getattr(indicator, f"_{device}").pin.states][1:]


def wait_for(indicator: Indicator, device: str, story: list[bool]) -> None:
    """Until it has begun like `story`."""
    deadline = CLOCK.now() + LONG
    while len(states(indicator, device)) < len(story):
        assert CLOCK.now() < deadline, states(indicator, device)
        CLOCK.sleep(0.01)
    assert states(indicator, device)[: len(story)] == story


def test_a_refusal_flashes_three_times_and_the_door_is_at_rest_again(tmp_path: Path) -> None:
    clock = SteppedClock()
    with open_indicator(BOTH, "mock", clock, tmp_path) as indicator:
        indicator.show("refused")
        wait_for(indicator, "lamp", [False] + [True, False] * 3)
        wait_for(indicator, "buzzer", [True] + [False, True] * 3)  # this one sounds while its pin is low
        indicator.poll()
        clock.sleep(1)
        indicator.poll()
        assert states(indicator, "lamp") == [False] + [True, False] * 3


def test_what_is_said_once_goes_back_to_what_lasts(tmp_path: Path) -> None:
    clock = SteppedClock()
    with open_indicator(IndicatorSettings(lamp_pin=5), "mock", clock, tmp_path) as indicator:
        refusal = [False, True, False, True, False, True, False]
        indicator.show("refused")
        indicator.show("look")  # an enrolment begins meanwhile
        wait_for(indicator, "lamp", refusal)
        CLOCK.sleep(0.6)
        assert states(indicator, "lamp") == refusal, "its turn has not come"
        clock.sleep(1)
        indicator.poll()
        wait_for(indicator, "lamp", [*refusal, True, False, True])
        indicator.show("idle")
        assert states(indicator, "lamp")[-1] is False


def test_what_lasts_is_not_begun_again_by_being_said_again(tmp_path: Path) -> None:
    with open_indicator(IndicatorSettings(lamp_pin=5), "mock", SteppedClock(), tmp_path) as indicator:
        indicator.show("adjust")
        wait_for(indicator, "lamp", [False, True])
        for _ in range(100):
            indicator.show("adjust")  # begun again, it would be lit anew each time
        wait_for(indicator, "lamp", [False, True, False, True])


@pytest.mark.parametrize("word", get_args(IndicatorWord))
def test_a_door_without_a_lamp_shows_nothing_and_lives(tmp_path: Path, word: IndicatorWord) -> None:
    with open_indicator(IndicatorSettings(), "gpio", SteppedClock(), tmp_path) as indicator:
        indicator.show(word)
        indicator.poll()


def test_a_lamp_that_cannot_be_claimed_is_named_and_nothing_stays_claimed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"indicator\.buzzer_pin: GPIO 5 cannot be claimed"):
        open_indicator(IndicatorSettings(lamp_pin=5, buzzer_pin=5), "mock", SteppedClock(), tmp_path)

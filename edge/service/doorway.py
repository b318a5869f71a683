"""The door's wires and its lamp, joined with the strike, the journal and MQTT.

Nothing here waits for a picture or for the broker: the exit button works while both are gone. It is also the one thing
that opens before it is written down, because whoever is inside must get out when the disk is full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

from edge.access.enrolment import Outcome, Progress, Prompt
from edge.clock import Clock
from edge.door import logic
from edge.door.indicator import IndicatorWord, open_indicator
from edge.door.inputs import open_inputs
from edge.errors import StrikeError
from edge.service.publisher import Publisher
from edge.service.rooms import Rooms, Wires
from edge.service.telling import door_event, system_event
from edge.settings import Settings
from edge.values import Decision, DoorSignal, Event, SignalKind

EXIT_SECONDS: Final = 2.0  # a press that could not be followed for so long is forgotten: nobody waits any more

# Every other prompt asks whoever is enrolled to stand otherwise.
_PROMPTS: Final[dict[Prompt, IndicatorWord]] = {
    "press_the_button": "confirm",
    "look_at_camera": "look",
    "hold_still": "look",
}


@contextmanager
def open_wires(settings: Settings, clock: Clock) -> Iterator[Wires]:
    """The door's inputs and its lamp, claimed. Raises InputError naming the key, StrikeError where there is no chip."""
    driver, state = settings.door.driver, settings.state
    with (
        open_inputs(settings.inputs, driver, clock, state) as inputs,
        open_indicator(settings.indicator, driver, clock, state) as indicator,
    ):
        yield Wires(inputs, indicator)


class Doorway:
    """Belongs to the main thread. `tell` writes an event down, or says it where that fails."""

    def __init__(self, rooms: Rooms, publisher: Publisher, tell: Callable[[Event], None]) -> None:
        self._settings = rooms.settings
        self._clock = rooms.clock
        self._strike = rooms.strike
        self._pipeline = rooms.pipeline
        self._inputs, self._indicator = rooms.wires
        self._publisher = publisher
        self._tell = tell
        self._passage = logic.Passage()
        self._failing = False
        self._publish()

    def step(self) -> tuple[DoorSignal, ...]:
        """Hear the wires and do what follows. Returns what they said, for whoever waits for `confirm` or `intent`."""
        self._note_trouble()
        signals = self._inputs.poll()
        pulse = self._strike.until
        if pulse is not None and pulse != self._passage.pulse:
            self._indicator.show("granted")
        self._passage, done = logic.step(self._passage, signals, pulse, self._clock.now(), self._settings.inputs)
        if done.exit_at is not None:
            self._let_out(done.exit_at)
        if done.relock:
            with suppress(StrikeError):  # it is jammed then, and a new one locks
                self._strike.lock()
        for told in done.told:
            self._tell(door_event(told.word, told.detail))
            if told.word == "doorbell":
                self._indicator.show("ring")
        self._publish()
        self._indicator.show(self._lasting())
        self._indicator.poll()
        return self._answers(signals)

    def decided(self, decision: Decision) -> None:
        """Show a refusal; a grant shows itself when the strike has opened."""
        if decision.verdict == "refused":
            self._indicator.show("refused")

    def enrolment_news(self, news: Progress | Outcome) -> None:
        """Show how an enrolment ended."""
        if isinstance(news, Outcome):
            self._indicator.show("refused" if news.person is None else "done")

    def _note_trouble(self) -> None:
        """One event when wires begin to fail, and one when they work again; not one for each look."""
        trouble = self._inputs.trouble
        if bool(trouble) != self._failing:
            self._failing = bool(trouble)
            self._tell(system_event("inputs_failed" if trouble else "inputs_recovered", trouble))

    def _let_out(self, pressed_at: float) -> None:
        try:
            self._strike.pulse(self._settings.door.unlock_seconds, not_after=pressed_at + EXIT_SECONDS)
        except StrikeError as error:
            self._tell(system_event("strike_failed", f"the exit button was pressed but the door did not open: {error}"))

    def _publish(self) -> None:
        self._publisher.state(self._publisher.topics.door_state, self._passage.contact.encode())

    def _lasting(self) -> IndicatorWord:
        if self._strike.state == "JAMMED":
            return "jammed"
        if self._pipeline.window is None:
            return "idle" if self._pipeline.awaits is None else "confirm"
        if not self._pipeline.window.confirmed:
            return "confirm"
        return _PROMPTS.get(self._pipeline.window.prompt, "adjust")

    def _answers(self, signals: tuple[DoorSignal, ...]) -> tuple[DoorSignal, ...]:
        """The signals, with what else a press means where a button has a second meaning."""
        inputs = self._settings.inputs
        meanings: dict[SignalKind, SignalKind] = {}
        if inputs.exit_button_confirms:
            meanings["exit_button"] = "confirm"
        if inputs.intent_button_pin is None:
            meanings["doorbell"] = "intent"
        more = [replace(signal, kind=meanings[signal.kind]) for signal in signals if signal.kind in meanings]
        return (*signals, *more)

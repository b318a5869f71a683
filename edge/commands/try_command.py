"""`limen try`: a whole door on this computer, and its first story: somebody is enrolled and let in, a stranger is not.

The door is a real `limen run` with a private broker and a mock strike; everything here reaches it over MQTT only.
"""

from __future__ import annotations

import json
import signal
import sys
from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

from edge.camera import make_source
from edge.clock import Clock, SystemClock
from edge.commands.dashboard_command import installed
from edge.commands.enroll_command import enroll_at_the_door, tell
from edge.commands.events_command import HEADER, line
from edge.errors import CameraError, LimenError
from edge.mqtt.ask import Session
from edge.mqtt.commands import Incoming
from edge.mqtt.credentials import CLIENT_FILE, broker_directory, client_login
from edge.mqtt.topics import Topics
from edge.service.trial import Trial
from edge.service.trial_board import TrialBoard
from edge.settings import CameraSettings

_PICTURES: Final = Path(".demo")
_RESIDENT: Final = "Eileen Collins"
_START_SECONDS: Final = 30.0
_STORY_SECONDS: Final = 120.0
_INTRODUCTION: Final = """\
Limen is starting a door on this computer: {camera}, a private MQTT broker, a mock strike.
Liveness is off: a single camera cannot tell a face from a photograph of it. This is not for a real door yet.
"""
_BOARD: Final = """\
Dashboard:    {board.address}
              log in as `admin` with the password {board.password}
"""
_NO_BOARD: Final = "No dashboard: its packages are not installed (pip install 'limen[dashboard]').\n"


def execute(options: Namespace) -> int:
    """Tell the story; exit code 1 when it did not come true."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # the terminal's end is this trial's end
        signal.signal(number, signal.default_int_handler)
    clock = SystemClock()
    webcam = None if options.demo else _webcam(clock)
    if webcam is None and not _PICTURES.is_dir():
        raise LimenError("no webcam here, and no pictures for the demo: run `make pictures`")
    source = f"demo:{_PICTURES.absolute()}" if webcam is None else f"usb:{webcam}"
    story, watched = Story(demo=webcam is None), installed()
    print(_INTRODUCTION.format(camera="the demo's two portraits" if webcam is None else "your webcam"), flush=True)
    with Trial(source, clock, variety=webcam is not None, preview=True, dashboard=watched) as trial:
        try:
            trial.wait_for(broker_directory(trial.settings) / CLIENT_FILE, _START_SECONDS)
            with TrialBoard(trial, clock, _START_SECONDS) if watched else nullcontext() as board:
                _follow(trial, board, clock, story, options.seconds)
        except KeyboardInterrupt:
            print()
        except LimenError as error:
            raise LimenError(f"{error}\n\nThe door's last words:\n{trial.last_words()}") from error
        code, off = trial.stop(), trial.strike_is_off()
    if story.told:
        print(f"\n{_RESIDENT} was let in, the stranger was not.")
    print(f"Stopped. The strike is {'off' if off else 'STILL ON'}.")
    return 0 if code == 0 and off and story.came_true else 1


class Story:
    """What has happened so far. With a webcam nobody knows who comes: being enrolled is all that is promised.

    `invited`: whoever sits there was shown where to enrol themself.
    """

    def __init__(self, *, demo: bool) -> None:
        self.demo = demo
        self.enrolled = self.granted = self.pulsed = self.locked_again = self.stranger_refused = False
        self.invited = False
        self._told_of_enrolment = False

    def hear(self, topic: str, topics: Topics, payload: Any) -> str | None:
        """Take in one message; returns the line to print for it."""
        if topic == topics.lock_state:
            self.locked_again = self.pulsed and payload == "LOCKED"
            self.pulsed = self.pulsed or payload == "UNLOCKED"
            words = {"UNLOCKED": "the strike is energised", "LOCKED": "the strike is off again", "JAMMED": "JAMMED"}
            return f"{'':<10}{words[payload]}" if self.pulsed else None
        if payload.get("late"):  # somebody asked for the past, such as the dashboard
            return None
        self._told_of_enrolment |= payload.get("event") == "person_enrolled"
        if self.enrolled and not self._told_of_enrolment and "verdict" in payload:
            return None  # whoever waited to be enrolled was nobody yet
        if payload.get("verdict") == "granted":
            self.granted = True
        elif payload.get("verdict") == "refused" and self.granted:
            self.stranger_refused = True
        return line(payload, colour=sys.stdout.isatty())

    @property
    def told(self) -> bool:
        return self.granted and self.locked_again and self.stranger_refused

    @property
    def came_true(self) -> bool:
        return self.told if self.demo else self.enrolled or self.invited


def _follow(trial: Trial, board: TrialBoard | None, clock: Clock, story: Story, seconds: float | None) -> None:
    """Enrol whoever is there, then print what happens: for ever on a terminal, else until the story is told."""
    settings, topics = trial.settings, Topics.of(trial.settings)
    watching = sys.stdout.isatty()
    if seconds is None and not watching:
        seconds = _STORY_SECONDS
    give_up = None if seconds is None else clock.now() + seconds
    name = _RESIDENT if story.demo else "You"
    listen = [topics.events, topics.lock_state]
    with Session(client_login(settings), topics, clock, listen=listen, patience=_START_SECONDS) as session:
        session.wait_for_door()
        print(f"Live picture: http://127.0.0.1:{settings.preview.port}/")
        print(_NO_BOARD if board is None else _BOARD.format(board=board), flush=True)
        if board is not None and watching and not story.demo:
            print(f"Enrol yourself there: {board.address}people/enroll")
            story.invited = True
        else:
            print(f"Enrolling {name}: {topics.request('enroll')}", flush=True)
            tell(name, enroll_at_the_door(settings, name, key=trial.key))
            story.enrolled = True
        print(
            f"\nWhat happens now, from {topics.events} and {topics.lock_state}. Ctrl-C ends it.\n{HEADER}", flush=True
        )
        for incoming in session.follow(silence=seconds):
            _print(incoming, story, topics)
            if (story.told and not watching) or (give_up is not None and clock.now() > give_up):
                return


def _print(incoming: Incoming, story: Story, topics: Topics) -> None:
    text = incoming.payload.decode()
    row = story.hear(incoming.topic, topics, text if incoming.topic == topics.lock_state else json.loads(text))
    if row is not None:
        print(row, flush=True)


def _webcam(clock: Clock) -> int | None:
    """The number of the first camera that gives a picture; where none does, it is told what keeps the first from it."""
    troubles: list[str] = []
    for number in sorted(int(path.name[5:]) for path in Path("/dev").glob("video[0-9]*")):
        source = make_source(CameraSettings(source=f"usb:{number}"), clock, Path())
        try:
            source.open()
            source.read()
        except CameraError as error:
            troubles.append(str(error))
        else:
            return number
        finally:
            source.close()
    if troubles:
        print(f"Your webcam is left out: {troubles[0]}")
    return None

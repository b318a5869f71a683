"""`limen try`, what `make run` ends in: the first thing a newcomer sees, and how it ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from edge.commands.try_command import Story
from edge.mqtt.topics import Topics
from tests.edge.doors import CLOCK, PATIENCE
from tests.edge.eyes import MODELS

PROJECT = MODELS.parent
TRY = [sys.executable, "-u", "-m", "edge", "try", "--demo"]


def test_a_newcomer_sees_a_resident_let_in_and_a_stranger_not() -> None:
    done = subprocess.run(TRY, cwd=PROJECT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    story = done.stdout
    assert "Liveness is off" in story
    moments = [
        "Dashboard:    http://127.0.0.1:",
        "log in as `admin` with the password ",
        "Enrolling Eileen Collins",
        "Eileen Collins is enrolled as",
        "granted  Eileen Collins",
        "the strike is energised",
        "the strike is off again",
        "refused  -",
        "Eileen Collins was let in, the stranger was not.",
        "The strike is off.",
    ]
    assert [story.find(one) for one in moments] == sorted(story.find(one) for one in moments)
    assert all(one in story for one in moments)
    assert "granted  -" not in story


def test_a_face_that_waited_to_be_enrolled_is_not_told_of_as_refused() -> None:
    story, topics = Story(demo=True), Topics("limen", "front")
    story.enrolled = True
    at = {"ts": "2026-11-22T12:00:00Z"}
    nobody = {"person": None, "person_id": None, "similarity": 0.24, "votes": 0, "references": 10, "latency_ms": 9.0}
    refused = {"verdict": "refused", "reason": "unknown", **nobody, **at}
    assert story.hear(topics.events, topics, refused) is None
    assert "person_enrolled" in (story.hear(topics.events, topics, {"event": "person_enrolled", **at}) or "")
    assert "refused" in (story.hear(topics.events, topics, refused) or "")
    assert not story.stranger_refused, "nobody was let in yet"


def test_ctrl_c_ends_the_trial_and_everything_it_started(tmp_path: Path) -> None:
    with (
        (tmp_path / "out").open("w") as out,
        subprocess.Popen(TRY, cwd=PROJECT, stdout=out, stderr=out) as trial,
    ):
        door = Watcher(trial, tmp_path / "out")
        door.wait_for("is enrolled as")
        before = door.children()
        assert before, "there is a door to end"
        ((address, password),) = re.findall(r"Dashboard: +(\S+)/\n.* password (\S+)\n", (tmp_path / "out").read_text())
        form = {"name": "admin", "password": password}
        assert httpx.post(f"{address}/login", data=form, headers={"origin": address}).headers["location"] == "/"
        trial.send_signal(signal.SIGINT)
        assert trial.wait(PATIENCE) == 1, "the story was not told to its end"
    assert "The strike is off." in (tmp_path / "out").read_text()
    assert not [pid for pid in before if Path(f"/proc/{pid}").exists()]


class Watcher:
    """What a trial has written and started."""

    def __init__(self, trial: subprocess.Popen[bytes], out: Path) -> None:
        self._trial = trial
        self._out = out

    def wait_for(self, text: str) -> None:
        deadline = CLOCK.now() + PATIENCE
        while text not in self._out.read_text():
            assert self._trial.poll() is None, self._out.read_text()
            assert CLOCK.now() < deadline
            CLOCK.sleep(0.05)

    def children(self) -> list[int]:
        """The door, and what the door started."""
        found = [self._trial.pid]
        for parent in found:
            listed = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False
            )
            found += [int(pid) for pid in listed.stdout.split()]
        return found[1:]

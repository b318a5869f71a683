"""The real pins, as far as they can be known without a GPIO chip: a stand-in of lgpio notes what is asked of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LGPIO = """
import os
os.chdir(os.environ["LG_WD"])  # as lgpio does, for good
open(".lgd-nfy0", "w").close()
calls, levels, stuck, busy = [], {22: 1, 27: 1}, False, int(os.environ.get("BUSY", 0))
SET_PULL_NONE, SET_PULL_UP, SET_PULL_DOWN, BOTH_EDGES, RISING_EDGE, FALLING_EDGE = range(6)
class error(Exception): ...
def gpiochip_open(chip): return 0
def gpio_get_mode(handle, pin): return 2 if pin == 17 else 0
def gpio_claim_input(handle, pin, flags=0): calls.append(f"input {pin}")
def gpio_free(handle, pin): pass
def gpio_claim_output(handle, pin, level=0):
    global busy
    busy -= 1
    if busy >= 0: raise error("'GPIO busy'")
    calls.append(f"output {int(level)}"); levels[pin] = level
def gpio_write(handle, pin, level): calls.append(f"write {int(level)}"); levels[pin] = levels[pin] if stuck else level
def gpio_read(handle, pin): return levels[pin]
"""

HEAD = """
import os, sys
from pathlib import Path
from gpiozero.pins.local import LocalPiFactory
from edge.clock import SystemClock
from edge.door.inputs import open_inputs
from edge.door.line import claim_locked
from edge.errors import StrikeBusyError, StrikeError
from edge.settings import InputSettings
LocalPiFactory._get_revision = lambda self: 0xC03111  # a Raspberry Pi 4
class Hurried(SystemClock):
    passed = 0.0
    def now(self): return self.passed
    def sleep(self, seconds): self.passed += seconds
clock = Hurried()
def claim():
    return claim_locked("gpio", 17, active_high=sys.argv[1] == "True", state_dir=Path(), clock=clock)
"""


def said(tmp_path: Path, script: str, *, active_high: bool = True, **environment: str) -> list[str]:
    """What `script` prints where lgpio is the stand-in."""
    (tmp_path / "lgpio.py").write_text(LGPIO)
    python = [sys.executable, "-c", HEAD + script, str(active_high)]
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    known = os.environ | {"PYTHONPATH": path} | environment
    return subprocess.check_output(python, text=True, env=known).splitlines()


@pytest.mark.parametrize("active_high", [True, False])
def test_the_strikes_pin_is_claimed_at_its_locked_level_and_never_let_go(tmp_path: Path, *, active_high: bool) -> None:
    script = """
strike = claim()
import lgpio
strike.unlock()
strike.lock()
print(*lgpio.calls, sep=", ")
lgpio.stuck = True
try:
    strike.unlock()
except StrikeError as error:
    print(error)
lgpio.calls.clear()
del strike
print(lgpio.calls)
"""
    on, off = int(active_high), int(not active_high)
    told = said(tmp_path, script, active_high=active_high)
    assert told[0] == f"output {off}, write {off}, write {on}, write {off}"
    assert "did not follow" in told[1]
    assert told[2] == "[]"


def test_a_pin_that_another_process_holds_is_waited_for_and_not_for_ever(tmp_path: Path) -> None:
    script = """
try:
    claim()
except StrikeBusyError as error:
    print(error)
import lgpio
print(*lgpio.calls, clock.passed < 10)
"""
    assert said(tmp_path, script, BUSY="3") == ["output 0 write 0 True"]
    told = said(tmp_path, script, BUSY="100000")
    assert "GPIO 17" in told[0]
    assert "another process holds it" in told[0]
    assert told[1] == "True", "nothing was driven"


def test_lgpio_finds_a_folder_of_its_own_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    script = """
before = os.getcwd()
claim()
import lgpio
print(os.getcwd() == before, os.path.exists(os.environ["LG_WD"]), os.path.dirname(os.environ["LG_WD"]))
"""
    runtime = str(tmp_path / "runtime")
    assert said(tmp_path, script, RUNTIME_DIRECTORY=runtime) == [f"True False {runtime}"]
    assert list((tmp_path / "runtime").iterdir()) == []


def test_a_file_that_drives_the_mock_drives_no_real_input(tmp_path: Path) -> None:
    script = """
from pathlib import Path
inputs = open_inputs(InputSettings(contact_pin=22, exit_button_pin=27), "gpio", clock, Path(os.environ["STATE"]))
import lgpio
def look():
    for _ in range(10):
        inputs.look()
        clock.sleep(0.02)
    print(*[signal.kind for signal in inputs.poll()])
look()
lgpio.levels[27] = 0
look()
lgpio.levels[22] = 0
look()
"""
    for pin in (22, 27):
        (tmp_path / f"pin-{pin}.input").write_text("0")
    assert said(tmp_path, script, STATE=str(tmp_path)) == ["contact_open", "exit_button", "contact_closed"]

"""A door that `limen upgrade` takes to a newer version, again and again, with a stand-in for systemctl.

Each version is a folder as the installer makes it, already there, whose program runs this checkout; what becomes of a
version is written into its program. Copying and pip, which touch no pin, are not part of it.
"""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from edge.clock import SystemClock
from edge.deploy.actions import DeployError
from edge.deploy.layout import Layout
from edge.deploy.machine import look_around
from edge.deploy.upgrade import in_use, upgrade
from edge.deploy.version import PARTS, READY, folder_for
from tests.edge.doors import PATIENCE
from tests.edge.pins import CLOCK
from tests.faults import systemctl
from tests.faults.house import House

PROJECT: Final = Path(__file__).parents[2]
WATCHED: Final = 2.5
_PROGRAM: Final = """#!/bin/sh
export PYTHONPATH="{project}"
exec >>"{log}" 2>&1
{fate}
exec "{python}" -m edge "$@"
"""
# By what becomes of a version: a line of its program.
FATES: Final = {
    "holds": "",
    "fails its trial": 'if [ "$1" = check-config ]; then exit 78; fi',
    "is never ready": 'if [ "$1" = run ]; then exit 1; fi',
    "dies": 'if [ "$1" = run ]; then exec timeout -s KILL 1.5 "{python}" -m edge "$@"; fi',
}


class UpgradedHouse(House):
    def __init__(self, home: Path, chance: random.Random) -> None:
        self.layout = Layout(home / "root")
        self.layout.etc.mkdir(parents=True)
        self._path = os.environ["PATH"]
        self._number = 0
        self.fates = [*FATES]
        chance.shuffle(self.fates)
        self._forgotten: list[float] = []
        super().__init__(home, chance)

    @property
    def config_folder(self) -> Path:
        return self.layout.etc

    @property
    def config(self) -> str:
        return super().config.replace(str(self.home / "state"), str(self.layout.state))

    def __enter__(self) -> Self:
        super().__enter__()
        programs = self.home / "bin"
        programs.mkdir()
        _write_program(
            programs / "systemctl",
            f'#!/bin/sh\nexport PYTHONPATH="{PROJECT}"\n'
            f'exec "{sys.executable}" -m tests.faults.systemctl "{self.layout.root}" "$@"\n',
        )
        os.environ["PATH"] = f"{programs}:{self._path}"
        first = self.prepare("holds")
        self.layout.current.symlink_to(folder_for(self.layout, first).relative_to(self.layout.opt))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.environ["PATH"] = self._path
        super().__exit__(kind, error, trace)

    def start(self) -> None:
        if systemctl.running(self.layout.root) is None:
            assert subprocess.run(("systemctl", "start"), check=False).returncode == 0

    def opens(self) -> None:
        before, give_up = self.openings(), CLOCK.now() + PATIENCE
        while self.openings() == before:
            assert CLOCK.now() < give_up, "nobody is let in any more"
            CLOCK.sleep(0.02)

    def clear_away(self) -> None:
        systemctl.stop(self.layout.root)
        super().clear_away()

    def prepare(self, fate: str) -> Path:
        """A checkout of the next version, and the folder that the installer would make of it."""
        self._number += 1
        checkout = self.home / f"checkout-{self._number}"
        for part in PARTS:
            if part in {"edge", "convert", "models", "systemd"}:
                (checkout / part).mkdir(parents=True)
            else:
                (checkout / part).touch()
        (checkout / "edge/__init__.py").write_text(f'__version__ = "{self._number}"\n', encoding="utf-8")
        folder = folder_for(self.layout, checkout)
        program = self.layout.program(folder)
        program.parent.mkdir(parents=True)
        line = FATES[fate].format(python=sys.executable)
        log = self.home / "door.log"
        _write_program(program, _PROGRAM.format(project=PROJECT, log=log, fate=line, python=sys.executable))
        (folder / READY).touch()
        return checkout

    def say(self, text: str) -> None:
        """Before the database goes back to what it was: what the newer version wrote down counts, too."""
        if text.startswith("back"):
            self._forgotten = self.grants()

    def grants(self) -> list[float]:
        return sorted({*self._forgotten, *super().grants()})


def upgraded(house: UpgradedHouse) -> None:
    """At any moment, to a version of each fate in turn; afterwards a version that holds lets the resident in."""
    house.start()
    house.wait(0, 2)
    house.fates.append(fate := house.fates.pop(0))
    before, checkout = in_use(house.layout), house.prepare(fate)
    try:
        upgrade(house.layout, look_around(house.layout), checkout, SystemClock(), house.say, watched=WATCHED)
        assert fate == "holds", "a version that does not hold was taken"
    except DeployError:
        assert fate != "holds", "a version that holds was not taken"
    wanted = folder_for(house.layout, checkout) if fate == "holds" else before
    assert in_use(house.layout) == wanted
    house.opens()


def _write_program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)

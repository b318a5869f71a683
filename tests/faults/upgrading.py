"""A door that `limen upgrade` takes to a newer version, again and again, with a stand-in for systemctl.

What becomes of a version is written into its program. `UpgradedHouse` has each version's folder made already, with a
program that runs this checkout: quick enough for the tests. `WhollyUpgradedHouse` has only a checkout of it: it is
copied, gets an environment of its own, and pip installs it there without a network.
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

from edge import __version__
from edge.clock import SystemClock
from edge.deploy.actions import DeployError, Tree
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
exec "{python}" -c '{begin}
from edge.__main__ import main
sys.exit(main())' "$@"
"""
# Its output goes into a file, and then a line of FATES.
_BEGIN: Final = """import os, sys
log = os.open("{log}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.dup2(log, 1), os.dup2(log, 2), os.close(log)
{fate}"""
# By what becomes of a version: a line of its program.
FATES: Final = {
    "holds": "",
    "fails its trial": 'if sys.argv[1] == "check-config": sys.exit(78)',
    "is never ready": 'if sys.argv[1] == "run": sys.exit(1)',
    "dies": 'if sys.argv[1] == "run": import signal; signal.setitimer(signal.ITIMER_REAL, 1.5)',
}


class UpgradedHouse(House):
    def __init__(self, home: Path, chance: random.Random) -> None:
        self.layout = Layout(home / "root")
        self.layout.etc.mkdir(parents=True)
        self._environment = dict(os.environ)
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
        os.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
        first = UpgradedHouse.prepare(self, "holds")
        self.layout.current.symlink_to(folder_for(self.layout, first).relative_to(self.layout.opt))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in os.environ.keys() - self._environment.keys():
            del os.environ[name]
        os.environ.update(self._environment)
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
        checkout = self._next_checkout()
        for part in PARTS:
            if part in {"edge", "convert", "models", "systemd"}:
                (checkout / part).mkdir(parents=True)
            else:
                (checkout / part).touch()
        (checkout / "edge/__init__.py").write_text(f'__version__ = "{self._number}"\n', encoding="utf-8")
        folder = folder_for(self.layout, checkout)
        program = self.layout.program(folder)
        program.parent.mkdir(parents=True)
        _write_program(program, _PROGRAM.format(project=PROJECT, begin=self._begin(fate), python=sys.executable))
        (folder / READY).touch()
        return checkout

    def _begin(self, fate: str) -> str:
        return _BEGIN.format(log=self.home / "door.log", fate=FATES[fate])

    def _next_checkout(self) -> Path:
        self._number += 1
        return self.home / f"checkout-{self._number}"

    def say(self, text: str) -> None:
        """Before the database goes back to what it was: what the newer version wrote down counts, too."""
        if text.startswith("back"):
            self._forgotten = self.grants()

    def grants(self) -> list[float]:
        return sorted({*self._forgotten, *super().grants()})


class WhollyUpgradedHouse(UpgradedHouse):
    def __enter__(self) -> Self:
        wheels = self.home / "wheels"  # all that pip will need; this is what a network is needed for
        command = (sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", wheels, "setuptools>=77")
        subprocess.run((*command, f"{PROJECT}[dashboard]"), check=True)
        super().__enter__()
        os.environ.pop("PYTHONPATH", None)
        os.environ.update(PIP_CONFIG_FILE=os.devnull, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))
        return self

    def prepare(self, fate: str) -> Path:
        """A checkout of the next version, and nothing else."""
        checkout = self._next_checkout()
        Tree(PROJECT, PARTS, checkout).do()
        for file, old, new in (
            ("edge/__init__.py", f'"{__version__}"', f'"{self._number}"'),
            ("edge/__main__.py", "import sys\n", f"{self._begin(fate)}\n"),
        ):
            text = (checkout / file).read_text(encoding="utf-8")
            assert old in text
            (checkout / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return checkout


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

"""The newer version beside the older one: tried, switched to, watched, and switched back where it does not hold."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge.clock import Clock
from edge.deploy.actions import DeployError, Link, Remove, Run
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine
from edge.deploy.version import folder_for, make_version

UNIT: Final = "limen.service"
WATCHED_SECONDS: Final = 60.0
_LOOK_EVERY: Final = 2.0
_STORE: Final = "store.db*"
_BACKUP: Final = "before-upgrade"

Say = Callable[[str], None]


def upgrade(
    layout: Layout, machine: Machine, source: Path, clock: Clock, say: Say, *, watched: float = WATCHED_SECONDS
) -> None:
    """Install the checkout `source` beside the version in use, and switch to it for good when it stays up.

    Raises DeployError, with the earlier version in use again and its database as it was, when it does not.
    """
    before = in_use(layout)
    after = folder_for(layout, source)
    if before == after:
        say("This is the version in use: nothing to do.")
        return
    for step in make_version(layout, machine, source, csi=_shares(before)):
        say(step.told())
        step.do()
    _try_out(layout, after, say)
    was_running = _is_active()
    if was_running:
        say("stop   the door, and keep a copy of its database")
        _systemctl("stop", UNIT)
    _keep_store(layout)
    _switch(layout, after)
    if was_running:
        try:
            _watch(clock, say, watched)
        except DeployError as error:
            _back(layout, before, say)
            raise DeployError(f"{error}; {before.name} is in use again") from error
    _tidy(layout, (before, after))
    say(f"Now in use: {after.name}" + ("" if was_running else " (the door was not running)"))


def in_use(layout: Layout) -> Path:
    """The folder of the version in use. Raises DeployError where nothing is installed."""
    if not layout.current.is_symlink():
        raise DeployError(f"{layout.current} is missing: Limen is not installed here; see systemd/install")
    return layout.versions / layout.current.readlink().name


def _try_out(layout: Layout, version: Path, say: Say) -> None:
    """Configuration and models, with the new version's own program, while the old one still works the door."""
    program = str(layout.program(version))
    for words in (("check-config",), ("doctor", "--only", "models")):
        say(f"try    limen {' '.join(words)}")
        Run((program, *words, "--config", str(layout.config))).do()


def _watch(clock: Clock, say: Say, seconds: float) -> None:
    """Started by systemd, which waits until it is ready; then it must stay up without a restart."""
    say(f"start  the door, and watch it for {seconds:.0f} s")
    if _systemctl("start", UNIT) != 0:
        raise DeployError("the new version did not become ready")
    restarts = _property("NRestarts")
    give_up = clock.now() + seconds
    while clock.now() < give_up:
        if not _is_active() or _property("NRestarts") != restarts:
            raise DeployError("the new version did not stay up")
        clock.sleep(min(_LOOK_EVERY, seconds))


def _back(layout: Layout, before: Path, say: Say) -> None:
    say("back   to the earlier version and its database")
    _systemctl("stop", UNIT)
    kept = layout.state / _BACKUP
    for file in layout.state.glob(_STORE):
        file.unlink()
    for file in kept.glob(_STORE):
        _copy(file, layout.state / file.name)
    _switch(layout, before)
    _systemctl("start", UNIT)


def _keep_store(layout: Layout) -> None:
    """A copy beside it: what a new version makes of the database, an old one may not be able to read."""
    kept = layout.state / _BACKUP
    Remove(kept).do()
    kept.mkdir(mode=0o700)
    shutil.copystat(layout.state, kept)
    for file in layout.state.glob(_STORE):
        _copy(file, kept / file.name)


def _copy(file: Path, to: Path) -> None:
    """With its mode and its owner."""
    shutil.copy2(file, to)
    about = file.stat()
    shutil.chown(to, about.st_uid, about.st_gid)


def _switch(layout: Layout, version: Path) -> None:
    Link(layout.current, version.relative_to(layout.opt)).do()


def _tidy(layout: Layout, kept: tuple[Path, ...]) -> None:
    for folder in layout.versions.iterdir():
        if folder not in kept:
            Remove(folder).do()


def _shares(version: Path) -> bool:
    """Whether that version's environment sees Debian's packages, as it must for a CSI camera."""
    path = version / "venv/pyvenv.cfg"
    return path.exists() and "include-system-site-packages = true" in path.read_text(encoding="utf-8")


def _is_active() -> bool:
    return _systemctl("is-active", "--quiet", UNIT) == 0


def _property(name: str) -> str:
    command = ("systemctl", "show", UNIT, f"--property={name}", "--value")
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _systemctl(*words: str) -> int:
    try:
        return subprocess.run(("systemctl", *words), check=False).returncode
    except OSError as error:
        raise DeployError(f"systemctl cannot be run: {error}") from error

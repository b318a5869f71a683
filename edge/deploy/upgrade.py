"""The newer version beside the older one: tried, switched to, watched, and switched back where it does not hold."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Literal

from edge.clock import Clock
from edge.deploy.actions import DeployError, File, Link, Remove, Run, sync
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine
from edge.deploy.version import READY, UNITS, folder_for, make_version, services

UNIT, DASHBOARD = UNITS
WATCHED_SECONDS: Final = 60.0
_LOOK_EVERY: Final = 2.0
_STORE: Final = "store.db"
_BESIDE: Final = ("-wal", "-shm")
_BACKUP: Final = "before-upgrade"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What stands on the disk while versions change, so that whatever cuts it short is mended by the next upgrade.

    `running`: whether the door was. `stage`: the newer version has not been switched to yet; it has, or is about to be,
    and was not found to hold; it did not hold, and the earlier one is on its way back.
    """

    before: str
    running: bool
    stage: Literal["stopping", "switching", "back"] = "stopping"


def upgrade(
    layout: Layout, machine: Machine, source: Path, clock: Clock, say: Say, *, watched: float = WATCHED_SECONDS
) -> None:
    """Install the checkout `source` beside the version in use, and switch to it for good when it stays up.

    Raises DeployError, with the earlier version in use again and its database as it was, when it does not. What ends
    it in another way (Ctrl-C) also brings the earlier one back; a kill or a power cut leaves that to the next upgrade.
    """
    with _alone(layout):
        _finish_earlier(layout, clock, say, watched)
        before, after = in_use(layout), folder_for(layout, source)
        if before == after:
            say("This is the version in use: nothing to do.")
            return
        _make(layout, machine, source, before, say)
        _try_out(layout, after, say)
        change = Unfinished(before.name, _is_active())
        _change_over(layout, change, after, clock, say, watched)
        _systemctl("try-restart", DASHBOARD)
        _tidy(layout, (before, after))
        say(f"Now in use: {after.name}" + ("" if change.running else " (the door was not running)"))


def in_use(layout: Layout) -> Path:
    """The folder of the version in use. Raises DeployError where nothing is installed."""
    if not layout.current.is_symlink():
        raise DeployError(f"{layout.current} is missing: Limen is not installed here; see systemd/install")
    return layout.versions / layout.current.readlink().name


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """Two at once would take each other for one that was cut short."""
    folder = in_use(layout).parent
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise DeployError("another upgrade is running") from error
    finally:
        os.close(descriptor)


def _make(layout: Layout, machine: Machine, source: Path, before: Path, say: Say) -> None:
    """Put the newer version beside the one in use; one that cannot be finished takes up no room."""
    folder = folder_for(layout, source)
    try:
        for step in make_version(layout, machine, source, csi=_shares(before)):
            say(step.told())
            step.do()
    finally:
        if not (folder / READY).exists():
            Remove(folder).do()


def _try_out(layout: Layout, version: Path, say: Say) -> None:
    """Configuration and models, with the new version's own program, while the old one still works the door."""
    program = str(layout.program(version))
    for words in (("check-config",), ("doctor", "--only", "models")):
        say(f"try    limen {' '.join(words)}")
        Run((program, *words, "--config", str(layout.config))).do()


def _watch(clock: Clock, say: Say, seconds: float) -> None:
    """Started by systemd, which waits until it is ready; then it must stay up without a restart."""
    say(f"start  the door, and watch it for {seconds:.0f} s")
    if not _starts():
        raise DeployError("the new version did not become ready")
    restarts = _property("NRestarts")
    give_up = clock.now() + seconds
    while clock.now() < give_up:
        if not _is_active() or _property("NRestarts") != restarts:
            raise DeployError("the new version did not stay up")
        clock.sleep(min(_LOOK_EVERY, seconds))


def _change_over(layout: Layout, change: Unfinished, after: Path, clock: Clock, say: Say, watched: float) -> None:
    _note(layout, change)
    held = False
    try:
        if change.running:
            say("stop   the door, and keep a copy of its database")
            _systemctl("stop", UNIT)
        _keep_store(layout)
        _note(layout, replace(change, stage="switching"))
        _switch(layout, after)
        if change.running:
            _watch(clock, say, watched)
        held = True
    except (DeployError, OSError) as error:
        raise DeployError(f"{error}; {change.before} is in use again") from error
    finally:
        if not held:
            _back(layout, say, at_once=True)
    Remove(note_file(layout)).do()


def _finish_earlier(layout: Layout, clock: Clock, say: Say, watched: float) -> None:
    """What was cut short in the middle: its version is kept if it holds, and otherwise the earlier one comes back."""
    change = _unfinished(layout)
    if change is None:
        return
    say("An earlier upgrade was cut short: that first")
    switched = in_use(layout).name != change.before
    try:
        if switched and change.stage == "switching":
            if change.running:
                _watch(clock, say, watched)
        elif switched or change.stage == "back":
            raise DeployError("it was on its way back")  # noqa: TRY301 - as one that does not hold
        elif change.running:
            _systemctl("start", UNIT)
        Remove(note_file(layout)).do()
    except DeployError as error:
        say(f"back   because {error}")
        _back(layout, say, at_once=False)


def _back(layout: Layout, say: Say, *, at_once: bool) -> None:
    """Whatever of it was done already. Needs no room on the disk, which may be full.

    Not `at_once` the door may have worked on since, after a restart of the machine, and the copy of the database may be
    weeks old: it comes back only where the earlier version cannot work with what there is.
    """
    change = _unfinished(layout)
    if change is None:
        return
    if change.stage != "stopping":
        say("back   to the earlier version and its database")
        with suppress(DeployError):
            _note(layout, replace(change, stage="back"))
        _systemctl("stop", UNIT)
        # The link first: cut short here, a version starts that would rather refuse a newer database than lose one.
        _switch(layout, layout.versions / change.before)
        if at_once:
            _restore_store(layout)
    if change.running and not _starts() and (change.stage == "stopping" or not _starts_with_copy(layout)):
        say("The earlier version does not become ready either: `systemctl status limen` says why")
    Remove(note_file(layout)).do()


def _starts() -> bool:
    return _systemctl("start", UNIT) == 0


def _starts_with_copy(layout: Layout) -> bool:
    _systemctl("stop", UNIT)
    _restore_store(layout)
    return _starts()


def note_file(layout: Layout) -> Path:
    """There while versions change."""
    return layout.opt / "upgrading"


def _note(layout: Layout, change: Unfinished) -> None:
    File(note_file(layout), json.dumps(asdict(change))).do()


def _unfinished(layout: Layout) -> Unfinished | None:
    file = note_file(layout)
    try:
        return Unfinished(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise DeployError(f"{file} cannot be read ({error}): remove it, and look whether the door runs") from error


def _keep_store(layout: Layout) -> None:
    """A copy beside it, whole or not there: what a new version makes of the database, an old one may not read."""
    kept = layout.state / _BACKUP
    unfinished = kept.with_name(f"{_BACKUP}.unfinished")
    Remove(unfinished).do()
    try:
        unfinished.mkdir(mode=0o700)
        shutil.copystat(layout.state, unfinished)
        for file in _store_files(layout.state):
            _copy(file, unfinished / file.name)
        Remove(kept).do()
        unfinished.rename(kept)
        sync(layout.state)
    except OSError as error:
        raise DeployError(f"the database cannot be copied: {error}") from error
    finally:
        Remove(unfinished).do()


def _restore_store(layout: Layout) -> None:
    """By moving: what is cut short can be done again, and a full disk is no matter."""
    kept = layout.state / _BACKUP
    if not (kept / _STORE).exists():
        return  # done already
    for ending in _BESIDE:
        (layout.state / f"{_STORE}{ending}").unlink(missing_ok=True)
    for file in _store_files(kept):
        file.replace(layout.state / file.name)
    Remove(kept).do()


def _store_files(folder: Path) -> list[Path]:
    """The database, and its log where it was not closed."""
    return [file for ending in ("", "-wal") if (file := folder / f"{_STORE}{ending}").exists()]


def _copy(file: Path, to: Path) -> None:
    """With its mode and its owner."""
    shutil.copy2(file, to)
    sync(to)
    about = file.stat()
    shutil.chown(to, about.st_uid, about.st_gid)


def _switch(layout: Layout, version: Path) -> None:
    """To a version and what systemd has to know of it."""
    for step in services(layout, version):
        step.do()
    Link(layout.current, version.relative_to(layout.opt)).do()
    _systemctl("daemon-reload")


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

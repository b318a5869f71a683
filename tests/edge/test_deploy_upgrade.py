"""Upgrading: the newer version holds, or the earlier one is back with its database, whatever came in between."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.deploy.actions import DeployError
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine
from edge.deploy.upgrade import in_use, upgrade
from edge.deploy.version import PARTS, READY, folder_for
from edge.service.doctor.unit import unit
from tests.edge.kills import lines_of

LAPTOP = Machine("bookworm", "x86_64", (3, 11), "", None, True, True, False, True)


class Stopwatch(SystemClock):
    """Time passes only by sleeping."""

    at = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


# Stands in for systemd: what it is asked goes into a file, and one file says how the new version fares, which makes the
# database its own as soon as it is started. The old one cannot read it then.
SYSTEMCTL = """#!/bin/sh
cd "$LIMEN_TEST" || exit
echo "$@ $(readlink opt/limen/current)" >>asked
fate=$(cat fate)
new=$(readlink opt/limen/current | grep -c new)
case "$1 $new" in
    "start 1") sed -i s/people/migrated/ var/lib/limen/store.db ;;
    "start 0") ! grep -q migrated var/lib/limen/store.db || exit 1 ;;
esac
case "$1 $fate $new" in
    "start unready 1" | "start sick "*) exit 1 ;;
    "start "*) touch running ;;
    "stop "*) rm -f running ;;
    "is-active dying 1") exit 3 ;;
    "is-active "*) test -e running || exit 3 ;;
    "show restarting 1") echo "$$" ;;
    "show "*) echo 0 ;;
esac
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Version `old` in use with a database; a newer checkout lies in `checkout`, its version made already."""
    layout = Layout(tmp_path)
    checkout = tmp_path / "checkout"
    for part in PARTS:
        (checkout / part).mkdir(parents=True) if "." not in part and part.islower() else (checkout / part).write_text(
            ""
        )
    (checkout / "edge/__init__.py").write_text('__version__ = "new"\n')
    for version in (layout.versions / "old", folder_for(layout, checkout)):
        program = layout.program(version)
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        (version / READY).touch()
    layout.current.symlink_to("versions/old")
    layout.state.mkdir(parents=True)
    (layout.state / "store.db").write_text("people")
    (tmp_path / "running").touch()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text(SYSTEMCTL)
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("LIMEN_TEST", str(tmp_path))
    return layout


def attempt(layout: Layout, fate: str) -> list[str]:
    """What was said while upgrading to a new version of that fate."""
    (layout.root / "fate").write_text(fate)
    said: list[str] = []
    upgrade(layout, LAPTOP, layout.root / "checkout", Stopwatch(), said.append, watched=4.0)
    return said


def people(layout: Layout) -> str:
    return (layout.state / "store.db").read_text()


def is_running(layout: Layout) -> bool:
    return (layout.root / "running").exists()


def test_a_version_that_stays_up_is_in_use_from_then_on(installed: Layout) -> None:
    said = attempt(installed, "well")
    assert in_use(installed).name.startswith("new")
    assert people(installed) == "migrated"
    assert "Now in use: new" in said[-1]
    assert attempt(installed, "well") == ["This is the version in use: nothing to do."]


@pytest.mark.parametrize("fate", ["unready", "dying", "restarting"])
def test_a_version_that_does_not_hold_gives_way_to_the_earlier_one_and_its_database(
    installed: Layout, fate: str
) -> None:
    with pytest.raises(DeployError, match="old is in use again"):
        attempt(installed, fate)
    assert in_use(installed).name == "old"
    assert people(installed) == "people"
    assert (installed.root / "asked").read_text().splitlines()[-1] == "start limen.service versions/old"


def test_a_version_that_fails_its_trial_is_never_switched_to(installed: Layout) -> None:
    new = installed.program(folder_for(installed, installed.root / "checkout"))
    new.write_text("#!/bin/sh\nexit 78\n")
    with pytest.raises(DeployError, match="check-config"):
        attempt(installed, "well")
    assert in_use(installed).name == "old"
    assert not (installed.root / "asked").exists(), "and the door worked on"


def test_a_door_that_was_stopped_stays_stopped(installed: Layout) -> None:
    (installed.root / "running").unlink()
    assert "not running" in attempt(installed, "well")[-1]
    assert not is_running(installed)


def test_the_version_that_was_in_use_before_stays_and_older_ones_go(installed: Layout) -> None:
    (installed.versions / "oldest").mkdir()
    attempt(installed, "well")
    assert {one.name.split("-")[0] for one in installed.versions.iterdir()} == {"old", "new"}


def test_without_an_installation_there_is_nothing_to_upgrade(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="not installed"):
        in_use(Layout(tmp_path))


# -- cut short -------------------------------------------------------------------------------------------------------

POINTS = 25
SINCE = " and one more"


def count(layout: Layout, fate: str, kill_at: int = -1) -> int:
    """How many lines of an upgrade run; at `kill_at` it is killed."""

    def work() -> None:
        try:
            attempt(layout, fate)
        except DeployError:
            assert fate != "well"

    return lines_of(work, "/edge/deploy/", kill_at)


def boot(layout: Layout) -> None:
    """The machine starts after a power cut; a door that comes up enrols somebody in the weeks that follow."""
    (layout.root / "running").unlink(missing_ok=True)
    if subprocess.run(("systemctl", "start"), check=False).returncode == 0:
        with (layout.state / "store.db").open("a") as file:
            file.write(SINCE)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("fate", ["well", "unready"])
def test_a_kill_at_any_step_loses_nobody_and_the_next_attempt_brings_it_to_an_end(
    installed: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fate: str, restarted: bool
) -> None:
    begin = tmp_path.with_name(f"{tmp_path.name}-begin")
    shutil.copytree(tmp_path, begin, symlinks=True)
    steps = count(installed, fate)
    for step in sorted({round(1 + number * (steps - 1) / (POINTS - 1)) for number in range(POINTS)}):
        root = tmp_path.with_name(f"{tmp_path.name}-{step}")
        shutil.copytree(begin, root, symlinks=True)
        monkeypatch.setenv("LIMEN_TEST", str(root))
        layout = Layout(root)
        child = os.fork()
        if child == 0:
            count(layout, fate, kill_at=step)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"step {step} of {steps} was never reached"
        assert people(layout) in {"people", "migrated"}, step
        assert layout.program(in_use(layout)).exists(), step
        if restarted:
            boot(layout)
        since = SINCE * people(layout).endswith(SINCE)
        assert count(layout, fate)
        assert is_running(layout), step
        assert (in_use(layout).name, people(layout)) == (in_use(installed).name, people(installed) + since), step
        assert not [*layout.opt.glob("upgrading*"), *layout.root.rglob("*.unfinished")], step


def test_the_doctor_tells_of_an_upgrade_that_was_cut_short(installed: Layout) -> None:
    assert "upgrade" not in {finding.what for finding in unit(installed)}
    (installed.opt / "upgrading").touch()
    assert ("upgrade", "warn") in {(finding.what, finding.state) for finding in unit(installed)}


def test_an_upgrade_that_is_interrupted_while_it_watches_goes_back(installed: Layout) -> None:
    (installed.root / "fate").write_text("well")

    def say(text: str) -> None:
        if text.startswith("start"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upgrade(installed, LAPTOP, installed.root / "checkout", Stopwatch(), say)
    assert (in_use(installed).name, people(installed), is_running(installed)) == ("old", "people", True)


@pytest.mark.parametrize("fate", ["well", "sick"])
def test_a_disk_that_is_full_when_the_database_is_to_be_kept_leaves_the_door_as_it_was(
    installed: Layout, fate: str
) -> None:
    """Also one that does not come up again: the copy that lies there is of the upgrade before, months ago."""
    whole = bytes(1 << 20)
    (installed.state / "store.db").write_bytes(whole)
    (installed.state / "before-upgrade").mkdir()
    (installed.state / "before-upgrade/store.db").write_text("ancient")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        with pytest.raises(DeployError, match=r"the database cannot be copied: .*old is in use again"):
            attempt(installed, fate)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (in_use(installed).name, is_running(installed)) == ("old", fate == "well")
    assert (installed.state / "store.db").read_bytes() == whole
    assert {one.name for one in installed.state.iterdir()} == {"store.db", "before-upgrade"}


def test_a_version_that_cannot_be_made_takes_up_no_room_and_the_door_works_on(installed: Layout) -> None:
    folder = folder_for(installed, installed.root / "checkout")
    (folder / READY).unlink()
    python = installed.root / "bin/python3"
    python.write_text("#!/bin/sh\nexit 28\n")
    python.chmod(0o755)
    with pytest.raises(DeployError, match="venv"):
        attempt(installed, "well")
    assert not folder.exists()
    assert not (installed.root / "asked").exists()


def test_a_version_brings_its_units_along_and_takes_them_back(installed: Layout) -> None:
    unit = installed.units / "limen.service"
    for version in (installed.versions / "old", folder_for(installed, installed.root / "checkout")):
        (version / "systemd").mkdir()
        (version / "systemd/limen.service").write_text(version.name)
    with pytest.raises(DeployError):
        attempt(installed, "unready")
    assert unit.read_text() == "old"
    attempt(installed, "well")
    assert unit.read_text() == in_use(installed).name


def test_two_upgrades_at_once_do_not_get_in_each_others_way(installed: Layout) -> None:
    (installed.root / "fate").write_text("well")

    def say(text: str) -> None:
        if text.startswith("start"):
            with pytest.raises(DeployError, match="another upgrade is running"):
                attempt(installed, "well")

    upgrade(installed, LAPTOP, installed.root / "checkout", Stopwatch(), say)
    assert in_use(installed).name.startswith("new")

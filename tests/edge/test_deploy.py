"""Installing: what would be done on which machine; upgrading: the newer version holds, or the earlier one is back."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.deploy.actions import Action, DeployError, Directory, File, Link, Remove, Run, Tree
from edge.deploy.install import main
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine, look_around
from edge.deploy.plan import Wishes, installation, packages, removal
from edge.deploy.upgrade import in_use, upgrade
from edge.deploy.version import PARTS, READY, constraints, folder_for, make_version, shares_system_packages

PROJECT = Path(__file__).parents[2]
LAPTOP = Machine("bookworm", "x86_64", (3, 11), "", None, True, True, False, True)
PI_4 = replace(LAPTOP, architecture="aarch64", model="Raspberry Pi 4 Model B Rev 1.4")
PI_5 = replace(PI_4, suite="trixie", python=(3, 13), model="Raspberry Pi 5 Model B Rev 1.0")


class Stopwatch(SystemClock):
    """Time passes only by sleeping."""

    at = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def told(steps: tuple[Action, ...]) -> str:
    return "\n".join(step.told() for step in steps)


# -- what would be done ----------------------------------------------------------------------------------------------


def test_a_pi_4_gets_its_pins_from_pip_and_a_pi_5_on_trixie_from_debian() -> None:
    assert "python3-lgpio" not in packages(PI_4, Wishes())
    assert not shares_system_packages(PI_4, csi=False)
    assert "python3-lgpio" in packages(PI_5, Wishes())
    assert shares_system_packages(PI_5, csi=False)


def test_a_ribbon_camera_on_bookworm_needs_the_older_numpy_that_its_driver_was_built_for() -> None:
    assert "python3-picamera2" in packages(PI_4, Wishes(csi=True))
    assert shares_system_packages(PI_4, csi=True)
    assert constraints(PI_4, csi=True) == "numpy<2\nopencv-python-headless<4.12\n"
    assert constraints(PI_5, csi=True) == constraints(PI_4, csi=False) == ""


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (replace(PI_4, architecture="armv7l"), "64-bit"),
        (replace(PI_4, python=(3, 9)), "Python 3.11"),
        (replace(PI_4, administrator=False), "sudo"),
    ],
)
def test_a_machine_that_will_not_do_is_told_why(machine: Machine, said: str) -> None:
    assert any(said in problem for problem in machine.problems())
    assert not PI_5.problems()


def test_the_configuration_is_kept_and_the_new_version_is_tried_before_it_is_linked(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    steps = installation(layout, PI_4, PROJECT, Wishes())
    text = told(steps)
    assert f"{layout.config} (0640 root:limen, kept where it exists)" in text
    assert text.index("check-config") < text.index(f"link   {layout.current}")
    assert not any(isinstance(step, Run) and "start" in step.command for step in steps)
    config = next(step for step in steps if isinstance(step, File) and step.path == layout.config)
    assert f"directory: {layout.state}" in config.text


@pytest.mark.parametrize(("alive", "words"), [(True, "disable --now mosquitto"), (False, "disable mosquitto")])
def test_debians_broker_stays_off_in_an_image_too_but_is_left_alone_where_it_was_before(
    tmp_path: Path, *, alive: bool, words: str
) -> None:
    machine = replace(PI_4, systemd=alive)
    assert f"systemctl {words}" in told(installation(Layout(tmp_path), machine, PROJECT, Wishes()))
    had_one = replace(machine, has_broker=True)
    assert "systemctl disable" not in told(installation(Layout(tmp_path), had_one, PROJECT, Wishes()))


def test_a_removal_leaves_configuration_people_and_keys_unless_they_are_to_go(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    kept = {step.path for step in removal(layout, PI_4, purge=False) if isinstance(step, Remove)}
    gone = {step.path for step in removal(layout, PI_4, purge=True) if isinstance(step, Remove)}
    assert layout.opt in kept
    assert not {layout.etc, layout.state} & kept
    assert {layout.etc, layout.state} <= gone


def test_a_dry_run_says_all_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = Layout().opt.exists(), Layout().users.exists()
    assert main(PROJECT, ["--dry-run"]) == 0
    assert "systemctl enable limen.service" in capsys.readouterr().out
    assert (Layout().opt.exists(), Layout().users.exists()) == before


def test_this_machine_is_known() -> None:
    here = look_around(Layout())
    assert here.architecture
    assert here.python >= (3, 11)


# -- the steps themselves --------------------------------------------------------------------------------------------


def test_files_appear_whole_with_their_mode_and_are_kept_where_asked(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/file"
    File(path, "one", mode=0o640).do()
    File(path, "two", keep=True).do()
    assert path.read_text() == "one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [one.name for one in path.parent.iterdir()] == ["file"]


def test_a_link_is_replaced_in_one_step_and_a_copy_leaves_caches_behind(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "edge/__pycache__").mkdir(parents=True)
    (source / "edge/a.py").write_text("a")
    Tree(source, ("edge",), tmp_path / "copy").do()
    assert [one.name for one in (tmp_path / "copy/edge").iterdir()] == ["a.py"]
    for target in ("one", "two"):
        Link(tmp_path / "current", Path(target)).do()
    assert (tmp_path / "current").readlink() == Path("two")


def test_a_step_that_fails_says_what_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    steps = {
        "Not a directory": Directory(tmp_path / "file/below"),
        "exit code 1": Run(("false",)),
        "cannot be run": Run(("no-such-program",)),
    }
    for said, step in steps.items():
        with pytest.raises(DeployError, match=said):
            step.do()
    Run(("false",), needed=False).do()
    Remove(tmp_path, only_empty=True).do()
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


# -- upgrading -------------------------------------------------------------------------------------------------------

# Stands in for systemd: what it is asked goes into a file, and one file says how the new version fares.
SYSTEMCTL = """#!/bin/sh
echo "$@ $(readlink "$LIMEN_TEST/opt/limen/current")" >>"$LIMEN_TEST/asked"
fate=$(cat "$LIMEN_TEST/fate")
new=$(readlink "$LIMEN_TEST/opt/limen/current" | grep -c new)
case "$1 $fate $new" in
    "start unready 1") exit 1 ;;
    "is-active dying 1") exit 3 ;;
    "is-active stopped"*) exit 3 ;;
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
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text(SYSTEMCTL)
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("LIMEN_TEST", str(tmp_path))
    return layout


def attempt(layout: Layout, fate: str) -> list[str]:
    """What was said while upgrading; the new version treats the database as its own."""
    (layout.root / "fate").write_text(fate)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if text.startswith("start"):
            (layout.state / "store.db").write_text("migrated")

    upgrade(layout, LAPTOP, layout.root / "checkout", Stopwatch(), say)
    return said


def test_a_version_that_stays_up_is_in_use_from_then_on(installed: Layout) -> None:
    said = attempt(installed, "well")
    assert in_use(installed).name.startswith("new")
    assert (installed.state / "store.db").read_text() == "migrated"
    assert "Now in use: new" in said[-1]
    assert attempt(installed, "well") == ["This is the version in use: nothing to do."]


@pytest.mark.parametrize("fate", ["unready", "dying", "restarting"])
def test_a_version_that_does_not_hold_gives_way_to_the_earlier_one_and_its_database(
    installed: Layout, fate: str
) -> None:
    with pytest.raises(DeployError, match="old is in use again"):
        attempt(installed, fate)
    assert in_use(installed).name == "old"
    assert (installed.state / "store.db").read_text() == "people"
    assert (installed.root / "asked").read_text().splitlines()[-1] == "start limen.service versions/old"


def test_a_version_that_fails_its_trial_is_never_switched_to(installed: Layout) -> None:
    new = installed.program(folder_for(installed, installed.root / "checkout"))
    new.write_text("#!/bin/sh\nexit 78\n")
    with pytest.raises(DeployError, match="check-config"):
        attempt(installed, "well")
    assert in_use(installed).name == "old"
    assert not (installed.root / "asked").exists(), "and the door worked on"


def test_a_door_that_was_stopped_stays_stopped(installed: Layout) -> None:
    assert "not running" in attempt(installed, "stopped")[-1]
    assert "start" not in (installed.root / "asked").read_text()


def test_the_version_that_was_in_use_before_stays_and_older_ones_go(installed: Layout) -> None:
    (installed.versions / "oldest").mkdir()
    attempt(installed, "well")
    assert {one.name.split("-")[0] for one in installed.versions.iterdir()} == {"old", "new"}


def test_a_version_that_is_there_whole_is_not_made_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert make_version(layout, LAPTOP, PROJECT, csi=False)
    folder = folder_for(layout, PROJECT)
    folder.mkdir(parents=True)
    (folder / READY).touch()
    assert make_version(layout, LAPTOP, PROJECT, csi=False) == ()


def test_without_an_installation_there_is_nothing_to_upgrade(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="not installed"):
        in_use(Layout(tmp_path))

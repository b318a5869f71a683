"""Installing: what would be done on which machine, and the steps themselves."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from edge.deploy.actions import Action, DeployError, Directory, File, Link, Remove, Run, Tree
from edge.deploy.install import another_in_use, main
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine, look_around
from edge.deploy.plan import Wishes, installation, packages, removal
from edge.deploy.version import READY, constraints, folder_for, make_version, shares_system_packages

PROJECT = Path(__file__).parents[2]
LAPTOP = Machine("bookworm", "x86_64", (3, 11), "", None, True, True, False, True)
PI_4 = replace(LAPTOP, architecture="aarch64", model="Raspberry Pi 4 Model B Rev 1.4")
PI_5 = replace(PI_4, suite="trixie", python=(3, 13), model="Raspberry Pi 5 Model B Rev 1.0")


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
    theirs = {layout.etc, layout.state, layout.board}
    for purge in (False, True):
        steps = removal(layout, PI_4, purge=purge)
        gone = {step.path for step in steps if isinstance(step, Remove) and not step.only_empty}
        assert layout.opt in gone
        assert theirs & gone == (theirs if purge else set())
        assert ("userdel" in told(steps)) == purge, "whoever owns what stays"


def test_a_dry_run_says_all_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = Layout().opt.exists(), Layout().users.exists()
    assert main(PROJECT, ["--dry-run"]) == 0
    assert "systemctl enable limen.service" in capsys.readouterr().out
    assert (Layout().opt.exists(), Layout().users.exists()) == before


def test_a_newer_version_goes_in_by_an_upgrade_which_has_a_way_back(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert not [*another_in_use(layout, PI_4, PROJECT)]
    for version, said in ((layout.versions / "older", 1), (folder_for(layout, PROJECT), 0)):
        File(layout.program(version), "").do()
        Link(layout.current, version.relative_to(layout.opt)).do()
        assert len([*another_in_use(layout, PI_4, PROJECT)]) == said
        assert not [*another_in_use(layout, replace(PI_4, systemd=False), PROJECT)], "an image has nothing to lose"


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


def test_a_version_that_is_there_whole_is_not_made_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert make_version(layout, LAPTOP, PROJECT, csi=False)
    folder = folder_for(layout, PROJECT)
    folder.mkdir(parents=True)
    (folder / READY).touch()
    assert make_version(layout, LAPTOP, PROJECT, csi=False) == ()


# -- the command -----------------------------------------------------------------------------------------------------

STAND_INS = {
    "limen": 'echo "$PWD $*"',
    "id": "echo $LIMEN_TEST",
    "runuser": 'shift 3; printf "as the door: "; exec "$@"',
}


@pytest.mark.parametrize(
    ("user", "words", "said"),
    [
        ("0", "doctor --bundle report.tar.gz", "as the door: {home} doctor --bundle report.tar.gz"),
        ("0", "force-locked", "as the door: {home} force-locked"),
        ("0", "", "as the door: {home} "),
        ("0", "upgrade --from .", "{checkout} upgrade --from ."),
        ("0", "broker-setup DIR", "{checkout} broker-setup DIR"),
        ("1000", "doctor", "{checkout} doctor"),
        ("1000", "upgrade --from .", "{checkout} upgrade --from ."),
    ],
)
def test_with_sudo_the_command_works_as_the_doors_user_in_its_folder_and_not_in_a_checkout(
    tmp_path: Path, user: str, words: str, said: str
) -> None:
    places = {name: tmp_path / name for name in ("bin", "home", "checkout")}
    for place in places.values():
        place.mkdir()
    for name, line in STAND_INS.items():
        (places["bin"] / name).write_text(f"#!/bin/sh\n{line}\n")
        (places["bin"] / name).chmod(0o755)
    text = (PROJECT / "systemd/limen-command").read_text(encoding="utf-8")
    for installed, here in (
        ("/opt/limen/current/venv/bin/limen", places["bin"] / "limen"),
        ("/var/lib/limen\n", f"{places['home']}\n"),
        ("/etc/limen/credentials", tmp_path / "nothing"),
    ):
        assert installed in text
        text = text.replace(installed, str(here))
    (tmp_path / "command").write_text(text)
    environment = {"PATH": f"{places['bin']}:{os.environ['PATH']}", "LIMEN_TEST": user}
    told = subprocess.check_output(
        ["sh", str(tmp_path / "command"), *words.split()], cwd=places["checkout"], env=environment, text=True
    )
    assert told.rstrip("\n") == said.format(**places)

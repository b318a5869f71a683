"""A Raspberry Pi's config.txt: it gets the strike's lines, keeps everything else, and gets rid of them again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.deploy.actions import DeployError, File
from edge.deploy.boot import lines_added, lines_for, lines_removed, lines_wanted
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine, look_around

PI_4 = Machine("bookworm", "aarch64", (3, 11), "Raspberry Pi 4 Model B Rev 1.4", None, True, True, False, True)


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ("", "gpio=17=op,dl"),
        ("door:\n  pin: 5\n  active_high: false\ncamera:\n  fps: 15\n", "gpio=5=op,dh"),
        ("camera:\n  width: 640\ndoor:\n  # the strike\n  active_high: true\n\n  pin: 22\n", "gpio=22=op,dl"),
        ("camera:\n  pin: 3\n", "gpio=17=op,dl"),
    ],
)
def test_the_boot_line_drives_the_configured_pin_to_its_locked_level(config: str, line: str) -> None:
    assert line in lines_for(config)


@pytest.mark.parametrize(
    "config",
    [
        "door: {id: front, pin: 22, active_high: false}\n",
        "door: # the strike\n  pin: 22 # or 17\n  active_high: false",
        "door:\r\n  pin: 22\r\n\r\n  active_high: false\r\ncamera:\r\n  pin: 5\r\n",
    ],
)
def test_the_boot_line_names_that_pin_however_the_configuration_is_written(config: str) -> None:
    assert "gpio=22=op,dh" in lines_for(config)


@pytest.mark.parametrize(
    "config",
    [
        "{door: {pin: 22}}\n",
        '"door":\n  pin: 22\n',
        "door:\n  pin: 0x16\n",
        "door:\n  pin: 022\n",
        "door: {pin: 22, active_high: !!bool false}\n",
        "door: {\npin: 22}\n",
    ],
)
def test_a_strike_that_is_not_written_plainly_gets_no_boot_line_rather_than_a_wrong_one(
    tmp_path: Path, config: str
) -> None:
    layout = Layout(tmp_path)
    File(layout.config, config).do()
    with pytest.raises(DeployError, match="not written plainly"):
        lines_wanted(layout)


@pytest.fixture
def pi(tmp_path: Path) -> tuple[Layout, Machine]:
    """A Pi whose boot partition is a folder."""
    return Layout(tmp_path), replace(PI_4, boot_file=tmp_path / "config.txt")


def boot_lines(pi: tuple[Layout, Machine], before: bytes | None = None, *, removed: bool = False) -> bytes:
    """What config.txt says with the lines, or without them again."""
    layout, machine = pi
    assert machine.boot_file is not None
    if before is not None:
        machine.boot_file.write_bytes(before)
    for step in lines_removed(machine) if removed else lines_added(layout, machine, wanted=True):
        step.do()
    return machine.boot_file.read_bytes()


@pytest.mark.parametrize(
    "before",
    [
        b"arm_64bit=1\n[pi4]\nx=1\n",
        b"arm_64bit=1\r\n[pi4]\r\nx=1\r\n",
        b"# caf\xe9, no UTF-8\n\n\n",
        b"",
    ],
)
def test_config_txt_gets_the_lines_once_keeps_a_copy_and_is_as_before_without_them(
    pi: tuple[Layout, Machine], before: bytes
) -> None:
    layout, machine = pi
    once = boot_lines(pi, before)
    assert lines_added(layout, machine, wanted=False) == ()
    assert once.startswith(before)
    assert b"[all]\ngpio=17=op,dl\ndtparam=strict_gpiod\n" in once.replace(b"\r\n", b"\n")
    assert (b"\r\n" in before) == (b"\r\n" in once)
    assert (layout.root / "config.txt.before-limen").read_bytes() == before
    assert lines_added(layout, machine, wanted=True) == ()
    assert boot_lines(pi, removed=True) == before
    assert [one.name for one in layout.root.iterdir()] == ["config.txt"]


def test_another_pin_takes_the_place_of_the_earlier_one_and_what_others_added_stays_where_it_is(
    pi: tuple[Layout, Machine],
) -> None:
    once = boot_lines(pi, b"[pi4]\nx=1")
    File(pi[0].config, "door: {pin: 22}\n").do()
    again = boot_lines(pi, once + b"dtoverlay=theirs\n")
    assert again == once.replace(b"gpio=17", b"gpio=22") + b"dtoverlay=theirs\n"
    assert (pi[0].root / "config.txt.before-limen").read_bytes() == b"[pi4]\nx=1"
    assert boot_lines(pi, removed=True) == b"[pi4]\nx=1\n[all]\ndtoverlay=theirs\n", "theirs was for every model"


def test_a_linked_config_txt_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere/config.txt"
    File(real, "arm_64bit=1\n").do()
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot/config.txt").symlink_to(real)
    assert look_around(Layout(tmp_path)).boot_file == real

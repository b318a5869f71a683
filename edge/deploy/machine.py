"""What kind of machine this is, as far as an installation cares."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from edge.deploy.layout import Layout

_BOOT_FILES = ("boot/firmware/config.txt", "boot/config.txt")


@dataclass(frozen=True, slots=True)
class Machine:
    """`suite` is Debian's code name; `boot_file` the Raspberry Pi's config.txt, None on other machines.

    `systemd` whether it runs here, `seals_credentials` whether systemd-creds can encrypt for this machine,
    `has_broker` whether mosquitto is installed already.
    """

    suite: str
    architecture: str
    python: tuple[int, int]
    model: str
    boot_file: Path | None
    systemd: bool
    seals_credentials: bool
    has_broker: bool
    administrator: bool

    @property
    def is_pi(self) -> bool:
        return "Raspberry Pi" in self.model

    def problems(self) -> tuple[str, ...]:
        """Why Limen cannot be installed here, a sentence each."""
        found = {
            f"a 64-bit system is needed (aarch64 or x86_64), and this is {self.architecture}: "
            "choose Raspberry Pi OS Lite (64-bit)": self.architecture not in {"aarch64", "arm64", "x86_64"},
            f"Python 3.11 or newer is needed, and this is {self.python[0]}.{self.python[1]}": self.python < (3, 11),
            "apt-get is missing: only Debian and Raspberry Pi OS are known": shutil.which("apt-get") is None,
            "an administrator is needed: run it with sudo": not self.administrator,
        }
        return tuple(text for text, wrong in found.items() if wrong)


def look_around(layout: Layout) -> Machine:
    """The machine this runs on, with its files below `layout.root`."""
    boot_file = next((layout.root / name for name in _BOOT_FILES if (layout.root / name).is_file()), None)
    return Machine(
        suite=_suite(layout.root / "etc/os-release"),
        architecture=platform.machine(),
        python=sys.version_info[:2],
        model=_text(Path("/proc/device-tree/model")).rstrip("\0"),
        boot_file=boot_file.resolve() if boot_file else None,  # a link to it stays one
        systemd=Path("/run/systemd/system").is_dir(),
        seals_credentials=shutil.which("systemd-creds") is not None and Path("/run/systemd/system").is_dir(),
        has_broker=shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None,
        administrator=os.geteuid() == 0,
    )


def _suite(os_release: Path) -> str:
    lines = dict(line.split("=", 1) for line in _text(os_release).splitlines() if "=" in line)
    return lines.get("VERSION_CODENAME", "").strip('"')


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

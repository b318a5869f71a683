"""One version of Limen on disk: its own folder, environment and models, so that two can lie beside each other."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from edge.deploy.actions import Action, Directory, File, Remove, Run, Tree
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine

# What an installation takes from a checkout.
PARTS: Final = ("edge", "convert", "models", "systemd", "pyproject.toml", "README.md", "LICENSE")
READY: Final = "ready"
UNITS: Final = ("limen.service", "limen-dashboard.service")
COMMAND: Final = "limen-command"


def folder_for(layout: Layout, source: Path) -> Path:
    """Where the version in the checkout `source` goes: named by its number and a digest of its files."""
    whole = hashlib.sha256()
    for part in PARTS:
        path = source / part
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                whole.update(f"{file.relative_to(source)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    number = re.search(r'(?m)^__version__ = "([^"]+)"', (source / "edge/__init__.py").read_text(encoding="utf-8"))
    return layout.versions / f"{number.group(1) if number else 'unknown'}-{whole.hexdigest()[:8]}"


def make_version(layout: Layout, machine: Machine, source: Path, *, csi: bool) -> tuple[Action, ...]:
    """The steps that put the checkout `source` into a folder of its own; none where it is there whole."""
    folder = folder_for(layout, source)
    if (folder / READY).exists():
        return ()
    python = folder / "venv/bin/python"
    system = ("--system-site-packages",) if shares_system_packages(machine, csi=csi) else ()
    install = (str(python), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check")
    return (
        Remove(folder),
        Tree(source, PARTS, folder / "source"),
        Run(("python3", "-m", "venv", *system, str(folder / "venv"))),
        File(folder / "constraints.txt", constraints(machine, csi=csi)),
        Run((*install, "-c", str(folder / "constraints.txt"), f"{folder / 'source'}{_extras(machine)}")),
        Tree(source / "systemd", (*UNITS, COMMAND), folder / "systemd"),
        Remove(folder / "source"),
        Run(("sync",)),  # a power cut must not leave a version that looks ready, and is empty
        File(folder / READY, ""),
        Directory(folder),
    )


def services(layout: Layout, folder: Path) -> tuple[Action, ...]:
    """The units and the command, as the checkout or the version in `folder` has them."""
    places = {unit: (layout.units / unit, 0o644) for unit in UNITS} | {COMMAND: (layout.command, 0o755)}
    return tuple(
        File(to, (folder / "systemd" / name).read_text(encoding="utf-8"), mode=mode)
        for name, (to, mode) in places.items()
        if (folder / "systemd" / name).exists()
    )


def shares_system_packages(machine: Machine, *, csi: bool) -> bool:
    """picamera2 exists only as a Debian package, and so does lgpio for Python 3.13 and newer."""
    return csi or (machine.is_pi and machine.python >= (3, 13))


def constraints(machine: Machine, *, csi: bool) -> str:
    """On bookworm picamera2 is built for numpy 1, which OpenCV left behind with 4.12."""
    return "numpy<2\nopencv-python-headless<4.12\n" if csi and machine.suite == "bookworm" else ""


def _extras(machine: Machine) -> str:
    return "[pi,dashboard]" if machine.is_pi else "[dashboard]"

"""`systemd/install`: from a checkout to an installed door, and back."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from edge.deploy.actions import Action, DeployError
from edge.deploy.boot import lines_added, lines_wanted
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine, look_around
from edge.deploy.plan import Wishes, installation, removal
from edge.deploy.version import folder_for

_STORY: Final = """\
Installs Limen under /opt/limen with its own user, configuration in /etc/limen and state in /var/lib/limen, and enables
its systemd units. Again at any time: what is there already stays, the configuration always. Nothing is started: look at
the configuration first. A newer version than the one in use goes in with `limen upgrade`.
"""
_NEXT: Final = """
Installed. What is left for you:
  1. sudo nano {config}            which camera, which pin
  2. sudo limen doctor             says what is missing, and how to mend it
  3. sudo systemctl start limen    (a reboot starts it too{reboot})
  4. sudo limen enroll "Your Name" needs mqtt.allow: [read, enroll] in the configuration
"""


def main(source: Path, arguments: Sequence[str] | None = None) -> int:
    """Install from the checkout `source`; returns the exit code."""
    options = _options(arguments)
    layout = Layout()
    machine = look_around(layout)
    problems = [text for text in machine.problems() if not (options.dry_run and "administrator" in text)]
    if not options.uninstall:
        problems += another_in_use(layout, machine, source)
    if problems:
        print(*(f"install: {text}" for text in problems), sep="\n", file=sys.stderr)
        return 1
    if options.uninstall:
        steps = removal(layout, machine, purge=options.purge)
    else:
        steps = installation(layout, machine, source, _wishes(options, layout, machine))
    if options.dry_run:
        print(*(step.told() for step in steps), sep="\n")
        return 0
    return _perform(steps) or _farewell(options, layout, machine)


def another_in_use(layout: Layout, machine: Machine, source: Path) -> Iterator[str]:
    """Why not to install over it: it would be gone without a copy of its database, and without a way back."""
    if machine.systemd and layout.program(layout.current).exists():
        version = layout.current.readlink().name
        if version != folder_for(layout, source).name:
            yield f"{version} is in use here; this one takes its place with: sudo limen upgrade --from {source}"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="systemd/install", description=_STORY, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true", help="say each step and do none")
    parser.add_argument("--yes", action="store_true", help="ask nothing; change config.txt of a Raspberry Pi, too")
    parser.add_argument("--csi", action="store_true", help="the camera is on the ribbon cable (installs picamera2)")
    parser.add_argument("--no-dashboard", action="store_true", help="do not start the dashboard at boot")
    parser.add_argument("--uninstall", action="store_true", help="remove it; configuration, people and keys stay")
    parser.add_argument("--purge", action="store_true", help="with --uninstall: those as well, for ever")
    options = parser.parse_args(arguments)
    if options.purge and not options.uninstall:
        parser.error("--purge goes with --uninstall")
    return options


def _wishes(options: argparse.Namespace, layout: Layout, machine: Machine) -> Wishes:
    boot_lines = machine.boot_file is not None and _agreed(options, layout, machine)
    return Wishes(csi=options.csi, boot_lines=boot_lines, dashboard=not options.no_dashboard)


def _agreed(options: argparse.Namespace, layout: Layout, machine: Machine) -> bool:
    """Whether config.txt may be changed."""
    try:
        lines = lines_wanted(layout)
    except DeployError as error:
        print(f"install: {error}: {machine.boot_file} stays as it is", file=sys.stderr)
        return False
    if options.yes or options.dry_run or not lines_added(layout, machine, wanted=True):
        return True
    print(f"{machine.boot_file} can have the strike's pin at its locked level before Linux starts, and let go of a pin")
    print("whose process died. These lines would be in it, and a copy of the file as it was beside it:")
    print(*(f"    {line}" for line in lines), sep="\n")
    try:
        return input("Add them? [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _perform(steps: Sequence[Action]) -> int:
    os.umask(0o022)  # what is installed is there for the door's own user, whatever the administrator's mask is
    for number, step in enumerate(steps, start=1):
        print(f"[{number}/{len(steps)}] {step.told()}", flush=True)
        try:
            step.do()
        except DeployError as error:
            print(f"install: {error}", file=sys.stderr)
            print("install: stopped there; run it again when that is mended", file=sys.stderr)
            return 1
    return 0


def _farewell(options: argparse.Namespace, layout: Layout, machine: Machine) -> int:
    if not options.uninstall:
        print(_NEXT.format(config=layout.config, reboot=", and makes the lines in config.txt count" * machine.is_pi))
    elif not options.purge:
        print(f"\nRemoved. Configuration ({layout.etc}), people and keys ({layout.state}) are still there: --purge")
    return 0

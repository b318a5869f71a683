"""The steps of an installation, and of its removal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.deploy import boot
from edge.deploy.actions import Action, Directory, File, Link, Remove, Run
from edge.deploy.credentials import sealed
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine
from edge.deploy.version import UNITS, folder_for, make_version, services

_APT: Final = ("apt-get", "-o", "DPkg::Lock::Timeout=120", "-q")
_QUIET: Final = {"DEBIAN_FRONTEND": "noninteractive"}


@dataclass(frozen=True, slots=True)
class Wishes:
    """`csi`: a camera on the ribbon cable. `boot_lines`: whether config.txt may be changed, with a copy kept."""

    csi: bool = False
    boot_lines: bool = False
    dashboard: bool = True


def packages(machine: Machine, wishes: Wishes) -> tuple[str, ...]:
    """What has to come from Debian."""
    lgpio = ("python3-lgpio",) if machine.is_pi and machine.python >= (3, 13) else ()
    camera = ("python3-picamera2",) if wishes.csi else ()
    return ("python3-venv", "mosquitto", *lgpio, *camera)


def installation(layout: Layout, machine: Machine, source: Path, wishes: Wishes) -> tuple[Action, ...]:
    """All steps, in order. Again with the same `source` they change nothing; the configuration is never overwritten."""
    version = folder_for(layout, source)
    program = layout.program(version)
    return (
        Run((*_APT, "update"), needed=False, environment=_QUIET),
        *_install_packages(machine, packages(machine, wishes)),
        File(layout.users, (source / "systemd/limen-users.conf").read_text(encoding="utf-8")),
        Run(("systemd-sysusers", str(layout.users))),
        Directory(layout.versions),
        *make_version(layout, machine, source, csi=wishes.csi),
        Directory(layout.etc),
        File(layout.config, configuration(source, layout), mode=0o640, owner="root:limen", keep=True),
        Directory(layout.state, mode=0o700, owner="limen"),
        Directory(layout.board, mode=0o700, owner="limen-dashboard"),
        *sealed(layout, machine),
        *services(layout, source),
        Run((str(program), "check-config", "--config", str(layout.config))),
        Link(layout.current, version.relative_to(layout.opt)),
        *boot.lines_added(layout, machine, wishes.boot_lines),
        *_systemctl(machine, ("daemon-reload",)),
        Run(("systemctl", "enable", *(UNITS if wishes.dashboard else UNITS[:1]))),
    )


def removal(layout: Layout, machine: Machine, *, purge: bool) -> tuple[Action, ...]:
    """All steps of `--uninstall`. The configuration, people and keys stay unless `purge`."""
    program = layout.program(layout.current)
    farewell = (str(layout.command), "uninstall-discovery", "--config", str(layout.config))
    known = program.exists()
    # Users stay as long as there is something of theirs: their numbers could be given to somebody else.
    users = tuple(Run(("userdel", user), needed=False) for user in ("limen-dashboard", "limen"))
    kept = (layout.state, layout.board)
    rest = (*users, *map(Remove, (layout.etc, *kept))) if purge else (Remove(path, only_empty=True) for path in kept)
    return (
        *((Run(farewell, needed=False),) if known else ()),
        *_systemctl(machine, ("stop", *UNITS), needed=False),
        *(
            (Run((str(program), "force-locked", "--config", str(layout.config)), needed=False),)
            if known and machine.is_pi
            else ()
        ),
        Run(("systemctl", "disable", *UNITS), needed=False),
        *(Remove(layout.units / unit) for unit in UNITS),
        Remove(layout.units / "limen.service.d"),
        *_systemctl(machine, ("daemon-reload",)),
        *boot.lines_removed(machine),
        Remove(layout.command),
        Remove(layout.opt),
        Remove(layout.users),
        Remove(layout.users.parent, only_empty=True),
        *rest,
    )


def configuration(source: Path, layout: Layout) -> str:
    """The shipped config.yaml, with the state where systemd keeps it."""
    text = (source / "config.yaml").read_text(encoding="utf-8")
    return text.replace("\n  directory: state ", f"\n  directory: {layout.state} ", 1)


def _install_packages(machine: Machine, names: tuple[str, ...]) -> tuple[Action, ...]:
    """Without what is only recommended. The door starts a mosquitto of its own: one that came now need not run."""
    install = Run((*_APT, "install", "-y", "--no-install-recommends", *names), environment=_QUIET)
    if machine.has_broker:
        return (install,)
    # Also in an image that has not started yet: after its first boot two brokers would want one port.
    now = ("--now",) if machine.systemd else ()
    return (install, Run(("systemctl", "disable", *now, "mosquitto"), needed=False))


def _systemctl(machine: Machine, words: tuple[str, ...], *, needed: bool = True) -> tuple[Action, ...]:
    return (Run(("systemctl", *words), needed=needed),) if machine.systemd else ()

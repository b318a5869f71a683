"""The Raspberry Pi's config.txt: pins that are locked from the first moment, and let go when a process dies."""

from __future__ import annotations

import re
from typing import Final

from edge.deploy.actions import Action, File
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine

BEGIN: Final = "# limen: begin (systemd/install --uninstall takes this away)"
END: Final = "# limen: end"
_BLOCK: Final = re.compile(rf"\n?{re.escape(BEGIN)}\n.*?{re.escape(END)}\n", re.DOTALL)


def lines_for(config: str) -> tuple[str, ...]:
    """What the strike of this config.yaml wants: driven to its locked level before Linux starts, and never kept open.

    Reads two keys of its text without a YAML reader, which is not installed yet; a file that says neither means the
    defaults.
    """
    door = re.search(r"(?m)^door:\n((?:[ \t]+.*\n|\s*\n|#.*\n)*)", config)
    text = door.group(1) if door else ""
    pin = re.search(r"(?m)^\s+pin:\s*(\d+)", text)
    active_low = re.search(r"(?m)^\s+active_high:\s*false\b", text)
    number = int(pin.group(1)) if pin else 17
    return ("[all]", f"gpio={number}=op,{'dh' if active_low else 'dl'}", "dtparam=strict_gpiod")


def lines_added(layout: Layout, machine: Machine, wanted: bool) -> tuple[Action, ...]:  # noqa: FBT001 - one answer
    """Put the lines at the end of config.txt, in place of earlier ones; a copy of the file is kept beside it."""
    if machine.boot_file is None or not wanted:
        return ()
    before = machine.boot_file.read_text(encoding="utf-8")
    config = layout.config.read_text(encoding="utf-8") if layout.config.exists() else ""
    block = "\n".join((BEGIN, *lines_for(config), END))
    after = f"{_BLOCK.sub('', before).rstrip()}\n\n{block}\n"
    if after == before:
        return ()
    return (
        File(machine.boot_file.with_name("config.txt.before-limen"), before, mode=0o755, keep=True),
        File(machine.boot_file, after, mode=0o755),
    )


def lines_removed(layout: Layout, machine: Machine) -> tuple[Action, ...]:  # noqa: ARG001 - as its counterpart
    """Take the lines away; the rest of the file stays as it is now."""
    if machine.boot_file is None:
        return ()
    before = machine.boot_file.read_text(encoding="utf-8")
    after = _BLOCK.sub("", before)
    return () if after == before else (File(machine.boot_file, after, mode=0o755),)

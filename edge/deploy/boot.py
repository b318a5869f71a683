"""The Raspberry Pi's config.txt: the strike's pin is locked before Linux starts, and let go when its process dies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from edge.deploy.actions import Action, DeployError, File, Remove
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine

BEGIN: Final = "# limen: begin (systemd/install --uninstall takes this away)"
END: Final = "# limen: end"
_BLOCK: Final = re.compile(rf"(?P<gap>\r?\n)?{re.escape(BEGIN)}\r?\n(?s:.*?){re.escape(END)}(?P<end>\r?\n|\Z)")
_SECTION: Final = re.compile(r"(?m)^[ \t]*\[(.*)\]")
_DEFAULT_PIN: Final = "17"


def lines_wanted(layout: Layout) -> tuple[str, ...]:
    """What the strike of the installed configuration wants there. Raises DeployError where that cannot be told."""
    try:
        there = layout.config.exists()
        return lines_for(layout.config.read_text(encoding="utf-8-sig", errors="replace") if there else "")
    except OSError as error:
        raise DeployError(f"{layout.config}: {error.strerror}: it says which pin config.txt has to name") from error


def lines_for(config: str) -> tuple[str, ...]:
    """What the strike of this config.yaml wants: driven to its locked level before Linux starts, and never kept open.

    Reads two keys of its text without a YAML reader, which is not installed yet; a file that says neither means the
    defaults. A wrong pin or level would open the door at each start, so what is not written plainly is not guessed.
    """
    text = "\n".join(re.sub(r"(^|\s)#.*", "", line) for line in config.splitlines())
    door = re.search(r"(?m)^door[ \t]*:(.*(?:\n(?:[ \t].*|[ \t]*$))*)", text)
    section = door.group(1) if door else ""
    if (door is None and re.search(r"""\bdoor["']?\s*:""", text)) or section.count("{") != section.count("}"):
        raise _unclear("door")
    pin = _value("pin", section, _DEFAULT_PIN, r"[1-9]?[0-9]")
    active_high = _value("active_high", section, "true", "true|false")
    return ("[all]", f"gpio={pin}=op,{'dl' if active_high == 'true' else 'dh'}", "dtparam=strict_gpiod")


def lines_added(layout: Layout, machine: Machine, wanted: bool) -> tuple[Action, ...]:  # noqa: FBT001 - one answer
    """Put the lines into config.txt, in place of earlier ones; a copy of the file is kept beside it."""
    if machine.boot_file is None or not wanted:
        return ()
    before = machine.boot_file.read_bytes()
    text = before.decode("latin-1")  # whatever it is, each byte comes back as it was
    newline = "\r\n" if "\r\n" in text else "\n"
    block = newline.join((BEGIN, *lines_wanted(layout), END, ""))
    earlier = _BLOCK.search(text)
    if earlier is None:
        after = text + newline * (1 if not text or text.endswith("\n") else 2) + block
    else:
        after = text[: earlier.start()] + (earlier["gap"] or "") + block + text[earlier.end() :]
    if after == text:
        return ()
    return (
        File(_copy_of(machine), before, mode=0o755, keep=earlier is not None),
        File(machine.boot_file, after.encode("latin-1"), mode=0o755),
    )


def lines_removed(machine: Machine) -> tuple[Action, ...]:
    """Take the lines away; the rest of the file stays as it is now. The copy goes where it says the same."""
    if machine.boot_file is None:
        return ()
    text = machine.boot_file.read_bytes().decode("latin-1")
    block = _BLOCK.search(text)
    if block is None:
        return ()
    head, rest = text[: block.start()], text[block.end() :]
    sections = _SECTION.findall(head)
    # What somebody added behind the lines was meant for all machines, not for those of the section before.
    own = f"[all]{block['end']}" if rest.strip() and sections and sections[-1] != "all" else ""
    after = f"{head}{own}{rest}".encode("latin-1")
    copy = _copy_of(machine)
    same = copy.exists() and copy.read_bytes().rstrip() == after.rstrip()
    return (File(machine.boot_file, after, mode=0o755), *((Remove(copy),) if same else ()))


def _copy_of(machine: Machine) -> Path:
    assert machine.boot_file is not None
    return machine.boot_file.with_name("config.txt.before-limen")


def _value(key: str, section: str, default: str, plain: str) -> str:
    found = re.findall(rf"""\b{key}["']?\s*:\s*([^\s,}}]*)""", section)
    if not found:
        return default
    if len(found) > 1 or not re.fullmatch(plain, found[0]):
        raise _unclear(f"door.{key}")
    return str(found[0])


def _unclear(key: str) -> DeployError:
    return DeployError(f"config.yaml: {key} is not written plainly: config.txt cannot be told the strike's pin")

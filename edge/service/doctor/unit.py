"""The systemd unit, as it is in force on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Final

from edge.deploy.layout import Layout
from edge.deploy.upgrade import note_file
from edge.service.doctor.finding import Finding, ok, warn

_UNIT: Final = "limen.service"
_ACCEPTABLE: Final = 2.0


def unit(layout: Layout = Layout()) -> Iterator[Finding]:  # noqa: B008 - frozen
    """Whether an upgrade was cut short, the unit is enabled, and how exposed systemd finds it, where it runs."""
    if note_file(layout).exists():
        fix = "sudo limen upgrade --from DIR, from the newer checkout, brings it to an end, or back"
        yield warn("upgrade", "one was cut short: nobody has seen whether this version holds", fix)
    state = _said("systemctl", "is-enabled", _UNIT)
    if state is None or not state:
        return
    if state != "enabled":
        yield warn("unit", f"{_UNIT} is {state}", f"sudo systemctl enable --now {_UNIT}")
    score = re.search(r"Overall exposure level for \S+ ([\d.]+)", _said("systemd-analyze", "security", _UNIT) or "")
    if score is None:
        return
    exposure = float(score.group(1))
    if exposure > _ACCEPTABLE:
        yield warn("unit", f"exposure {exposure} of 10", f"look at the drop-ins: systemctl cat {_UNIT}")
    else:
        yield ok("unit", f"enabled, exposure {exposure} of 10")


def _said(*command: str) -> str | None:
    """What a program prints, None where it is missing or does not end."""
    if shutil.which(command[0]) is None:
        return None
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return None

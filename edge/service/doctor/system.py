"""The machine under the door."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from edge.service.doctor.finding import Finding, fail, ok, warn
from edge.service.meter import disk_free, temperature

_LEAST_DISK: Final = 200 * 2**20
_HOT: Final = 80.0
# The bits of vcgencmd get_throttled that say how it is now, and those that say how it was since the start.
_NOW: Final = {
    0: "the supply voltage is too low",
    1: "the frequency is capped",
    2: "it is throttled",
    3: "it is too hot",
}


def system(state: Path) -> Iterator[Finding]:
    """Operating system, architecture, Python, runtime, disk, temperature, throttling."""
    yield from _platform()
    yield from _runtime()
    # A store that is still to be made has no directory yet.
    free = next((free for place in (state, *state.parents) if (free := disk_free(place)) is not None), None)
    if free is None:
        yield fail("disk", "it cannot be looked at", "check store.directory and its owner", private=str(state))
    elif free < _LEAST_DISK:
        yield fail("disk", f"{free / 2**20:.0f} MB free", "make room: the door refuses what it cannot write down")
    else:
        yield ok("disk", f"{free / 2**30:.1f} GB free")
    yield from _heat()


def _platform() -> Iterator[Finding]:
    machine, python = platform.machine(), platform.python_version()
    release = _release()
    if machine in {"aarch64", "arm64", "x86_64"}:
        yield ok("system", f"{release}, {machine}, Python {python}")
    else:
        yield fail("system", f"{release} for {machine}", "install a 64-bit system: the runtime exists for no other")


def _runtime() -> Iterator[Finding]:
    for name in ("ai-edge-litert", "tflite-runtime"):
        try:
            yield ok("runtime", f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
        return
    yield fail("runtime", "no TFLite runtime is installed", "install ai-edge-litert into Limen's environment")


def _heat() -> Iterator[Finding]:
    degrees = temperature()
    if degrees is not None and degrees >= _HOT:
        yield warn("temperature", f"{degrees:.0f} °C", "give the board air or a heat sink: it slows down from 80 °C on")
    elif degrees is not None:
        yield ok("temperature", f"{degrees:.0f} °C")
    bits = throttled()
    if bits is None:
        return
    now = [text for bit, text in _NOW.items() if bits >> bit & 1]
    if now:
        yield warn("power", "; ".join(now), "use the supply that belongs to this board, and a short cable")
    elif bits >> 16:
        yield warn("power", "since the start it was slowed down at times", "watch it: a weak supply shows under load")
    else:
        yield ok("power", "never throttled")


def throttled() -> int | None:
    """The bits of `vcgencmd get_throttled`; None where there is no such program or it says nothing."""
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        said = subprocess.run([program, "get_throttled"], capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"throttled=0x([0-9a-fA-F]+)", said)
    return int(match.group(1), 16) if match else None


def _release() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()

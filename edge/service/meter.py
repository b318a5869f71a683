"""How fast and how well the door is working: the figures of `status`."""

from __future__ import annotations

import shutil
from collections import deque
from pathlib import Path
from typing import Final

import numpy as np

from edge.values import Timings

_REMEMBERED: Final = 200  # frames; about the last quarter of a minute
_RATE_SECONDS: Final = 3.0  # short enough that 60 frames a second are all remembered
_THERMAL: Final = Path("/sys/class/thermal/thermal_zone0/temp")


class Meter:
    """Remembers the newest frames' timings."""

    def __init__(self) -> None:
        self._stages: dict[str, deque[float]] = {}
        self._arrivals: deque[float] = deque(maxlen=_REMEMBERED)

    def frame(self, at: float, timings: Timings) -> None:
        """Take in one frame. A stage that did not run (no face, say) is not counted as fast."""
        self._arrivals.append(at)
        stages = {name: getattr(timings, name) for name in timings.__slots__}
        if timings.embed > 0:
            stages["frame"] = timings.total
        for name, milliseconds in stages.items():
            if milliseconds > 0:
                self._stages.setdefault(name, deque(maxlen=_REMEMBERED)).append(milliseconds)

    def fps(self, now: float) -> float:
        """Frames looked at in each of the last seconds."""
        return sum(now - at <= _RATE_SECONDS for at in self._arrivals) / _RATE_SECONDS

    def latency(self) -> dict[str, tuple[float, float]]:
        """Median and 95th percentile in milliseconds: detect, landmarks, align, embed; `frame` is a whole one."""
        return {
            name: (float(np.percentile(values, 50)), float(np.percentile(values, 95)))
            for name, values in self._stages.items()
        }


def temperature() -> float | None:
    """The processor's temperature in degrees Celsius, where the kernel tells it."""
    try:
        return int(_THERMAL.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        return None


def disk_free(directory: Path) -> int | None:
    """Bytes free where `directory` is."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None

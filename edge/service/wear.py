"""What a day of visits writes to the disk: a memory card bears only so much."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from edge.clock import Clock
from edge.errors import LimenError
from edge.settings import StoreSettings
from edge.store.store import open_store
from edge.values import Event

VISITS_A_DAY: Final = 200
_IO: Final = Path("/proc/self/io")

# As long as a decided visit's row gets, with every field filled in.
EVENT: Final = {
    "visit": "0123456789abcdef0123456789abcdef",
    "verdict": "refused",
    "reason": "ambiguous",
    "person_id": "somebody-with-a-long-name",
    "person": "Somebody With A Long Name",
    "quality": dict.fromkeys(("size", "sharpness", "brightness", "contrast", "yaw", "pitch", "roll"), 123.456),
} | dict.fromkeys(("similarity", "detection_threshold", "verification_threshold", "runner_up", "latency_ms"), 0.1234)


def megabytes_a_day(directory: Path, clock: Clock) -> float:
    """Journal and acknowledge a day's visits in a store below `directory`; the megabytes (10^6) the kernel wrote.

    Raises LimenError where it does not count: on a disk in memory, or without /proc.
    """
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        with open_store(StoreSettings(), Path(folder), clock) as store:
            before = _written()
            for _ in range(VISITS_A_DAY):
                row = store.journal(Event("access", EVENT))
                store.mark_sent(row.id)
            store.prune()
        written = _written() - before
    if not written:
        raise LimenError(f"{directory} is no disk whose writes are counted")
    return written / 1e6


def _written() -> int:
    try:
        found = re.search(r"^write_bytes: (\d+)$", _IO.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        found = None
    if found is None:
        raise LimenError(f"{_IO} does not say what was written")
    return int(found[1])

"""How much the store may hold, so that no flood of visits or commands fills the disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

KEEP_ANSWERS: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Limits:
    journal_rows: int = 50_000
    journal_bytes: int = 32 * 1024 * 1024
    event_bytes: int = 64 * 1024
    answers: int = 10_000
    answer_bytes: int = 64 * 1024
    ballast_bytes: int = 8 * 1024 * 1024

"""The log: one record, one line. What strangers sent stands in it: it must begin no line and steer no terminal."""

from __future__ import annotations

import logging
import sys


class OneLine(logging.Formatter):
    """Characters that are not seen, or that move others about, are written as escapes; a traceback keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return printable(super().formatMessage(record))


def printable(text: str) -> str:
    """`text` in one line that says what it holds."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])

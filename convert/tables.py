"""How the pages write numbers: Markdown tables, shares with their intervals."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Protocol


class Measured(Protocol):
    """A share and the ends of its interval."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def one_in(share: float) -> str:
    return f"1 in {1 / share:,.0f}"


def percent(measured: Measured) -> str:
    """For shares that are seen in per cent."""
    return f"{measured.value:.2%} ({measured.low:.2%} - {measured.high:.2%})"


def small(measured: Measured) -> str:
    """For shares that are far below one per cent."""
    return f"{measured.value:.2g} ({measured.low:.2g} - {measured.high:.2g})"


def flow(markdown: str, width: int = 120) -> str:
    """The same page with its sentences and list items broken at `width`; whatever else a block is stays as it is."""
    return "\n\n".join(_flowed(block, width) for block in markdown.split("\n\n"))


def _flowed(block: str, width: int) -> str:
    if block.startswith("- "):
        return "\n".join(_wrapped(item, width, "  ") for item in re.split(r"\n(?=- )", block))
    return _wrapped(block, width) if re.match(r"[\w*`{(]", block) and not block.startswith("```") else block


def _wrapped(text: str, width: int, indent: str = "") -> str:
    words = " ".join(text.split())
    return textwrap.fill(words, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)

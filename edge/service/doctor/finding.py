"""The words of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix`: what to do about it, in a sentence; empty where all is well.

    `private` goes on where `text` ends, for whoever stands at the machine: names, addresses, paths, and whatever words
    come from elsewhere. `text` and `fix` have only Limen's own words and numbers: they are what an archive holds.
    """

    what: str
    state: State
    text: str
    fix: str = ""
    private: str = ""

    @property
    def whole(self) -> str:
        return f"{self.text}: {self.private}" if self.private else self.text


def ok(what: str, text: str, *, private: str = "") -> Finding:
    return Finding(what, "ok", text, private=private)


def warn(what: str, text: str, fix: str, *, private: str = "") -> Finding:
    return Finding(what, "warn", text, fix, private)


def fail(what: str, text: str, fix: str, *, private: str = "") -> Finding:
    return Finding(what, "fail", text, fix, private)

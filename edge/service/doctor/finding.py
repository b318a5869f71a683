"""The words of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix`: what to do about it, in a sentence; empty where all is well."""

    what: str
    state: State
    text: str
    fix: str = ""


def ok(what: str, text: str) -> Finding:
    return Finding(what, "ok", text)


def warn(what: str, text: str, fix: str) -> Finding:
    return Finding(what, "warn", text, fix)


def fail(what: str, text: str, fix: str) -> Finding:
    return Finding(what, "fail", text, fix)

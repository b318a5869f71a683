"""What obeying a command comes to: the `data` of its answer, a promise of another, or an error that says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.mqtt.commands import Command


@dataclass(frozen=True, slots=True)
class Promise:
    """`data` of an answer that is only `accepted`: another answer follows."""

    data: dict[str, Any]


# Raises MessageError or EnrolmentError, whose code is the answer, or StoreError; then it has done nothing.
Action = Callable[[Command], "dict[str, Any] | Promise"]

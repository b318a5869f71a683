"""Properties of what comes in from outside: 200 examples each with the tests, ten thousand each in `make fuzz`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some

PROFILE: Final = "fuzz"
_USUAL: Final = 200

_Test = Callable[..., Any]


def surface(name: str, examples: int = _USUAL) -> Callable[[_Test], _Test]:
    """Marks a property of what comes in there. The profile's number of examples counts when it is beyond the usual."""
    asked = settings.default.max_examples if settings.default else 0
    count = asked if asked > _USUAL else examples
    thorough = settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))
    return lambda test: pytest.mark.surface(name)(thorough(test))


def spoilt(whole: bytes) -> some.SearchStrategy[bytes]:
    """`whole` with some of its bytes changed, left out and put in, and perhaps cut off; or other bytes altogether."""
    change = some.tuples(some.integers(0, len(whole)), some.integers(0, 4), some.binary(max_size=4))

    def made(changes: list[tuple[int, int, bytes]], length: int | None) -> bytes:
        content = whole
        for at, left_out, put_in in changes:
            content = content[:at] + put_in + content[at + left_out :]
        return content[:length]

    lengths = some.none() | some.integers(0, len(whole))
    return some.builds(made, some.lists(change, max_size=4), lengths) | some.binary(max_size=200)

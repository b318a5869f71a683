"""`make fuzz`: each property of what comes in from outside, ten thousand times; docs/reliability.md has what was found.

A property is stopped when its time is up; what it did counts. A test that fails says with which input, and a run with
its seed finds it again; so does an ordinary run of the test, from `.hypothesis/`.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import resource
import sys
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from hypothesis import is_hypothesis_test, settings
from hypothesis.errors import HypothesisException
from tqdm import tqdm

from tests.faults import page
from tests.faults.bench import tree
from tests.faults.page import Fuzzed
from tests.faults.soak import CLOCK
from tests.surfaces import PROFILE

_WHERE: Final = ("tests/edge", "tests/dashboard", "tests/convert/test_joblib_file.py")
_OPTIONS: Final = (
    "-q",
    "--no-header",
    "-o",
    "faulthandler_timeout=0",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
)
_MEMORY: Final = 6 << 30  # bytes


class Fuzzing:
    """A pytest plugin: runs the marked tests alone, counts their examples, and stops each when its time is up."""

    def __init__(self, seed: int, examples: int, seconds: float, only: list[str] | None) -> None:
        self._nothing = Fuzzed(seed=seed, tree=tree())
        self._examples, self._seconds, self._only = examples, seconds, only
        self._records: dict[str, Fuzzed] = {}
        self._until, self._failed, self._began, self._count = 0.0, False, 0.0, 0
        # Its own way to the terminal: pytest takes the usual ones while a test runs.
        self._progress = tqdm(unit=" examples", smoothing=0.1, disable=None, file=os.fdopen(os.dup(2), "w"))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if _surface(item) and (not self._only or _surface(item) in self._only)]
        items.sort(key=_surface)
        for test in {_test(item) for item in items}:
            assert is_hypothesis_test(test)
            test.hypothesis.inner_test = self._counted(test.hypothesis.inner_test)
        self._progress.reset(total=len(items) * self._examples)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        self._progress.set_description(_surface(item))
        self._began, self._failed, self._count = CLOCK.now(), False, 0
        self._until = self._began + self._seconds

    @pytest.hookimpl(tryfirst=True)  # the first answer is the only one, and this gives none
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        if call.when != "call":
            return
        before = self._records.get(_surface(item), self._nothing)
        stopped = call.excinfo is not None and call.excinfo.errisinstance(pytest.skip.Exception)
        failed = call.excinfo is not None and not stopped
        self._records[_surface(item)] = msgspec.structs.replace(
            before,
            properties=before.properties + 1,
            examples=before.examples + self._count,
            seconds=round(before.seconds + CLOCK.now() - self._began, 1),
            stopped=before.stopped + stopped,
            found=(*before.found, *([item.name] if failed else [])),
        )
        book = page.read()
        book.fuzz |= self._records
        page.write(book)
        self._progress.total -= self._examples - self._count

    def _counted(self, test: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(test)
        def once(*words: Any, **named: Any) -> None:
            self._count += 1
            self._progress.update()
            try:
                test(*words, **named)
            finally:
                # What failed is made smaller from now on, and that takes the time it takes.
                raised = sys.exc_info()[0] or HypothesisException
                self._failed |= issubclass(raised, Exception) and not issubclass(raised, HypothesisException)
            # Not before: Hypothesis wants the same drawn for the same beginning.
            if CLOCK.now() > self._until and not self._failed:
                pytest.skip("its time is up")

        return once


def _surface(item: pytest.Item) -> str:
    mark = item.get_closest_marker("surface")
    return mark.args[0] if mark else ""


def _test(item: pytest.Item) -> Any:
    assert isinstance(item, pytest.Function)
    return item.obj


def main(words: list[str] | None = None) -> int:
    """0: nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--examples", type=int, default=10_000, help="of each property (10,000)")
    parser.add_argument("--minutes", type=float, default=5.0, help="after which a property is stopped (5)")
    parser.add_argument("--only", action="append", metavar="SURFACE", help="may be repeated")
    options = parser.parse_args(words)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))  # what takes more is found, and not the whole machine
    settings.register_profile(PROFILE, max_examples=options.examples)
    settings.load_profile(PROFILE)
    print(f"seed {options.seed}")
    plugin = Fuzzing(options.seed, options.examples, 60 * options.minutes, options.only)
    return pytest.main([*_OPTIONS, f"--hypothesis-seed={options.seed}", *_WHERE], plugins=[plugin])


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.faults`: do harm to a door many times, and write down what became of it."""

from __future__ import annotations

import argparse
import signal
import sys

from edge.clock import SystemClock
from edge.service.measure import machine
from tests.faults import page
from tests.faults.bench import run
from tests.faults.cases import CASES
from tests.faults.soak import soak


def main(words: list[str] | None = None) -> int:
    """0: everything is as promised."""
    options = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # no door is left behind
    bad = _soak(options) if options.soak else _faults(options)
    for problem in bad:
        print(problem, file=sys.stderr)
    return 1 if bad else 0


def _faults(options: argparse.Namespace) -> list[str]:
    bad = []
    for case in CASES:
        if options.only and case.name not in options.only:
            continue
        record = run(case, options.times, options.seed)
        found = record.problems(case)
        print(f"{case.name:15} {record.times} times in {record.took_seconds:.0f} s: {'; '.join(found) or 'well'}")
        bad += [f"{case.name}: {problem}" for problem in found]
        book = page.read()  # again each time: another run may have written another case
        book.faults[case.name] = record
        _write(book)
    return bad


def _soak(options: argparse.Namespace) -> list[str]:
    found = soak(options.seconds, options.days)
    book = page.read()
    book.soak = found
    _write(book)
    return found.problems()


def _write(book: page.Book) -> None:
    facts = machine("")
    book.machine = f"{facts['cpu']} ({facts['architecture']}), Python {facts['python']}"
    page.write(book)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", action="append", choices=[case.name for case in CASES], help="may be repeated")
    parser.add_argument("--times", type=int, default=25, help="how often each case is done (25)")
    parser.add_argument("--seed", type=int, default=SystemClock().wall().year, help="of all waiting times")
    parser.add_argument("--soak", action="store_true", help="watch an idle door and let days pass instead")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the idle door is watched (60)")
    parser.add_argument("--days", type=int, default=30, help="how many days pass (30)")
    return parser


if __name__ == "__main__":
    sys.exit(main())

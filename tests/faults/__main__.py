"""`python -m tests.faults`: do harm to a door many times, and write down what became of it."""

from __future__ import annotations

import argparse
import signal
import sys

from tqdm import tqdm

from edge.clock import SystemClock
from edge.service.measure import machine
from tests.faults import page
from tests.faults.bench import Record, run, tree
from tests.faults.cases import CASES, Case
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
    """Goes on where it stopped: what this tree was measured for on this machine is kept."""
    bad = []
    cases = {case: options.times or case.times for case in CASES if not options.only or case.name in options.only}
    with tqdm(total=sum(cases.values()), unit=" faults", smoothing=0.1, disable=None) as progress:
        for case, times in cases.items():
            progress.set_description(case.name)
            record = None if options.anew else kept(page.read(), _this_machine(), case, times, options.seed)
            if record is None:
                record = run(case, times, options.seed, progress.update)
                book = page.read()  # anew: another run may have written another case
                book.faults[case.name] = record
                _write(book)
                told = f"{times} times in {record.took_seconds:.0f} s"
            else:
                progress.total -= times
                told = "kept as it was measured on this tree; --anew measures it again"
            found = record.problems(case)
            progress.write(f"{case.name:15} {told}: {'; '.join(found) or 'well'}")
            bad += [f"{case.name}: {problem}" for problem in found]
    return bad


def kept(book: page.Book, here: str, case: Case, times: int, seed: int) -> Record | None:
    """What need not be measured again on the machine `here`."""
    record = book.faults.get(case.name)
    same = record is not None and (record.times, record.seed, record.tree) == (times, seed, tree())
    return record if same and book.machine == here else None


def _soak(options: argparse.Namespace) -> list[str]:
    found = soak(options.seconds, options.days)
    book = page.read()
    book.soak = found
    _write(book)
    return found.problems()


def _write(book: page.Book) -> None:
    book.machine = _this_machine()
    page.write(book)


def _this_machine() -> str:
    facts = machine("")
    return f"{facts['cpu']} ({facts['architecture']}), Python {facts['python']}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", action="append", choices=[case.name for case in CASES], help="may be repeated")
    parser.add_argument("--times", type=int, help="how often each case is done (25; some 100)")
    parser.add_argument("--anew", action="store_true", help="also what was measured on this very tree")
    parser.add_argument("--seed", type=int, default=SystemClock().wall().year, help="of all waiting times")
    parser.add_argument("--soak", action="store_true", help="watch an idle door and let days pass instead")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the idle door is watched (60)")
    parser.add_argument("--days", type=int, default=30, help="how many days pass (30)")
    return parser


if __name__ == "__main__":
    sys.exit(main())

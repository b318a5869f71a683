"""docs/reliability.md, made from docs/reliability.json, which `make faults` and `make soak` write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from edge.deploy.upgrade import WATCHED_SECONDS
from tests.faults.bench import Record
from tests.faults.cases import CASES, Case
from tests.faults.house import UNLOCK
from tests.faults.soak import RETENTION, Soak
from tests.faults.upgrading import WATCHED

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "reliability.md"
RECORDS: Final = DOCS / "reliability.json"

_HEAD: Final = f"""\
# Reliability

What was done to a door, how often, and what its pin did meanwhile. The door is `limen run` with a real broker, in front
of which a resident comes and goes; only its pin is a mock one, whose level outlives its process as on a Raspberry Pi,
and which writes down each level with its moment. Nothing here ran on a Raspberry Pi.

`make faults` does all of it again and writes this page; `python -m tests.faults --only CASE --times N --seed S` does
one case. What was measured on the same tree and machine is kept, so that a run goes on where one stopped; `--anew` does
it again. A run with the same seed waits for the same times before each fault; the machine does the rest differently
each time. The figures stand in `docs/reliability.json`, and each case but `upgrade-whole` runs once with the tests.

## Faults

A pulse is asked to last {UNLOCK:g} s. *Unwanted* counts the moments at which the pin was unlocked without a grant in
the journal just before, each grant counting once. *Sleeper* is by how much the machine, at worst, woke something late
that did nothing but sleep: what a pulse lasts too long for that reason is not the door's doing. A pulse that lasts
longer than `unlock_seconds`, 250 ms and the sleeper's lateness is a failure, and stands below the table.

`upgrade` begins when the version is on the disk; `upgrade-whole` begins with its copying, so that pip works for the
version while the door works. A network is used before, for the wheels, and never in it. Neither has a real systemd
(`make machine-smoke` has), and the newer version is watched for {WATCHED:g} s, not for {WATCHED_SECONDS:g} s.
"""

_STRIKE: Final = """\
### Where nobody is left

The strike's process ends a pulse whatever happens to the rest; when it dies or hangs itself, its second hand does, a
process that waits for nothing else. For a strike that hangs it is woken several times in a row, so that a busy machine
makes it later than it makes the sleeper: once in 75 times, with eight programs on two cores, a pulse was 1.322 s long
where the sleeper was 42 ms late, and in the same run done again none was.

With all of them killed at once the pin keeps its level until `limen force-locked`, which systemd calls then, has
started: as long as a Python process needs for that. The one-shot of [hardware.md](hardware.md) ends a pulse without
any process.
"""


_FUZZING: Final = """\
## Fuzzing

`make fuzz` makes up what comes in from outside, ten thousand examples of each property, and writes down how many it
did; with the tests each property has 200 of them or fewer. Whatever comes: nothing but the error that is meant for it
is raised, and nothing invalid is taken for valid. `make fuzz SEED=…` makes the same ones again. A slow property is
stopped when its time is up; one that has fewer examples and was not stopped was tried with all there are. What was
found and mended stands in the changelog; below stands what is left of it.
"""


class Fuzzed(Struct, frozen=True):
    """What was tried on one surface. `stopped`: properties whose time was up. `found`: tests that failed."""

    seed: int
    tree: str
    properties: int = 0
    examples: int = 0
    seconds: float = 0.0
    stopped: int = 0
    found: tuple[str, ...] = ()


class Book(Struct):
    """Everything that was measured; `machine` for those that were measured last."""

    machine: str = ""
    faults: dict[str, Record] = {}
    soak: Soak | None = None
    fuzz: dict[str, Fuzzed] = {}


def read() -> Book:
    return msgspec.json.decode(RECORDS.read_bytes(), type=Book) if RECORDS.exists() else Book()


def write(book: Book) -> None:
    ordered = {case.name: book.faults[case.name] for case in CASES if case.name in book.faults}
    book = msgspec.structs.replace(book, faults=ordered)
    RECORDS.write_bytes(msgspec.json.format(msgspec.json.encode(book), indent=1) + b"\n")
    PAGE.write_text(page(book), encoding="utf-8")


def page(book: Book) -> str:
    bounded = [case for case in CASES if case.bounded and case.name in book.faults]
    others = [case for case in CASES if not case.bounded and case.name in book.faults]
    parts = [
        _HEAD,
        *_table(book, bounded),
        "",
        _STRIKE,
        *_table(book, others),
        "",
        *_trees(book),
        *_soak(book.soak),
        *_fuzzing(book),
    ]
    return "\n".join([*parts, f"Measured on: {book.machine}.", ""])


def _table(book: Book, cases: list[Case]) -> Iterator[str]:
    yield "| case | what is done | times | openings | unwanted | longest | sleeper | seed |"
    yield "|---|---|---|---|---|---|---|---|"
    for case in cases:
        one = book.faults[case.name]
        yield (
            f"| `{case.name}` | {case.story} | {one.times} | {one.openings} | {one.unwanted} |"
            f" {one.longest_seconds:.3f} s | {1000 * one.late_seconds:.0f} ms | {one.seed} |"
        )
    for case in cases:
        yield from (f"\n`{case.name}`: **{problem}**" for problem in book.faults[case.name].problems(case))


def _trees(book: Book) -> Iterator[str]:
    """Which tree was measured, case by case where they differ."""
    trees = {
        one.tree: [name for name, other in book.faults.items() if other.tree == one.tree]
        for one in book.faults.values()
    }
    yield "A tree is named by a digest of `edge/` and of the bench."
    if len(trees) == 1:
        yield f"All of the above was measured on the tree `{next(iter(trees))}`."
    else:
        yield from (f"On the tree `{name or 'unknown'}`: {', '.join(cases)}." for name, cases in trees.items())
    yield ""


def _soak(soak: Soak | None) -> Iterator[str]:
    if soak is None:
        return
    yield "## Wear\n\n`make soak` watches a door at which nobody is, and lets days pass in a store.\n"
    yield "| | |\n|---|---|"
    for name, count in soak.idle_bytes.items():
        yield f"| an idle door, {soak.idle_seconds:.0f} s: its {name} wrote to the disk | {count} bytes |"
    yield f"| and into its log | {soak.idle_log_bytes} bytes |"
    yield f"| a day of visits writes to the disk | {soak.megabytes_a_day} MB |"
    yield f"| simulated days, with a restart each | {soak.days}, {soak.visits} visits |"
    yield f"| events kept at the end, `retention_days: {RETENTION}` | {soak.kept_events} |"
    early, last = soak.megabytes[min(RETENTION, soak.days) - 1], soak.megabytes[-1]
    yield f"| size of the store after {min(RETENTION, soak.days)} days, and at the end | {early:.2f}, {last:.2f} MB |"
    yield from (f"\n**{problem}**" for problem in soak.problems())
    yield ""


def _fuzzing(book: Book) -> Iterator[str]:
    yield _FUZZING
    yield "| what comes in | properties | examples | in | seed | tree | found |\n|---|---|---|---|---|---|---|"
    for name, one in sorted(book.fuzz.items()):
        stopped = f" ({one.stopped} stopped by time)" if one.stopped else ""
        found = ", ".join(f"**`{test}`**" for test in one.found) or "nothing"
        did = f"{one.properties}{stopped} | {one.examples:,} | {one.seconds:.0f} s"
        yield f"| {name} | {did} | {one.seed} | `{one.tree}` | {found} |"
    yield ""


if __name__ == "__main__":
    write(read())

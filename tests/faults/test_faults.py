"""Nothing but a grant opens the door: each case of the fault bench once, and the bench's own judgement."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from edge.service.wear import VISITS_A_DAY
from tests.faults import page
from tests.faults.__main__ import kept
from tests.faults.bench import Record, run, tree
from tests.faults.cases import CASES, Case
from tests.faults.house import UNLOCK, without_grant
from tests.faults.soak import Soak, live
from tests.faults.upgrading import FATES

TESTS = Path(__file__).parents[1]
_SEED = random.SystemRandom().randrange(1_000_000)  # it stands in the message of a test that fails
_RECORD = Record(case="x", times=1, seed=1, openings=1, unwanted=0, longest_seconds=1.0, late_seconds=0, took_seconds=1)


@pytest.mark.parametrize("case", [case for case in CASES if case.tested], ids=lambda case: case.name)
def test_nothing_but_a_grant_opens_and_a_pulse_ends_in_time(case: Case) -> None:
    record = run(case, len(FATES) if case.name == "upgrade" else 1, _SEED)
    assert record.problems(case) == [], record


def test_an_opening_without_a_grant_of_its_own_is_noticed() -> None:
    assert without_grant([10.2, 20.1], [10.0, 20.0]) == []
    assert without_grant([10.2, 10.4], [10.0]) == [10.4], "one grant, two openings"
    assert without_grant([9.9], [10.0]) == [9.9], "before its grant"
    assert without_grant([13.0], [10.0]) == [13.0], "long after it"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"unwanted": 1}, "unlocked 1 times without a grant"),
        ({"longest_seconds": UNLOCK + 0.26}, "unlocked for 1.260 s"),
        ({"troubles": ("1: waited too long",)}, "1: waited too long"),
    ],
)
def test_what_is_not_as_promised_is_said(found: dict[str, object], said: str) -> None:
    record = msgspec.structs.replace(_RECORD, **found)
    assert any(said in problem for problem in record.problems(CASES[0]))
    assert _RECORD.problems(CASES[0]) == []


def test_only_a_strike_that_lives_can_keep_the_promise_of_how_long() -> None:
    late = msgspec.structs.replace(_RECORD, longest_seconds=UNLOCK + 0.5)
    assert late.problems(replace(CASES[0], bounded=False)) == []


def test_what_this_tree_was_measured_for_on_this_machine_is_not_measured_again() -> None:
    record = msgspec.structs.replace(_RECORD, case=CASES[0].name, tree=tree())
    book = page.Book(machine="here", faults={record.case: record})
    assert kept(book, "here", CASES[0], 1, 1) == record
    assert kept(book, "elsewhere", CASES[0], 1, 1) is None
    assert kept(book, "here", CASES[0], 2, 1) is None
    assert kept(book, "here", CASES[0], 1, 2) is None
    assert kept(book, "here", CASES[1], 1, 1) is None
    book.faults[record.case] = msgspec.structs.replace(record, tree="another")
    assert kept(book, "here", CASES[0], 1, 1) is None


def test_cases_of_different_trees_are_told_apart() -> None:
    older, newer = (msgspec.structs.replace(_RECORD, tree=name) for name in ("older", "newer"))
    assert "All of the above was measured on the tree `older`." in page.page(page.Book(faults={"kill": older}))
    told = page.page(page.Book(faults={"kill": older, "stop": newer, "camera": older}))
    assert "On the tree `older`: kill, camera." in told
    assert "On the tree `newer`: stop." in told


# -- the soak --------------------------------------------------------------------------------------------------------


def test_days_go_by_in_a_store_and_its_audit_holds() -> None:
    kept, megabytes = live(2)
    assert kept >= 2 * VISITS_A_DAY
    assert len(megabytes) == 2


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"idle_bytes": {"strike": 4096}}, "the idle strike wrote 4096 bytes"),
        ({"idle_log_bytes": 80}, "80 bytes into its log"),
        ({"kept_events": 6000}, "6000 events are kept"),
        ({"megabytes": tuple(float(day) for day in range(1, 31))}, "goes on growing"),
    ],
)
def test_a_door_that_wears_its_card_out_is_noticed(found: dict[str, object], said: str) -> None:
    well = Soak(60.0, {"strike": 0}, 0, 30, 6000, 1409, (1.0,) * 30, 9.6)
    assert well.problems() == []
    assert any(said in problem for problem in msgspec.structs.replace(well, **found).problems())


# -- docs/reliability.md ---------------------------------------------------------------------------------------------


def test_the_page_is_the_one_that_its_record_makes() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(page.read()), "run `python -m tests.faults.page`"


def test_the_record_has_every_case_and_each_was_as_promised() -> None:
    book = page.read()
    assert set(book.faults) == {case.name for case in CASES}
    assert [problem for case in CASES for problem in book.faults[case.name].problems(case)] == []
    assert book.soak is not None
    assert book.soak.problems() == []


def test_every_surface_was_fuzzed_and_nothing_is_left_of_what_was_found() -> None:
    tests = "".join(file.read_text(encoding="utf-8") for file in TESTS.rglob("test_*.py"))
    book = page.read()
    assert set(book.fuzz) == {*re.findall(r'@surface\("([^"]+)"', tests)}
    assert [found for one in book.fuzz.values() for found in one.found] == []

"""Nothing but a grant opens the door: each case of the fault bench once, and the bench's own judgement."""

from __future__ import annotations

import random
from dataclasses import replace

import msgspec
import pytest

from edge.service.wear import VISITS_A_DAY
from tests.faults import page
from tests.faults.bench import Record, run
from tests.faults.cases import CASES, Case
from tests.faults.house import UNLOCK, without_grant
from tests.faults.soak import Soak, live
from tests.faults.upgrading import FATES

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

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec import Struct

from convert.commands_measure import KINDS
from convert.door_record import Rate, Step
from convert.door_section import dominates
from convert.errors import ConversionError
from convert.models import FOLDER
from convert.records import one_of, records_of, write_one
from edge.vision.cards import read_card

ONE, OTHER = "a" * 64, "b" * 64


class Count(Struct, frozen=True, forbid_unknown_fields=True):
    people: int


def test_a_record_speaks_for_its_own_bytes_only(tmp_path: Path) -> None:
    write_one(tmp_path, "door", ONE, Count(1))
    write_one(tmp_path, "door", OTHER, Count(2))
    write_one(tmp_path, "door", ONE, Count(3))
    assert one_of(records_of(tmp_path, ONE), "door", Count) == Count(3)
    assert one_of(records_of(tmp_path, OTHER), "door", Count) == Count(2)
    assert one_of(records_of(tmp_path, "c" * 64), "door", Count) is None


def test_what_is_no_record_is_named(tmp_path: Path) -> None:
    write_one(tmp_path, "door", ONE, Count(1))
    file = tmp_path / "records" / "door.json"
    with pytest.raises(ConversionError, match=r"door\.json: not a record of door"):
        one_of({"door": {"persons": 1}}, "door", Count)
    file.write_text("{", encoding="utf-8")
    with pytest.raises(ConversionError, match="not a file of records"):
        records_of(tmp_path, ONE)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_committed_is_sorted_and_says_how_it_was_made(kind: str) -> None:
    text = (FOLDER / "records" / f"{kind}.json").read_text(encoding="utf-8")
    content = json.loads(text)
    assert text == json.dumps(content, indent=1, sort_keys=True) + "\n"
    assert {record["command"] for record in content["records"].values()} == {f"limen-convert measure {kind}"}


def test_the_door_was_simulated_with_the_thresholds_of_the_card() -> None:
    card = read_card(FOLDER / "mobilefacenet.json")
    record = records_of(FOLDER, card.sha256).get("door")
    if record is not None:
        assert set(record["thresholds"].values()) <= {step.similarity for step in card.thresholds}


def rate(value: float, spread: float = 0.01) -> Rate:
    return Rate(value, max(0.0, value - spread), value + spread, 0.0, 1.0, events=1, visits=100, people_visits=100)


def test_a_default_is_only_questioned_by_what_is_clearly_better() -> None:
    def step(fpir: float, fnir: float) -> Step:
        return Step("margin", "0", shipped=False, fpir=rate(fpir), fnir=rate(fnir))

    shipped = step(0.01, 0.10)
    assert dominates(step(0.01, 0.05), shipped)
    assert not dominates(step(0.02, 0.05), shipped), "it lets in more"
    assert not dominates(step(0.01, 0.09), shipped), "the ranges overlap"

"""The comparison's page says what the record has, and calls what was not run not run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from convert.errors import ConversionError
from convert.record import Interval
from convert.siamese.comparison import RECIPES, RECORD, SHIPPED, Comparison, Row, _trained, compare, read_comparison
from convert.siamese.comparison_page import page, tuned_rows
from convert.siamese.judge import Figures
from convert.siamese.run import Run, write_run
from convert.siamese.tuned_section import PICTURE, drawing
from edge.clock import SystemClock

DOCS = Path(__file__).parents[2] / "docs"
NAMES = (SHIPPED, *(recipe.name for recipe in RECIPES))


def figures(accuracy: float) -> Figures:
    told = Interval(value=accuracy, low=accuracy - 0.01, high=accuracy + 0.01)
    return Figures(pairs=1000, unusable=3, threshold=0.5, accuracy=told, auc=0.9, fmr=0.01, tar=0.8)


def write(folder: Path, *rows: Row) -> None:
    known = {row.name: row for row in rows}
    told = Comparison(
        "LFW View 1",
        {"train": 9, "validation": 3, "test": 5},
        tuple(known.get(name, Row(name)) for name in NAMES),
    )
    (folder / RECORD).write_bytes(msgspec.json.encode(told))


def row_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| {name} |"))


def test_the_page_is_the_one_that_the_record_makes() -> None:
    assert (DOCS / "siamese.md").read_text(encoding="utf-8") == page(DOCS), "run `limen-convert siamese-report --page`"


def test_the_picture_is_the_one_that_the_record_makes() -> None:
    drawn = (DOCS / "pictures" / PICTURE).read_text(encoding="utf-8")
    assert drawn == drawing(tuned_rows(DOCS)), "run `limen-convert siamese-report --page`"


def test_what_was_not_run_says_so(tmp_path: Path) -> None:
    write(tmp_path, Row("b-small", figures(0.71), parameters=1234, epochs=5, seconds=120))
    text = page(tmp_path)
    assert "71.00% (70.00% - 72.00%)" in row_of(text, "b-small")
    assert "1,234" in row_of(text, "b-small")
    assert all("*not run*" in row_of(text, name) for name in ("a-resnet50", "c-facenet128", SHIPPED))
    assert f"1 of {len(NAMES)} rows have been run" in text


def test_a_row_says_whether_it_beats_its_article(tmp_path: Path) -> None:
    write(tmp_path, Row("e-inception", figures(0.66)), Row("e-vgg19", figures(0.54)), Row("e-mobilenet", figures(0.6)))
    told = page(tmp_path).split("What the articles report")[1]
    assert row_of(told, "e-inception").endswith("| not beyond the interval |")  # 65 % to 67 %, and 65.8 % there
    assert row_of(told, "e-vgg19").endswith("| not beyond the interval |")
    assert row_of(told, "e-mobilenet").endswith("| yes |")


def test_every_system_of_the_articles_has_its_row() -> None:
    assert {"A", "B", "C", "D", "E"} <= {recipe.system for recipe in RECIPES}
    recipes = {recipe.run.recipe for recipe in RECIPES}
    assert recipes == {"siamese-bce", "contrastive", "triplet", "features"}


def test_there_is_no_page_without_a_record(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"siamese\.json: .*make siamese-report"):
        page(tmp_path)
    (tmp_path / RECORD).write_text("{}", encoding="utf-8")
    with pytest.raises(ConversionError, match="missing required field"):
        read_comparison(tmp_path / RECORD)


def test_a_row_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="z-net: no row of that name"):
        compare(tmp_path, tmp_path, tmp_path / RECORD, ["z-net"], SystemClock())


def test_a_row_does_not_report_a_training_with_other_knobs(tmp_path: Path) -> None:
    write_run(tmp_path / "b-small", Run(seed=77))
    with pytest.raises(ConversionError, match=r"holds another training .*seed 77"):
        _trained("b-small", tmp_path, tmp_path, SystemClock())

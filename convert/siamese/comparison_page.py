"""docs/siamese.md: how to train, what was measured, and what was not. Every figure is from docs/siamese.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from convert.siamese.backbones import BACKBONES
from convert.siamese.comparison import RECIPES, RECORD, SHIPPED, Comparison, Recipe, Row, read_comparison
from convert.siamese.tuned_section import Rows, section
from convert.tables import flow, percent, table

PAGE: Final = "siamese.md"
_TEXT: Final = Path(__file__).with_name("page.md")
_NOT_RUN: Final = "*not run*"


def page(docs: Path) -> str:
    """The page for the record in `docs`. Raises ConversionError without one."""
    comparison = read_comparison(docs / RECORD)
    backbones = ", ".join(f"`{name}`" for name in BACKBONES)
    text = _TEXT.read_text(encoding="utf-8")
    for mark, told in (
        ("backbones", backbones),
        ("comparison", _told(comparison)),
        ("tuned", section(tuned_rows(docs))),
    ):
        text = text.replace(f"{{{{{mark}}}}}", told)
    return text


def tuned_rows(docs: Path) -> Rows:
    """The rows that have figures of a tuning, with their settings."""
    known = {row.name: row.tuned for row in read_comparison(docs / RECORD).rows}
    return [(recipe.name, recipe.run, told) for recipe in RECIPES if (told := known.get(recipe.name)) is not None]


def _told(comparison: Comparison) -> str:
    known = {row.name: row for row in comparison.rows}
    run = sum(row.figures is not None for row in comparison.rows)
    people = comparison.people
    heads = (
        "row",
        "system",
        "network, loss",
        "here",
        "accuracy (95 %)",
        "AUC",
        "TAR at FMR 0.01",
        "parameters",
        "time",
    )
    found = {recipe.name: known.get(recipe.name, Row(recipe.name)) for recipe in RECIPES}
    rows = [_shipped(known[SHIPPED]), *(_row(recipe, found[recipe.name]) for recipe in RECIPES)]
    theirs = [(recipe.name, recipe.theirs, _beaten(recipe, found[recipe.name])) for recipe in RECIPES if recipe.theirs]
    minutes = sum(row.seconds for row in known.values()) / 60
    opening = flow(
        f"{comparison.data}: {people['train']:,} people to learn from, {people['validation']:,} to stop and to choose "
        f"the threshold by, and the {people['test']:,} people of `pairsDevTest.txt`, from whom nothing here was "
        f"learned, with its 1,000 pairs. {run} of {len(rows)} rows have been run; the others say so. "
        f"They learned for {minutes:.0f} minutes in all, on two cores of a busy machine. Each detector finds its faces "
        "once, which takes some minutes more."
    )
    return f"""\
{opening}

{table(heads, rows)}

Intervals are Wilson's. A pair with a picture in which no face was found counts as told wrong. Every tower is trained
from scratch unless the row says otherwise, and at a size and for a time that two cores can bear: these rows are far
below what their articles' networks could do, and no row here is a verdict on an article. Rows whose intervals overlap
are not told apart. The shipped network was trained elsewhere, on pictures of people who may also be in LFW; `a-shipped`
and `d-shipped` are the two recipes' heads on what it says of a face, so that the heads can be told from their towers.

What the articles report of their own networks, on their own pairs:

{table(("row", "theirs", "beaten on DevTest"), theirs)}"""


def _beaten(recipe: Recipe, row: Row) -> str:
    """Whether the row's accuracy is above the article's, and its whole interval too."""
    if recipe.accuracy is None or row.figures is None:
        return "-"
    reached = row.figures.accuracy
    if reached.value <= recipe.accuracy:
        return "no"
    return "yes" if reached.low > recipe.accuracy else "not beyond the interval"


def _shipped(row: Row) -> Sequence[str]:
    return (SHIPPED, "-", "the network in models/", "as it is shipped", *_figures(row)[:3], "-", "-")


def _row(recipe: Recipe, row: Row) -> Sequence[str]:
    run = recipe.run
    weights = "from scratch" if run.weights == "none" else f"weights: {run.weights}"
    here = f"{run.detector}, {run.size} x {run.size}, {weights}"
    here += f"; there: {recipe.instead}" if recipe.instead else ""
    return (row.name, recipe.system, f"{run.backbone}, {run.recipe}", here, *_figures(row))


def _figures(row: Row) -> Sequence[str]:
    if row.figures is None:
        return (_NOT_RUN, "-", "-", "-", "-")
    figures = row.figures
    time = f"{row.seconds / 60:.0f} min, {row.epochs} epochs"
    return (percent(figures.accuracy), f"{figures.auc:.4f}", f"{figures.tar:.3f}", f"{row.parameters:,}", time)

"""A run in pictures, one file that needs nothing else: losses, ROC, similarities, worst pairs, a map of the people.

The worst pairs are faces: the page stays in the run's folder, which is no place to publish.
"""

from __future__ import annotations

import base64
import colorsys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.drawing import GREEN, GREY, RED, Axes, grid, svg, text, titles
from convert.release import write_file
from convert.siamese.crops import Crops
from convert.siamese.judge import Epoch
from convert.siamese.run import Run
from convert.siamese.sampling import Pairs

PAGE: Final = "report.html"
_BINS: Final = 40
_WORST: Final = 6
_MAPPED: Final = 300

Floats = NDArray[np.float64]


def write_page(
    folder: Path,
    run: Run,
    history: Sequence[Epoch],
    crops: Crops,
    vectors: NDArray[np.float32],
    pairs: Pairs,
    similarities: Floats,
) -> None:
    """Write `report.html` into the run's folder."""
    title = f"{run.recipe}, {run.backbone}"
    drawings = [
        losses(history),
        areas(history),
        roc(similarities, pairs.same),
        histogram(similarities, pairs.same),
        people_map(vectors, crops.people),
    ]
    body = "\n".join(drawings)
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>\n'
        "<style>body{font-family:sans-serif;max-width:44rem;margin:2rem auto}svg{width:100%}"
        "img{width:96px;image-rendering:auto}figure{display:inline-block;margin:.5rem;font-size:.8rem}</style>\n"
        f"<h1>{escape(title)}</h1>\n{body}\n{_worst(crops, pairs, similarities)}</html>\n"
    )
    write_file(folder / PAGE, page.encode())


def losses(history: Sequence[Epoch]) -> str:
    """Loss over epochs: of training, and of validation."""
    highest = max(max(epoch.loss, epoch.validation_loss) for epoch in history) * 1.05 or 1.0
    axes = Axes((0.0, max(2, len(history))), (0.0, highest))
    parts = grid(axes, _epochs(history), [(highest * step / 4, f"{highest * step / 4:.3g}") for step in range(5)])
    parts.append(_curve(axes, [(epoch.epoch, epoch.loss) for epoch in history], GREEN))
    parts.append(_curve(axes, [(epoch.epoch, epoch.validation_loss) for epoch in history], RED))
    parts += [text(600, 58, "training", GREEN, "end"), text(600, 74, "validation", RED, "end")]
    return svg([*parts, *titles("loss", "epoch", "loss")])


def areas(history: Sequence[Epoch]) -> str:
    """AUC, precision and recall of the validation pairs over epochs."""
    lowest = min(0.5, *(min(epoch.auc, epoch.precision, epoch.recall) for epoch in history))
    axes = Axes((0.0, max(2, len(history))), (np.floor(lowest * 10) / 10, 1.0))
    parts = grid(axes, _epochs(history), [(step / 10, f"{step / 10:.1f}") for step in range(int(axes.up[0] * 10), 11)])
    for row, (name, colour) in enumerate((("auc", GREEN), ("precision", RED), ("recall", GREY))):
        parts.append(_curve(axes, [(epoch.epoch, getattr(epoch, name)) for epoch in history], colour))
        parts.append(text(600, 290 - 16 * row, name, colour, "end"))
    return svg([*parts, *titles("validation pairs", "epoch", "share")])


def roc(similarities: Floats, same: NDArray[Any]) -> str:
    """Share of the pairs of one person accepted, over that of two people, at every threshold."""
    truth = same.astype(bool)[np.argsort(-similarities, kind="stable")]
    tar = np.concatenate([[0.0], np.cumsum(truth) / max(1, truth.sum())])
    fmr = np.concatenate([[0.0], np.cumsum(~truth) / max(1, (~truth).sum())])
    axes = Axes((0.0, 1.0), (0.0, 1.0))
    ticks = [(step / 5, f"{step / 5:.1f}") for step in range(6)]
    return svg(
        [
            *grid(axes, ticks, ticks),
            _curve(axes, list(zip(fmr.tolist(), tar.tolist(), strict=True)), GREEN),
            *titles("test pairs", "share of pairs of two people accepted", "share of pairs of one person accepted"),
        ]
    )


def histogram(similarities: Floats, same: NDArray[Any]) -> str:
    """The test pairs by similarity: of one person, and of two."""
    truth, low, high = same.astype(bool), float(similarities.min()), float(similarities.max()) + 1e-6
    shares = []
    for kind in (truth, ~truth):
        counts, edges = np.histogram(similarities[kind], _BINS, (low, high))
        shares.append(counts / max(1, counts.sum()))
    axes = Axes((low, high), (0.0, float(np.max(shares)) * 1.1))
    parts = grid(axes, [(value, f"{value:.2f}") for value in np.linspace(low, high, 6).tolist()], [])
    for values, colour in zip(shares, (GREEN, RED), strict=True):
        corners = [(float(edges[index + side]), float(value)) for index, value in enumerate(values) for side in (0, 1)]
        outline = axes.path([(low, 0.0), *corners, (high, 0.0)])
        parts.append(f'<polygon points="{outline}" fill="{colour}" fill-opacity="0.3" stroke="{colour}"/>')
    parts += [text(600, 58, "one person", GREEN, "end"), text(600, 74, "two people", RED, "end")]
    return svg([*parts, *titles("test pairs", "similarity", "share of pairs")])


def people_map(vectors: NDArray[np.float32], people: NDArray[Any]) -> str:
    """The embeddings of the test people on the plane of their two principal components, a colour for each person."""
    units = vectors[:_MAPPED] / np.maximum(np.linalg.norm(vectors[:_MAPPED], axis=1, keepdims=True), 1e-9)
    centred = units - units.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    places = centred @ directions[:2].T
    if places.shape[1] < 2:
        places = np.column_stack([places, np.zeros(len(places))])
    reach = float(np.abs(places).max()) * 1.1 or 1.0
    axes, count = Axes((-reach, reach), (-reach, reach)), int(people.max()) + 1
    dots = [
        f'<circle cx="{axes.x(x):.1f}" cy="{axes.y(y):.1f}" r="4" fill="{_colour(int(owner), count)}"/>'
        for (x, y), owner in zip(places.tolist(), people[:_MAPPED].tolist(), strict=True)
    ]
    return svg([*dots, *titles("test people: a colour each", "first component", "second component")])


def _worst(crops: Crops, pairs: Pairs, similarities: Floats) -> str:
    """The pairs of one person least alike, and those of two people most alike."""
    sides = np.sort(np.column_stack([pairs.first, pairs.second]), axis=1)
    once = np.sort(np.unique(sides, axis=0, return_index=True)[1])  # a pair may have been drawn twice
    order = once[np.argsort(similarities[once], kind="stable")]
    same = pairs.same.astype(bool)
    shown = []
    for title, rows in (
        ("One person, least alike", order[same[order]][:_WORST]),
        ("Two people, most alike", order[~same[order]][::-1][:_WORST]),
    ):
        shown.append(f"<h2>{title}</h2>")
        for row in rows.tolist():
            both = [int(pairs.first[row]), int(pairs.second[row])]
            names = " and ".join(f"{crops.files[index].parent.name}/{crops.files[index].name}" for index in both)
            pictures = "".join(_picture(crops.pixels[index]) for index in both)
            shown.append(f"<figure>{pictures}<br>{similarities[row]:.3f}: {escape(names)}</figure>")
    return "\n".join(shown)


def _picture(pixels: NDArray[np.uint8]) -> str:
    _, packed = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(packed.tobytes()).decode()}">'


def _curve(axes: Axes, points: Sequence[tuple[float, float]], colour: str) -> str:
    return f'<polyline points="{axes.path(points)}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _epochs(history: Sequence[Epoch]) -> list[tuple[float, str]]:
    every = max(1, len(history) // 10)
    return [(number, str(number)) for number in range(0, len(history) + 1, every)]


def _colour(number: int, count: int) -> str:
    red, green, blue = colorsys.hls_to_rgb(number / max(1, count), 0.45, 0.7)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"

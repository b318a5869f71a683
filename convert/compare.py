"""Two embedder files side by side, on the same crops of the same people, with paired differences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from msgspec import Struct

from convert import figures
from convert.errors import ConversionError
from convert.gate import FMRS, Difference, Loss, Panel, Reference, cosines, tar_at
from convert.speed import Plan, milliseconds, plan
from edge.clock import Clock
from edge.vision.cards import Card, verified_model
from edge.vision.heads import open_comparator
from edge.vision.runtime import Network, load_network


class Side(Struct, frozen=True, forbid_unknown_fields=True):
    """One file. `tar`: (FMR, TAR) at its own thresholds."""

    name: str
    quantization: str
    space: str
    sha256: str
    bytes: int
    milliseconds: float
    plan: Plan
    tar: tuple[tuple[float, float], ...]


class Comparison(Struct, frozen=True, forbid_unknown_fields=True):
    """`losses`: what B's TAR is less than A's, paired. `cosine`: (mean, smallest) of A's and B's embedding of one crop.

    It is None where the two have different lengths, and says nothing where they were not made of one network.
    """

    a: Side
    b: Side
    losses: tuple[Loss, ...]
    cosine: tuple[float, float] | None
    crops: int
    genuine: int
    impostors: int


def compare(first: Path, second: Path, panel: Panel, clock: Clock) -> Comparison:
    """Judge both on the panel. Raises ConversionError when one eats other crops than the panel's."""
    cards, networks = zip(*(_open(path) for path in (first, second)), strict=True)
    for card in cards:
        if (card.input.shape, card.template) != (panel.card.input.shape, panel.card.template):
            raise ConversionError(f"{card.name}: eats other crops than {panel.card.name}: compare it with `evaluate`")
    comparators = (open_comparator(path.parent, card) for path, card in zip((first, second), cards, strict=True))
    panels = [replace(panel, card=card, compare=compare) for card, compare in zip(cards, comparators, strict=True)]
    vectors = [its.embed(network, its.card.name) for its, network in zip(panels, networks, strict=True)]
    pairs = [its.pairs(found) for its, found in zip(panels, vectors, strict=True)]
    took = milliseconds(dict(zip("ab", networks, strict=True)), clock)
    a, b = (_side(*parts) for parts in zip(cards, networks, pairs, (took["a"], took["b"]), strict=True))
    similar = cosines(vectors[1], vectors[0]) if vectors[0].shape == vectors[1].shape else None
    return Comparison(
        a=a,
        b=b,
        losses=Reference.of(pairs[0]).losses(pairs[1]),
        cosine=None if similar is None else (round(float(similar.mean()), 5), round(float(similar.min()), 5)),
        crops=int(pairs[0].acquired.sum()),
        genuine=len(pairs[0].genuine),
        impostors=len(pairs[0].impostors),
    )


def lines(found: Comparison) -> list[str]:
    """The comparison as people read it."""
    rows: list[tuple[str, Any, Any, str]] = [
        ("precision", found.a.quantization, found.b.quantization, ""),
        (
            "space",
            found.a.space,
            found.b.space,
            "" if found.a.space == found.b.space else "references do not carry over",
        ),
        ("bytes", f"{found.a.bytes:,}", f"{found.b.bytes:,}", f"x {found.b.bytes / found.a.bytes:.2f}"),
        ("milliseconds", f"{found.a.milliseconds:.2f}", f"{found.b.milliseconds:.2f}", _ratio(found)),
        ("XNNPACK", _told(found.a.plan), _told(found.b.plan), ""),
    ]
    for (fmr, tar), loss in zip(found.a.tar, found.losses, strict=True):
        rows.append((f"TAR at FMR {fmr:g}", f"{tar:.2%}", f"{loss.tar:.2%}", _points(loss.loss)))
    told = [f"{what:18} {a!s:>24} {b!s:>24}  {more}".rstrip() for what, a, b, more in rows]
    if found.cosine is not None:
        told.append(
            f"cosine of the two on {found.crops:,} crops: mean {found.cosine[0]:.4f}, smallest {found.cosine[1]:.4f}"
        )
    head = f"{'':18} {found.a.name[:24]:>24} {found.b.name[:24]:>24}  B against A"
    return [
        head,
        *told,
        f"{found.genuine:,} genuine and {found.impostors:,} impostor pairs, each TAR at the file's own threshold",
    ]


def _open(path: Path) -> tuple[Card, Network]:
    card, content = verified_model(path.parent, path.stem)
    if card.role != "embedder":
        raise ConversionError(f"{path.name}: is a model for {card.role}, not an embedder")
    return card, load_network(content)


def _side(card: Card, network: Network, pairs: figures.AllPairs, took: float) -> Side:
    tars = tuple((fmr, round(tar_at(pairs, fmr)[1], 6)) for fmr in FMRS)
    return Side(
        card.name, card.quantization, str(card.space), card.sha256, card.bytes, round(took, 3), plan(network), tars
    )


def _ratio(found: Comparison) -> str:
    return f"x {found.b.milliseconds / found.a.milliseconds:.2f}"


def _told(where: Plan) -> str:
    off = sum(where.fell_off.values())
    return f"{where.partitions} parts, {off} off" if off else f"{where.partitions} part{'s' * (where.partitions != 1)}"


def _points(loss: Difference) -> str:
    """A difference of shares in points, B against A, so that a loss has a minus."""
    return f"{0.0 - 100 * loss.value:+.2f} points ({-100 * loss.high:+.2f} to {-100 * loss.low:+.2f})"

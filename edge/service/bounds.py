"""How often this door lets a stranger in, as far as that was measured: `models/records/door.json`, in words."""

from __future__ import annotations

import math
from operator import ge, le
from typing import Any, Final

import msgspec
from msgspec import Struct

from edge.access.policy import Rule
from edge.errors import LimenError, ModelError
from edge.service.rule import embedder_card
from edge.settings import Settings
from edge.vision.cards import read_card

_RECORD: Final = "records/door.json"
# What makes a rule laxer than the one that was measured, by the names of Rule: less of these, more of those.
_AT_LEAST: Final = ("minimum_references", "verification_threshold", "frames_needed", "margin", "dwell")
_AT_MOST: Final = ("frames_window", "maximum_frame_age")


class _Rate(Struct):
    value: float
    bound_high: float


class _Row(Struct):
    people: str
    security: str
    enrolled: int
    references: int
    fpir: _Rate
    fnir: _Rate


class _LookAlikes(Struct):
    security: str
    enrolled: int
    nearest: int
    fpir: _Rate


class _Record(Struct):
    """As much of convert's record as is told here."""

    models: dict[str, str]
    data: str
    command: str
    thresholds: dict[str, float]
    rule: dict[str, Any]
    rows: tuple[_Row, ...]
    look_alikes: tuple[_LookAlikes, ...]


class _Records(Struct):
    records: dict[str, _Record]


def measured_bound(settings: Settings, rule: Rule, people: int) -> str:
    """What was measured with these models for so many people, or for the next larger gallery."""
    try:
        record = _record(settings)
        level = _level(record, rule)
        _refuse_laxer(record, rule)
    except LimenError as error:
        return f"How often it opens to a stranger was not measured: {error}."
    rows = [row for row in record.rows if row.people == "everybody" and row.security == level]
    if not rows:
        return "How often it opens to a stranger was not measured for this level."
    sizes = {row.enrolled for row in rows}
    size = min((size for size in sizes if size >= people), default=max(sizes))
    row = max((row for row in rows if row.enrolled == size), key=lambda row: (row.fpir.bound_high, row.fpir.value))
    return "\n".join([*_told(row, people), *_lookalikes(record, level), _origin(record, rule, level)])


def extrapolated(share: float, measured: int, people: int) -> float:
    """The share for more people than were measured, as if each group of so many were asked for itself."""
    return float(1.0 - (1.0 - share) ** (people / measured))


def _told(row: _Row, people: int) -> list[str]:
    if people <= row.enrolled:
        size, found, most = f"{row.enrolled} people", row.fpir.value, row.fpir.bound_high
        note = "Measured"
    else:
        size = f"{people} people, EXTRAPOLATED from the {row.enrolled} of the largest gallery that was measured"
        found, most = (extrapolated(share, row.enrolled, people) for share in (row.fpir.value, row.fpir.bound_high))
        note = "Estimated"
    return [
        f"{note} for {size}: a stranger's visit opens the door in {_share(found)} of cases, at most {_share(most)};",
        f"a resident's visit does not in {_share(row.fnir.value)}, at most {_share(row.fnir.bound_high)}.",
    ]


def _lookalikes(record: _Record, level: str) -> list[str]:
    return [
        f"The {one.nearest} strangers most like a resident are let in as that person in {_share(one.fpir.value)}, at "
        f"most {_share(one.fpir.bound_high)}."
        for one in record.look_alikes
        if one.security == level
    ]


def _origin(record: _Record, rule: Rule, level: str) -> str:
    stricter = rule.detection_threshold > record.thresholds[level] + 1e-9 or any(
        getattr(rule, name) != record.rule.get(name, getattr(rule, name)) for name in (*_AT_LEAST, *_AT_MOST)
    )
    note = " This door is stricter: fewer strangers, more residents refused." if stricter else ""
    return (
        f"By `{record.command}` on photographs of {record.data}, level `{level}`, by the face alone: second factors\n"
        f"are not counted in. Upper ends are 95 % bounds.{note}"
    )


def _record(settings: Settings) -> _Record:
    """Raises ModelError where there is none for these models."""
    path = settings.models / _RECORD
    card = embedder_card(settings)
    try:
        records = msgspec.json.decode(path.read_bytes(), type=_Records).records
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be read") from error
    record = records.get(card.sha256)
    if record is None:
        raise ModelError(f"there is no record of `limen-convert measure door` for {card.name}")
    if record.rule.get("compared_by", "cosine") != card.compared_by:
        raise ModelError(f"not with what {card.name} compares by")
    others = {"detector": settings.vision.detector, "landmarks": settings.vision.landmarks}
    for role, name in others.items():
        if record.models.get(role) != _sha256(settings, name):
            raise ModelError(f"not with {name} as the {role}")
    return record


def _sha256(settings: Settings, name: str) -> str:
    path = settings.models / f"{name}.json"
    return read_card(path).sha256 if path.is_file() else "several files"


def _level(record: _Record, rule: Rule) -> str:
    """The strictest level that was measured with no higher a threshold. Raises ModelError."""
    known = {name: known for name, known in record.thresholds.items() if known <= rule.detection_threshold + 1e-9}
    if not known:
        raise ModelError(f"not at a similarity as low as {rule.detection_threshold:.3f}")
    return max(known, key=lambda name: known[name])


def _refuse_laxer(record: _Record, rule: Rule) -> None:
    for names, holds in ((_AT_LEAST, ge), (_AT_MOST, le)):
        for name in names:
            if name in record.rule and not holds(getattr(rule, name), record.rule[name]):
                raise ModelError(f"not with {name} {getattr(rule, name):g} instead of {record.rule[name]:g}")
    if rule.trigger != "dwell":
        raise ModelError(f"not with trigger {rule.trigger}")


def _share(value: float) -> str:
    """`none`, or a percentage with two digits that say something."""
    if not value > 0:
        return "none"
    digits = max(0, 1 - math.floor(math.log10(100 * value)))
    return f"{100 * value:.{digits}f} %"

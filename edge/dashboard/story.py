"""What the door's words mean to the person who lives with it: plain sentences, and bars against both thresholds.

Everything that came by MQTT passes through `shown` before anybody reads it: text that cannot turn the line around or
hide itself. It stays plain text; the templates escape it and the scripts set it as text only.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from edge.dashboard import words
from edge.dashboard.values import EventView

Kind = Literal["granted", "refused", "alarm", "note"]

_LONGEST_NAME: Final = 80
_LONGEST_DETAIL: Final = 300


@dataclass(frozen=True, slots=True)
class Bar:
    """A quantity against what it had to reach. `value` and `needed` are shares of the bar, in [0, 1]."""

    label: str
    text: str
    value: float
    needed: float | None
    reached: bool


@dataclass(frozen=True, slots=True)
class Story:
    """One event, told. `who` is the person it is about, empty for nobody; `facts` are for who wants to know more."""

    kind: Kind
    title: str
    who: str
    why: str
    bars: tuple[Bar, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


def shown(text: str | None, longest: int = _LONGEST_NAME) -> str:
    """`text` fit to be read: one line, no characters that hide or reorder, no longer than `longest`."""
    kept = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} else c
        for c in (text or "")[: longest + 1]
    ).strip()
    return kept if len(kept) <= longest else f"{kept[: longest - 1]}…"


def tell(event: EventView) -> Story:
    """The event as a story."""
    return _happening(event) if event.verdict is None else _visit(event)


def prompt(word: str) -> str:
    """What the person at the door should do now."""
    return words.PROMPTS.get(word) or sentence(word)


def sentence(word: str) -> str:
    """An unknown word of the contract, readable: a newer door may know more words than this page."""
    plain = shown(word).replace("_", " ").replace(":", ": ")
    return plain[:1].upper() + plain[1:]


def reason_name(reason: str) -> str:
    """A reason as a short label: `quality:too_small` is "Too small"."""
    return sentence(reason.removeprefix("quality:"))


def why(event: EventView) -> str:
    """Why it happened, in a sentence."""
    if event.verdict is None:
        return shown(event.detail, _LONGEST_DETAIL)
    if event.verdict == "refused":
        return _why_refused(event)
    if event.word == "verified" and event.frames:
        return f"Recognised in {event.frames} pictures."
    return words.GRANTS.get(event.word) or f"{sentence(event.word)}."


def bars(event: EventView) -> tuple[Bar, ...]:
    """Similarity and votes, each against its threshold; none where no face was compared."""
    found: list[Bar] = []
    similarity, needed = event.similarity, event.detection_threshold
    if similarity is not None and math.isfinite(similarity):
        text = f"{similarity:.2f}" if needed is None else f"{similarity:.2f}, {needed:.2f} needed"
        reached = needed is not None and similarity >= needed
        found.append(Bar("Similarity", text, _share(similarity), None if needed is None else _share(needed), reached))
    if event.references > 0:
        least = _votes_needed(event)
        share = _share(event.votes / event.references)
        text = f"{event.votes} of {event.references}, {least} needed"
        found.append(Bar("Votes", text, share, _share(least / event.references), event.votes >= least))
    return tuple(found)


def _visit(event: EventView) -> Story:
    kind: Kind = "granted" if event.verdict == "granted" else "refused"
    who = "" if event.resembled else shown(event.name) or shown(event.person_id)
    title = (
        f"{who or words.UNNAMED.get(event.word, 'Somebody')} was let in" if kind == "granted" else _refused_title(event)
    )
    return Story(kind, title, who, why(event), bars(event), _visit_facts(event))


def _refused_title(event: EventView) -> str:
    if event.word in {"unknown", "wrong_pin"}:
        return "A stranger was not let in" if event.word == "unknown" else "A wrong PIN"
    nearest = shown(event.name) or shown(event.person_id)
    return f"{nearest if nearest and event.word in words.RECOGNISED else 'Somebody'} was not let in"


def _why_refused(event: EventView) -> str:
    if event.word != "unknown":
        return words.REFUSALS.get(event.word) or f"{sentence(event.word)}."
    nearest = shown(event.name) or shown(event.person_id)
    whom = f"{nearest}, the nearest person" if nearest else "the nearest person"
    similarity, needed = event.similarity, event.detection_threshold
    if similarity is None or needed is None:
        return "Not recognised as anybody enrolled here."
    if similarity < needed:
        return f"Not similar enough to anybody: {similarity:.2f} to {whom}, where {needed:.2f} is needed."
    return (
        f"Somewhat like {whom}, but only {event.votes} of {event.references} references agreed, "
        f"where {_votes_needed(event)} must."
    )


def _votes_needed(event: EventView) -> int:
    """The smallest count whose share of the references reaches the verification threshold."""
    wanted = event.verification_threshold
    return event.references if wanted is None else math.ceil(wanted * event.references - 1e-9)


def _share(value: float) -> float:
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0


def _visit_facts(event: EventView) -> tuple[tuple[str, str], ...]:
    facts = (
        ("Pictures that agreed", f"{event.frames}, {event.frames_needed} needed" if event.frames_needed else ""),
        ("Next nearest person", "" if event.runner_up is None else f"{event.runner_up:.2f}"),
        ("Time in front of the camera", "" if event.visit_seconds is None else f"{event.visit_seconds:.1f} s"),
        ("Reason", shown(event.word)),
        ("Key", shown(event.key)),
    )
    return tuple((label, text) for label, text in facts if text)


def _happening(event: EventView) -> Story:
    who = shown(event.name) or shown(event.person_id)
    told = words.HAPPENINGS.get(event.word) or sentence(event.word)
    title = f"{who}: {told[:1].lower()}{told[1:]}" if who else told
    kind: Kind = "alarm" if event.word in words.ALARMS else "note"
    return Story(kind, title, who, why(event))

"""An event as a person reads it: a title, the sentence, and bars against both thresholds.

Everything that came by MQTT passes through `shown` before anybody reads it: text that cannot turn the line around or
hide itself. It stays plain text; the templates escape it and the scripts set it as text only.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from edge.comparing import readable
from edge.dashboard.values import EventView

Kind = Literal["granted", "refused", "alarm", "note"]

LONGEST_NAME: Final = 80
LONGEST_SENTENCE: Final = 400

# Characters that are not seen, or that move others about.
_UNFIT: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))

_UNNAMED: Final = {"remote": "Somebody with a key", "pin": "Somebody with the PIN"}
# The refusals of somebody who had been recognised: these are told by name.
_RECOGNISED: Final = frozenset(
    (
        *("dwell", "unstable", "not_yet_valid", "expired", "schedule", "clock_untrusted", "lockout", "second_factor"),
        *("not_asked", "store_fault"),
    )
)
# What somebody should look after.
_ALARMS: Final = frozenset(
    (
        *("forced_open", "held_open", "tamper", "strike_jammed", "strike_failed", "store_full", "store_rollback"),
        *("camera_lost", "camera_stalled", "camera_frozen", "camera_ended", "vision_failed", "inputs_failed"),
        *("references_damaged", "pin_locked_out", "locked_out"),
    )
)
_SOMEBODY: Final = "Somebody"
MARKS: Final = {
    "late": "came late",
    "skewed": "the door's clock is wrong",
    "wrong_door": "says it is another door",
    "unstored": "not kept",
}


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
    """One event, told. `facts` are for who wants to know more; `marks` say what is odd about it."""

    kind: Kind
    title: str
    why: str
    bars: tuple[Bar, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    marks: tuple[str, ...] = ()


def shown(text: str | None, longest: int = LONGEST_NAME) -> str:
    """`text` fit to be read: one line, no characters that hide or reorder, no longer than `longest`."""
    kept = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(one) in _UNFIT else one
        for one in (text or "")[: longest + 1]
    ).strip()
    return kept if len(kept) <= longest else f"{kept[: longest - 1]}…"


def sentence(word: str) -> str:
    """A word of the contract, readable: a newer door may know more words than this page."""
    plain = shown(word).replace("_", " ").replace(":", ": ")
    return plain[:1].upper() + plain[1:]


def full(text: str) -> str:
    """Somebody else's words as a sentence: a capital, and a full stop."""
    kept = shown(text, LONGEST_SENTENCE)
    end = "" if not kept or kept.endswith((".", "!", "?", "…")) else "."
    return f"{kept[:1].upper()}{kept[1:]}{end}"


def tell(event: EventView) -> Story:
    """The event as a story."""
    marks = tuple(MARKS[mark] for mark in event.marks)
    if event.verdict is None:
        told = shown(event.why, LONGEST_SENTENCE).removesuffix(".")
        who = shown(event.name) or shown(event.person_id)
        kind: Kind = "alarm" if event.word in _ALARMS else "note"
        title = f"{who}: {told[:1].lower()}{told[1:]}" if who else told
        if who and told.startswith(_SOMEBODY):
            title = who + told.removeprefix(_SOMEBODY)
        return Story(kind, title, shown(event.detail, LONGEST_SENTENCE), marks=marks)
    why = shown(event.why, LONGEST_SENTENCE)
    return Story(event.verdict, _title(event), why, bars(event), _facts(event), marks)


def bars(event: EventView) -> tuple[Bar, ...]:
    """Similarity and votes, each against its threshold; none where no face was compared."""
    found: list[Bar] = []
    similarity, needed = event.similarity, event.detection_threshold
    if similarity is not None:
        text = readable(similarity) if needed is None else f"{readable(similarity)}, {readable(needed)} needed"
        reached = needed is not None and similarity >= needed
        found.append(Bar("Similarity", text, _share(similarity), None if needed is None else _share(needed), reached))
    if event.references > 0:
        wanted = event.verification_threshold
        least = event.references if wanted is None else math.ceil(wanted * event.references - 1e-9)
        share, sill = _share(event.votes / event.references), _share(least / event.references)
        text = f"{event.votes} of {event.references}, {least} needed"
        found.append(Bar("Votes", text, share, sill, event.votes >= least))
    return tuple(found)


def _title(event: EventView) -> str:
    who = shown(event.name) or shown(event.person_id)
    if event.verdict == "granted":
        return f"{who or _UNNAMED.get(event.word, 'Somebody')} was let in"
    if event.word == "wrong_pin":
        return "A wrong PIN"
    if event.word == "unknown":
        return "A stranger was not let in"
    return f"{who if who and event.word in _RECOGNISED else 'Somebody'} was not let in"


def _facts(event: EventView) -> tuple[tuple[str, str], ...]:
    facts = (
        ("Pictures that agreed", f"{event.frames}, {event.frames_needed} needed" if event.frames_needed else ""),
        ("Next nearest person", "" if event.runner_up is None else f"{event.runner_up:.2f}"),
        ("In front of the camera", "" if event.visit_seconds is None else f"{event.visit_seconds:.1f} s"),
        ("From picture to decision", "" if event.latency_ms is None else f"{event.latency_ms:.0f} ms"),
        ("Reason", shown(event.word)),
        ("Key", shown(event.key)),
    )
    return tuple((label, text) for label, text in facts if text)


def _share(value: float) -> float:
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0

"""`limen replay CLIP --config NEW`: what would change at the door if it were configured otherwise."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge.commands.configuration import chosen_settings
from edge.comparing import readable
from edge.errors import LimenError
from edge.service.replaying import Replay, replay, side_by_side
from edge.settings import Settings, known_keys, value_at
from edge.store.look import people_in
from edge.values import Decision

_COLUMN: Final = 62
# A face was complete, and the visit waited for a PIN or a button until somebody else came or its time was over.
_WAITED: Final = frozenset({"second_factor", "not_asked", "swapped"})


def execute(options: Namespace) -> int:
    """Decide the recording twice with the people who are enrolled now, and show both."""
    if len(options.config) > 2:
        raise LimenError("limen replay: --config NEW, and perhaps --config OLD; not more")
    new, old = (
        chosen_settings(Namespace(config=path)) for path in (options.config[0], *(options.config[1:] or [None]))
    )
    people = people_in(old.state)
    if not people:
        raise LimenError(f"nobody is enrolled in {old.state}: there is nobody to recognise")
    print("\n".join(_differences(old, new)), end="\n\n")
    before, after = (replay(options.clip, settings, people, options.at) for settings in (old, new))
    print("\n".join(_table(before, after)))
    print("\n".join(_notes(options.clip, before, after, clock_known=options.at is not None)))
    return 0


def _differences(old: Settings, new: Settings) -> list[str]:
    changed = [key for key in known_keys() if value_at(old, key) != value_at(new, key)]
    lines = [f"{key}: {value_at(old, key)} -> {value_at(new, key)}" for key in changed]
    return lines or ["Both configurations are the same."]


def _table(before: Replay, after: Replay) -> Iterator[str]:
    yield f"{'seconds':>15}  {'as it is':<{_COLUMN}}  as it would be"
    yield f"{'':>15}  {_HEADER:<{_COLUMN}}  {_HEADER}"
    changes: Counter[str] = Counter()
    visits = 0
    for one, other in side_by_side(before.decisions, after.decisions):
        visits += 1
        words = [_verdict(decision) for decision in (one, other)]
        mark = "*" if words[0] != words[1] else " "
        changes.update([f"{words[0]} -> {words[1]}"] if mark == "*" else [])
        span = _span(one or other)
        yield f"{mark} {span:>13}  {_told(one):<{_COLUMN}}  {_told(other)}".rstrip()
    yield ""
    would = "; ".join(f"{count} x {change}" for change, count in sorted(changes.items())) or "nothing would change"
    yield f"{visits} visits: {would}."


_HEADER: Final = f"{'verdict':<8} {'reason':<18} {'nearest':<16} {'simil.':>6} {'votes':>5}"


def _told(decision: Decision | None) -> str:
    if decision is None:
        return "-"
    match = decision.match
    who, similarity, votes = ("-", "-", "-")
    if match is not None:
        who, votes = match.person_id[:16], f"{match.votes}/{match.references}"
        similarity = readable(match.similarity, 3)
    return f"{decision.verdict:<8} {_reason(decision):<18} {who:<16} {similarity:>6} {votes:>5}"


def _verdict(decision: Decision | None) -> str:
    """What counts as the same: the verdict, its reason, and who was let in."""
    if decision is None:
        return "no visit"
    if decision.verdict == "granted" and decision.match is not None:
        return f"granted {decision.match.person_id}"
    return f"refused {_reason(decision)}"


def _reason(decision: Decision) -> str:
    """With a question mark where the door may have decided otherwise, by what no recording holds."""
    return f"{decision.reason}?" if decision.reason in _WAITED else decision.reason


def _span(decision: Decision | None) -> str:
    return f"{decision.started_at:.1f}-{decision.at:.1f}" if decision is not None else ""


def _notes(clip: Path, before: Replay, after: Replay, *, clock_known: bool) -> list[str]:
    notes = [
        f"{before.frames} pictures of {clip.name}. Left out, for pictures do not hold it: PINs, buttons, confirmations",
        "from inside, enrolments, and what ended a lock-out besides faces (unlock, a PIN, lockout.reset).",
    ]
    reasons = [{one.reason for one in replayed.decisions} for replayed in (before, after)]
    if _WAITED & reasons[0].union(reasons[1]):
        notes.append("?: refused while it waited for a PIN or a button. With it the door may have let them in.")
    if "lockout" in reasons[0].union(reasons[1]):
        notes.append("lockout: as if nothing but a face had ended it.")
    if not clock_known:
        notes.append(
            "Nobody said when it was (--at): who has dates or hours is kept out, as by a clock that is not set."
        )
    for replayed, which in ((before, "as it is"), (after, "as it would be")):
        if replayed.unusable:
            notes.append(
                f"{which}: {replayed.unusable} people cannot be compared, their references are of another model."
            )
        if replayed.failed:
            notes.append(f"{which}: {replayed.failed} pictures could not be looked at.")
    return notes

"""Decision, camera notice, strike notice -> Event: the words of the journal."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from edge.access.policy import Rule
from edge.values import Decision, Event, Match, Quality


def access_event(decision: Decision, rule: Rule, *, latency_ms: float) -> Event:
    """What one decided visit tells. `latency_ms`: from the capture of the deciding frame to the decision."""
    match = decision.match
    return Event(
        "access",
        {
            "visit": decision.visit_id,
            "verdict": decision.verdict,
            "reason": decision.reason,
            **_nearest(match),
            "detection_threshold": round(rule.detection_threshold, 4),
            "verification_threshold": round(rule.verification_threshold, 4),
            "frames": decision.frames,
            "frames_seen": decision.frames_seen,
            "frames_needed": rule.frames_needed,
            "runner_up": None if decision.runner_up is None else round(decision.runner_up.similarity, 4),
            "quality": None if decision.quality is None else _rounded(decision.quality),
            "visit_seconds": round(decision.at - decision.started_at, 3),
            "latency_ms": round(latency_ms, 1),
        },
    )


def system_event(word: str, detail: str = "") -> Event:
    """Something about the door itself, in one word and a sentence."""
    return Event("system", {"event": word, "detail": detail})


def _nearest(match: Match | None) -> dict[str, Any]:
    if match is None:
        return {"person_id": None, "person": None, "similarity": None, "votes": 0, "references": 0}
    return {
        "person_id": match.person_id,
        "person": match.name,
        "similarity": round(match.similarity, 4),
        "votes": match.votes,
        "references": match.references,
    }


def _rounded(quality: Quality) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(quality).items()}

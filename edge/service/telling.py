"""Decisions, notices, people -> the words of the journal and of answers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from edge.access.enrolment import Outcome
from edge.access.gallery import Gallery
from edge.access.policy import Rule
from edge.mqtt.messages import Privacy
from edge.service.particulars import nearest_facts, person_facts, second_factor_facts
from edge.values import Decision, Event, Match, Person, Quality, Verdict


def access_event(decision: Decision, rule: Rule, *, latency_ms: float) -> Event:
    """What one decided visit tells. `latency_ms`: from the capture of the deciding frame to now."""
    return Event(
        "access",
        {
            "visit": decision.visit_id,
            "verdict": decision.verdict,
            "reason": decision.reason,
            **_nearest(decision.match),
            "detection_threshold": round(rule.detection_threshold, 6),
            "verification_threshold": round(rule.verification_threshold, 4),
            "frames": decision.frames,
            "frames_seen": decision.frames_seen,
            "frames_needed": rule.frames_needed,
            "runner_up": None if decision.runner_up is None else round(decision.runner_up.similarity, 6),
            "margin": round(rule.margin, 4),
            **_besides(decision),
            "quality": None if decision.quality is None else _rounded(decision.quality),
            "visit_seconds": round(decision.at - decision.started_at, 3),
            "latency_ms": round(latency_ms, 1),
        },
    )


def remote_event(verdict: Verdict, reason: str, latency_ms: float, key_id: str | None = None) -> Event:
    """Somebody who was not in front of the camera asked to be let in; `key_id` signed it."""
    facts = {"visit": uuid.uuid4().hex, "verdict": verdict, "reason": reason, "latency_ms": round(latency_ms, 1)}
    return Event("access", facts if key_id is None else facts | {"key": key_id})


def door_event(word: str, detail: str) -> Event:
    """Something that the door's wires said."""
    return Event("door", {"event": word, "detail": detail})


def system_event(word: str, detail: str = "", *, person: Person | None = None, person_id: str | None = None) -> Event:
    """Something about the door itself, in one word and a sentence; whom it is about has fields of its own.

    So `mqtt.privacy` can leave those out: nobody is named in `detail`.
    """
    who = {"person_id": person_id} if person_id is not None else {}
    who = {"person_id": person.id, "person": person.name} if person is not None else who
    return Event("system", {"event": word, "detail": detail} | who)


def roster(people: Iterable[Person], gallery: Gallery, privacy: Privacy) -> list[dict[str, Any]]:
    """Who is enrolled."""
    return [person_facts(person, gallery, privacy) for person in people]


def outcome_facts(outcome: Outcome, gallery: Gallery, privacy: Privacy) -> dict[str, Any]:
    """How well an enrolment went: the `data` of its answer. `gallery` holds the new person."""
    person = outcome.person
    assert person is not None
    assert person.separation is not None
    return {
        "person_id": person.id,
        "references": len(person.references),
        "dropped": len(outcome.dropped),
        "worst_own": round(person.separation.worst_own, 4),
        "nearest": nearest_facts(person.separation.nearest_id, person.separation.nearest_similarity, privacy),
        **second_factor_facts(person, gallery),
        "refusals": dict(outcome.refusals),
        "warnings": list(outcome.warnings),
    }


def _besides(decision: Decision) -> dict[str, Any]:
    """What bore on the decision besides the face and its nearest person; only what there was."""
    told = {
        "best_similarity": None if decision.best_similarity is None else round(decision.best_similarity, 6),
        "second_factor": decision.second_factor,
        "schedule": decision.limits or None,
        "lockout_seconds": round(decision.lockout_seconds, 1) or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _nearest(match: Match | None) -> dict[str, Any]:
    if match is None:
        return {"person_id": None, "person": None, "similarity": None, "votes": 0, "references": 0}
    return {
        "person_id": match.person_id,
        "person": match.name,
        "similarity": round(match.similarity, 6),
        "votes": match.votes,
        "references": match.references,
    }


def _rounded(quality: Quality) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(quality).items()}

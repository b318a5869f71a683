"""What the door tells about itself: `info`, `status`, and the answers to `config.get` and `selftest`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from edge import __version__
from edge.access.lockout import is_locked
from edge.access.policy import Rule
from edge.camera.source import public_name
from edge.clock import local_zone
from edge.mqtt.authority import command_facts
from edge.mqtt.messages import Info, ModelFacts, Percentiles, Status
from edge.service.meter import Meter, disk_free, temperature
from edge.service.rooms import Rooms
from edge.settings import Settings
from edge.values import Verdict
from edge.vision.eye import Eye


def info(settings: Settings, eye: Eye, rule: Rule, stamp: dict[str, Any]) -> Info:
    """Versions, models, thresholds and commands."""
    models: dict[str, ModelFacts] = {
        role: ModelFacts(
            name=card.name,
            sha256=card.sha256,
            space=card.space,
            quantization=card.quantization,
            runtime=eye.runtime,
            score=rule.compare.score if role == "embedder" else None,
        )
        for role, card in eye.cards.items()
    }
    thresholds = {
        "detection_threshold": round(rule.detection_threshold, 6),
        "verification_threshold": rule.verification_threshold,
        "margin": rule.margin,
        "frames_needed": float(rule.frames_needed),
        "frames_window": float(rule.frames_window),
    }
    return Info(
        **stamp,
        door=settings.door.id,
        version=__version__,
        models=models,
        thresholds=thresholds,
        capabilities=("access", "enrolment", "backfill", *(("image",) if settings.mqtt.image else ())),
        commands=command_facts(settings.mqtt.allow),
        timezone=local_zone(),
    )


def configuration(settings: Settings) -> dict[str, Any]:
    """The settings as they are in force, without the dashboard's, which is no part of the door.

    None of them is a secret but a password inside a camera's address.
    """
    plain: dict[str, Any] = msgspec.to_builtins(settings)
    plain["camera"]["source"] = public_name(settings.camera.source)
    del plain["home"], plain["dashboard"]
    return plain


class Condition:
    """Asks every room how it is. Belongs to the main thread."""

    def __init__(self, rooms: Rooms) -> None:
        self.meter = Meter()
        self._rooms = rooms
        self._started_at = rooms.clock.now()
        self._frame_at: float | None = None
        self._decided: Counter[Verdict] = Counter()

    def decided(self, verdict: Verdict) -> None:
        """Count one visit."""
        self._decided[verdict] += 1

    def saw(self, at: float) -> None:
        """Remember when the newest frame was captured."""
        self._frame_at = at

    def status(self, stamp: dict[str, Any]) -> Status:
        now = self._rooms.clock.now()
        return Status(
            **stamp,
            problems=self.problems(),
            granted=self._decided["granted"],
            refused=self._decided["refused"],
            fps=round(self.meter.fps(now), 2),
            frames_dropped=self._rooms.camera.dropped,
            frame_age_seconds=None if self._frame_at is None else round(now - self._frame_at, 3),
            latency_ms={
                stage: Percentiles(p50=round(half, 2), p95=round(most, 2))
                for stage, (half, most) in self.meter.latency().items()
            },
            temperature_celsius=temperature(),
            disk_free_bytes=disk_free(self._rooms.settings.state),
            outbox_backlog=self._rooms.store.backlog(),
            commands_dropped=self._rooms.link.dropped,
            audit_head=self._rooms.store.audit_head,
            uptime_seconds=round(now - self._started_at, 1),
        )

    def problems(self) -> tuple[str, ...]:
        """What somebody should look after, a word each."""
        rooms = self._rooms
        found = {
            "strike_jammed": rooms.strike.state == "JAMMED",
            f"camera_{rooms.camera.state}": rooms.camera.state not in {"starting", "live"},
            "locked_out": is_locked(rooms.pipeline.lockout, rooms.clock.now()),
            "clock_untrusted": not rooms.clock.trusted(),
            "store_rollback": rooms.store.rolled_back,
            "references_damaged": bool(rooms.store.damaged),
            "references_of_another_model": bool(rooms.pipeline.gallery.unusable),
        }
        return tuple(word for word, there in found.items() if there)

    def selftest(self) -> dict[str, Any]:
        """How each room is, in a word."""
        return {
            "problems": list(self.problems()),
            "strike": self._rooms.strike.state,
            "camera": self._rooms.camera.state,
            "models": {role: card.sha256 for role, card in self._rooms.eye.cards.items()},
            "runtime": self._rooms.eye.runtime,
            "people": len(self._rooms.store.people()),
            "damaged": list(self._rooms.store.damaged),
            "disk_free_bytes": disk_free(self._rooms.settings.state),
        }

"""Measuring on the machine at hand: each stage of a frame, then a whole door at work on the demo."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from edge.camera import open_camera
from edge.clock import Clock
from edge.commands.enroll_command import enroll_at_the_door
from edge.errors import LimenError
from edge.mqtt.ask import Session
from edge.mqtt.credentials import CLIENT_FILE, broker_directory, client_login
from edge.mqtt.messages import AccessEvent, Status, decode
from edge.mqtt.topics import Topics
from edge.service.meter import temperature
from edge.service.trial import Trial
from edge.settings import Settings
from edge.vision.eye import open_eye

_STAGES: Final = ("detect", "landmarks", "align", "embed", "total")
_PATIENCE: Final = 60.0
_MOST_THREADS: Final = 4
_WATCHED_SECONDS: Final = 25.0


class Stage(msgspec.Struct, frozen=True):
    """Milliseconds, and the median as a multiple of the embedder's."""

    p50: float
    p95: float
    ratio: float


class DoorFigures(msgspec.Struct, frozen=True):
    """A whole door on the demo: seconds from its start, frames, and the most memory its main process ever held."""

    ready_seconds: float
    first_grant_seconds: float
    frames_per_second: float
    frames_dropped: int
    peak_rss_megabytes: float


class Figures(msgspec.Struct, frozen=True):
    """All of one measurement; `machine` says where it was taken.

    `threads`: a whole frame by the number of threads the networks may use. `megabytes_a_day`: what 200 visits write.
    """

    machine: dict[str, Any]
    frames: int
    stages: dict[str, Stage]
    door: DoorFigures | None = None
    threads: dict[str, Stage] = {}
    megabytes_a_day: float | None = None
    temperature_celsius: float | None = None


def measure_stages(settings: Settings, clock: Clock, frames: int) -> Figures:
    """Look at frames of the configured camera until `frames` of them held a face that was embedded.

    Raises LimenError when no face is seen for a minute.
    """
    eye = open_eye(settings.vision, settings.models, clock, faces="nearest")
    rows: list[list[float]] = []
    with open_camera(settings.camera, clock, settings.path(".")) as camera:
        deadline = clock.now() + _PATIENCE
        while len(rows) < frames:
            if clock.now() > deadline:
                raise LimenError(f"no usable face in {_PATIENCE:.0f} s: stand in front of the camera ({camera.state})")
            frame = camera.take(1.0)
            probe = None if frame is None else eye.look(frame)
            if probe is not None and probe.embedding is not None:
                rows.append([getattr(probe.timings, stage) for stage in _STAGES])
                deadline = clock.now() + _PATIENCE
    table = np.array(rows)
    half, most = np.percentile(table, 50, axis=0), np.percentile(table, 95, axis=0)
    alone = half[_STAGES.index("embed")]
    stages = {
        name: Stage(round(float(p50), 2), round(float(p95), 2), round(float(p50 / alone), 2))
        for name, p50, p95 in zip(_STAGES, half, most, strict=True)
    }
    return Figures(machine(eye.runtime), len(rows), stages, temperature_celsius=temperature())


def measure_threads(settings: Settings, clock: Clock, frames: int) -> dict[str, Stage]:
    """A whole frame with one thread, two and so on up to four, as far as there are processors."""
    measured = {}
    for threads in range(1, min(_MOST_THREADS, os.cpu_count() or 1) + 1):
        vision = msgspec.structs.replace(settings.vision, threads=threads)
        figures = measure_stages(msgspec.structs.replace(settings, vision=vision), clock, frames)
        measured[str(threads)] = figures.stages["total"]
    return measured


def measure_door(pictures: Path, clock: Clock) -> DoorFigures:
    """Enrol the demo's resident, stop the door, start it again, and wait until she is let in."""
    with Trial(f"demo:{pictures.absolute()}", clock, variety=False, preview=False) as trial:
        _await_broker(trial)
        enroll_at_the_door(trial.settings, "Resident")
        trial.stop()
        trial.start()
        _await_broker(trial)
        topics = Topics.of(trial.settings)
        login = client_login(trial.settings)
        with Session(
            login, topics, clock, listen=[topics.event("access"), topics.status], patience=_PATIENCE
        ) as session:
            session.wait_for_door()
            ready = clock.now() - trial.started_at
            granted, status = None, None
            for incoming in session.follow(silence=_PATIENCE):
                if incoming.topic == topics.status:
                    status = decode(Status, incoming.payload)
                elif granted is None and decode(AccessEvent, incoming.payload).verdict == "granted":
                    granted = clock.now() - trial.started_at
                if granted is not None and status is not None and status.uptime_seconds > _WATCHED_SECONDS:
                    break
        if granted is None or status is None:
            raise LimenError(f"the demo's resident was not let in:\n{trial.last_words()}")
        return DoorFigures(
            round(ready, 2), round(granted, 2), status.fps or 0.0, status.frames_dropped, _peak_rss(trial.pid)
        )


def machine(runtime: str) -> dict[str, Any]:
    """What the figures were measured on."""
    cpu = re.search(
        r"^(?:model name|Model)\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE
    )
    return {
        "cpu": cpu[1] if cpu else platform.processor(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "runtime": runtime,
    }


def _await_broker(trial: Trial) -> None:
    trial.wait_for(broker_directory(trial.settings) / CLIENT_FILE, _PATIENCE)


def _peak_rss(pid: int) -> float:
    """Megabytes (10^6 bytes)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    kibibytes = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return round(int(kibibytes[1]) * 1024 / 1e6, 1) if kibibytes else 0.0

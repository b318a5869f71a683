"""What a door is, how it is, and what it lets this page do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge.dashboard.people_pages import started
from edge.dashboard.render import missing, page, services, session
from edge.dashboard.roster import refusal
from edge.dashboard.story import sentence, shown
from edge.dashboard.told import PROBLEMS
from edge.dashboard.values import DoorView
from edge.errors import LimenError

_RAREST = 1e-12
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What a door found when it looked at itself."""

    problem: str = ""
    well: bool = False
    say: str = ""
    facts: tuple[tuple[str, str], ...] = ()


def routes() -> list[BaseRoute]:
    return [
        Route("/doors", _doors),
        Route("/doors/{door}", _door),
        Route("/doors/{door}/unlock", _unlock, methods=["POST"]),
        Route("/doors/{door}/lockout", _end_lockout, methods=["POST"]),
    ]


def _doors(request: Request) -> Response:
    return page(request, "doors.html", here="/doors", doors=services(request).watch.doors())


def _door(request: Request) -> Response:
    known = services(request)
    door = known.watch.door(request.path_params["door"])
    if door is None:
        return missing(request, "There is no such door")
    info = door.info
    test = _self_test(request, door) if "test" in request.query_params else None
    return page(
        request,
        "door.html",
        here="/doors",
        door=door,
        rule=_rule(info.thresholds if info else {}),
        thresholds=_figures(info.thresholds if info else {}),
        health=_health(door),
        test=test,
        unlock_refusal=_unlock_refusal(request, door),
        can_end_lockout=known.operator.refusal(session(request), "lockout.reset", door.id) is None,
        models=tuple(info.models.items()) if info else (),
        version=shown(info.version) if info else "",
        commands=tuple(sorted(info.commands.items())) if info else (),
    )


def _unlock_refusal(request: Request, door: DoorView) -> str:
    known = services(request)
    if not known.unlock:
        return "Switched off in the dashboard's own file. Whoever lives here can switch it on there, and only there."
    return str(known.operator.refusal(session(request), "unlock", door.id) or "")


def _unlock(request: Request) -> Response:
    return started(
        request, request.path_params["door"], "unlock", {}, password=str(request.state.posted.get("password", ""))
    )


def _end_lockout(request: Request) -> Response:
    return started(request, request.path_params["door"], "lockout.reset", {})


def _rule(thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """Both thresholds in words, as far as the door told them."""
    needed, share = thresholds.get("detection_threshold"), thresholds.get("verification_threshold")
    frames, window = thresholds.get("frames_needed"), thresholds.get("frames_window")
    margin, rate = thresholds.get("margin"), thresholds.get("false_match_rate")
    said: list[str] = []
    if needed is not None and share is not None:
        said.append(
            f"A face must be at least {needed:.2f} similar to a reference of a person for it to count, and at least "
            f"{share:.0%} of that person's references must count."
        )
    if frames is not None and window is not None:
        said.append(f"That must be so in {frames:.0f} of the last {window:.0f} good pictures.")
    if margin is not None:
        said.append(f"The next nearest person must be {margin:.2f} behind.")
    if rate is not None and rate > _RAREST:
        said.append(f"One comparison of two strangers passes by chance about once in {round(1 / rate):,}.")
    return tuple(said)


def _figures(thresholds: Mapping[str, float]) -> tuple[tuple[str, str], ...]:
    return tuple((sentence(name), f"{value:g}") for name, value in thresholds.items())


def _health(door: DoorView) -> tuple[tuple[str, str], ...]:
    status = door.status
    if status is None:
        return ()
    skew = door.clock_skew_seconds
    facts = [
        ("Problems", ", ".join(sentence(problem) for problem in door.problems) or "none"),
        ("Let in since its start", str(status.granted)),
        ("Refused since its start", str(status.refused)),
        ("Pictures a second", _number(status.fps, "", 1)),
        ("Pictures dropped", str(status.frames_dropped)),
        ("Age of the picture", _number(status.frame_age_seconds, " s", 2)),
        *(
            (f"{sentence(name)}, typical and slow", f"{it.p50:.0f} and {it.p95:.0f} ms")
            for name, it in status.latency_ms.items()
        ),
        ("Temperature", _number(status.temperature_celsius, " °C", 0)),
        ("Slowed down by heat", {True: "yes", False: "no", None: ""}[status.throttled]),
        ("Room on its disk", "" if status.disk_free_bytes is None else f"{status.disk_free_bytes / 1e9:.1f} GB"),
        ("Events waiting to be sent", str(status.outbox_backlog)),
        ("Running for", _duration(status.uptime_seconds)),
        ("Its clock is ahead by", "" if skew is None or abs(skew) < 2 else f"{skew:.0f} s"),
        ("Events missing here", str(door.gaps) if door.gaps else ""),
    ]
    return tuple((label, text) for label, text in facts if text)


def _number(value: float | None, unit: str, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}{unit}"


def _duration(seconds: float) -> str:
    if seconds < _HOUR:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / _HOUR:.0f} h" if seconds < 48 * _HOUR else f"{seconds / (24 * _HOUR):.0f} days"


def _self_test(request: Request, door: DoorView) -> SelfTest:
    try:
        job = services(request).operator.ask(session(request), door.id, "selftest", {})
    except LimenError as error:
        return SelfTest(problem=shown(str(error), 400))
    if job.state != "ok":
        return SelfTest(problem=refusal(job))
    listed = job.data.get("problems")
    problems = [str(one) for one in listed] if isinstance(listed, list) else []
    say = " ".join(PROBLEMS.get(one) or f"{sentence(one)}." for one in problems) or "All is well."
    facts = tuple((sentence(name), _shown_value(value)) for name, value in job.data.items() if name != "problems")
    return SelfTest(well=not problems, say=say, facts=facts)


def _shown_value(value: Any) -> str:
    """Whatever a door put there, short."""
    if isinstance(value, Mapping):
        return shown(", ".join(f"{name}: {it}" for name, it in value.items()), 200)
    if isinstance(value, list):
        return shown(", ".join(map(str, value)), 200) or "none"
    return shown(str(value), 200)

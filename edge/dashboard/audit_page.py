"""How well a door can tell its people apart: the answer of `gallery.audit`, in sentences."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge.comparing import readable
from edge.dashboard.render import missing, page, services, session, trouble
from edge.dashboard.roster import Nearest, refusal
from edge.dashboard.services import Refused
from edge.dashboard.story import shown
from edge.errors import LimenError


class Examined(Struct, frozen=True):
    """One person, each of whose references was tried as if it stood at the door."""

    person_id: str
    references: int = 0
    recognised: int = 0
    not_recognised: tuple[int, ...] = ()


class Near(Struct, frozen=True):
    """A reference, or a person, that somebody else comes close to."""

    person_id: str
    number: int | None = None
    nearest: Nearest | None = None


class Audit(Struct, frozen=True):
    detection_threshold: float | None = None
    people: tuple[Examined, ...] = ()
    near_misses: tuple[Near, ...] = ()
    too_close: tuple[Near, ...] = ()
    of_another_model: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()


def routes() -> list[BaseRoute]:
    return [Route("/doors/{door}/people", _audit)]


def _audit(request: Request) -> Response:
    known = services(request)
    door = known.watch.door(request.path_params["door"])
    if door is None:
        return missing(request, "There is no such door")
    try:
        job = known.operator.ask(session(request), door.id, "gallery.audit", {})
        if job.state != "ok":
            raise Refused("door", refusal(job))
        audit = msgspec.convert(dict(job.data), Audit)
    except msgspec.ValidationError as error:
        return trouble(request, "The door's answer cannot be read", Refused("malformed", str(error)))
    except LimenError as error:
        return trouble(request, "The door did not look", error)
    return page(request, "audit.html", here="/people", door=door, audit=audit, findings=_findings(audit))


def _findings(audit: Audit) -> tuple[str, ...]:
    """What somebody should do about it, most urgent first."""
    said = [f"{shown(one)} must be enrolled again: the stored references are damaged." for one in audit.damaged]
    said += [f"{shown(one)} must be enrolled again: they are of another model." for one in audit.of_another_model]
    said += [
        f"{shown(one.person_id)} and {shown(one.nearest.person_id)} look very much alike "
        f"({readable(one.nearest.similarity)}): the door asks for a second proof."
        for one in audit.too_close
        if one.nearest is not None and one.nearest.similarity is not None
    ]
    for one in audit.people:
        if one.not_recognised:
            numbers = ", ".join(map(str, one.not_recognised))
            said.append(f"{shown(one.person_id)} is not always recognised: reference {numbers} is unlike the others.")
    return tuple(said)

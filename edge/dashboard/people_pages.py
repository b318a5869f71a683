"""Who is enrolled: the list, the guided enrolment, changing and deleting. What changes is a signed command."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge.dashboard.render import missing, page, see, services, session, text_of, trouble
from edge.dashboard.roster import Enrolled, place_of, references, roster
from edge.dashboard.services import Refused
from edge.dashboard.terms import DAYS, terms_form, terms_of
from edge.dashboard.told import job_state

_LONGEST_NAME: Final = 80


def routes() -> list[BaseRoute]:
    return [
        Route("/people", _people),
        Route("/people/enroll", _enroll, methods=["GET"]),
        Route("/people/enroll", _begin, methods=["POST"]),
        Route("/people/{door}/{person}", _person, methods=["GET"]),
        Route("/people/{door}/{person}", _change, methods=["POST"]),
        Route("/people/{door}/{person}/references", _delete_reference, methods=["POST"]),
        Route("/people/{door}/{person}/delete", _ask_to_delete, methods=["GET"]),
        Route("/people/{door}/{person}/delete", _delete, methods=["POST"]),
        Route("/commands/{job}", _job),
        Route("/commands/{job}/stop", _stop, methods=["POST"]),
    ]


def started(
    request: Request, door: str, command: str, arguments: dict[str, Any], password: str | None = None
) -> Response:
    """Give a command and go to the page that tells how it fares."""
    try:
        job = services(request).operator.start(session(request), door, command, arguments, password=password)
    except Refused as refused:
        return trouble(request, "That cannot be done", refused, status=403)
    return see(f"/commands/{quote(job.id, safe='')}")


def _people(request: Request) -> Response:
    known, who = services(request), session(request)
    return page(
        request, "people.html", here="/people", rosters=[roster(known, who, one) for one in known.watch.doors()]
    )


def _enroll(request: Request) -> Response:
    doors = [door for door in services(request).watch.doors() if door.presence == "online"]
    chosen = request.query_params.get("door", "")
    return page(request, "enroll.html", here="/people", doors=doors, chosen=chosen, name="")


def _begin(request: Request) -> Response:
    arguments: dict[str, Any] = {"name": text_of(request, "name", _LONGEST_NAME)}
    arguments |= {name: True for name in ("consent", "minor") if text_of(request, name) == "true"}
    return started(request, text_of(request, "door"), "enroll", arguments)


def _person(request: Request) -> Response:
    door, person, problem = _found(request)
    if person is None:
        return missing(request, problem)
    operator, who = services(request).operator, session(request)
    refusals = (operator.refusal(who, name, door) for name in ("person.set", "person.delete", "reference.delete"))
    not_set, not_delete, not_reference = refusals
    return page(
        request,
        "person.html",
        here="/people",
        door=door,
        person=person,
        terms=terms_form(person.listed, place_of(services(request).watch.door(door))),
        days=DAYS,
        can_set=not_set is None and person.readable,
        why_not_set=str(not_set or "This page cannot read their dates and hours, so it must not change them."),
        can_delete=not_delete is None,
        why_not_delete=str(not_delete or ""),
        references=references(services(request), who, door, person.id),
        can_delete_reference=not_reference is None,
    )


def _change(request: Request) -> Response:
    door, person = request.path_params["door"], request.path_params["person"]
    try:
        terms = terms_of(request)
    except Refused as refused:
        return trouble(request, "That cannot be saved", refused, status=400)
    return started(request, door, "person.set", {"person_id": person} | terms)


def _delete_reference(request: Request) -> Response:
    door, person, number = request.path_params["door"], request.path_params["person"], text_of(request, "number")
    arguments = {"person_id": person, "number": int(number) if number.isdecimal() else 0}
    return started(request, door, "reference.delete", arguments)


def _ask_to_delete(request: Request) -> Response:
    door, person, problem = _found(request)
    if person is None:
        return missing(request, problem)
    back = f"/people/{quote(door, safe='')}/{quote(person.id, safe='')}"
    return page(
        request,
        "confirm.html",
        here="/people",
        question=f"Delete {person.name}?",
        consequence=f"The door {door} forgets this face and this name for good. This cannot be taken back.",
        sure=f"Yes, forget {person.name}",
        answer="Delete for good",
        action=f"{back}/delete",
        back=back,
        fields=(),
    )


def _delete(request: Request) -> Response:
    door, person = request.path_params["door"], request.path_params["person"]
    if text_of(request, "sure") != "true":
        return see(f"/people/{quote(door, safe='')}/{quote(person, safe='')}/delete")
    return started(request, door, "person.delete", {"person_id": person})


def _job(request: Request) -> Response:
    job = services(request).operator.job(session(request), request.path_params["job"])
    if job is None:
        return missing(request, "This command is not remembered any more")
    here = "/doors" if job.command in {"unlock", "lockout.reset"} else "/people"
    return page(request, "job.html", here=here, job=job, told=job_state(job))


def _stop(request: Request) -> Response:
    """End an enrolment; its own page then says so."""
    job_id = request.path_params["job"]
    operator, who = services(request).operator, session(request)
    job = operator.job(who, job_id)
    if job is None:
        return missing(request, "This command is not remembered any more")
    try:
        operator.start(who, job.door, "enroll.cancel", {})
    except Refused as refused:
        return trouble(request, "That cannot be done", refused, status=403)
    return see(f"/commands/{quote(job_id, safe='')}")


def _found(request: Request) -> tuple[str, Enrolled | None, str]:
    """The door's id, the person of the address, and what to say when there is none."""
    known = services(request)
    door = known.watch.door(request.path_params["door"])
    if door is None:
        return "", None, "There is no such door"
    listed = roster(known, session(request), door)
    people = {one.id: one for one in listed.people}
    return door.id, people.get(request.path_params["person"]), listed.problem or "There is no such person at this door"

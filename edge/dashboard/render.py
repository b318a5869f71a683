"""Templates to responses. Autoescape is on for every template, and nothing in them turns it off."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from edge.clock import rfc3339
from edge.dashboard.services import Services
from edge.dashboard.story import sentence, shown, tell
from edge.dashboard.told import archive_said, connection_said, door_state
from edge.dashboard.values import Session
from edge.errors import LimenError

HOME: Final = Path(__file__).parent

# (address, name, drawing) of what the navigation shows; operators are for admins.
_PLACES: Final[tuple[tuple[str, str, str], ...]] = (
    ("/", "Live", "live"),
    ("/history", "History", "history"),
    ("/people", "People", "people"),
    ("/doors", "Doors", "door"),
    ("/operators", "Operators", "operators"),
)

# Reasons whose word alone would say little.
_REASONS: Final = {
    "verified": "Recognised",
    "unknown": "Not recognised",
    "ambiguous": "Could be two people",
    "unstable": "Not sure for long enough",
    "dwell": "Left too soon",
    "bad_embedding": "Could not be compared",
    "stale": "Picture too old",
    "store_fault": "Could not be written down",
    "remote": "Signed command",
    "pin": "PIN",
    "not_yet_valid": "Access has not begun",
    "schedule": "Outside their hours",
    "clock_untrusted": "Time not known",
    "swapped": "Somebody else took the place",
    "not_asked": "Nobody pressed the button",
    "expired": "Access has ended",
    "lockout": "Too many attempts",
    "second_factor": "No second proof",
}

# What the server's own forms say when they come back with ?problem=.
_PROBLEMS: Final = {
    "wrong": "Name or password is wrong.",
    "unstored": "The dashboard's database cannot be written, so nobody can log in now.",
    "wrong_password": "That was not your password.",
    "bad_password": "That password is too short, or far too long.",
    "last_admin": "There must always be somebody who may change everything.",
    "name_taken": "There is a login of that name already.",
    "bad_name": "That cannot be a name.",
    "no_such_login": "There is no such login.",
    "no_such_session": "That browser is logged out already.",
    "throttled": "Too many tries.",
}


def reason_name(word: str) -> str:
    """A reason as a short label: `quality:too_small` is "Too small"."""
    return _REASONS.get(word) or sentence(word.removeprefix("quality:"))


def slug(text: str) -> str:
    """Fit to be an element's id."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())


def local_time(moment: datetime) -> str:
    """On the server's own clock; a script puts it on the reader's."""
    return moment.astimezone().strftime("%H:%M:%S")


def local_day(moment: datetime) -> str:
    return moment.astimezone().strftime("%a %-d %b")


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HOME / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "shown": shown,
        "sentence": sentence,
        "reason": reason_name,
        "tell": tell,
        "door_state": door_state,
        "connection_said": connection_said,
        "archive_said": archive_said,
        "slug": slug,
        "iso": rfc3339,
        "time": local_time,
        "day": local_day,
    }
    return made


_TEMPLATES: Final = _environment()


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


def session(request: Request) -> Session:
    found: Session = request.state.session
    return found


def page(request: Request, template: str, *, here: str = "", status: int = 200, **values: Any) -> HTMLResponse:
    """A page for somebody who is logged in. `here`: which place of the navigation it belongs to."""
    who = session(request)
    places = [place for place in _PLACES if who.role == "admin" or place[0] != "/operators"]
    shared = {"session": who, "places": places, "here": here, "problem": problem(request), "done": ""}
    return HTMLResponse(_TEMPLATES.get_template(template).render(shared | values), status)


def gate_page(template: str, **values: Any) -> HTMLResponse:
    """A page for anybody."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(values))


def problem(request: Request) -> str:
    """What ?problem= says, in a sentence."""
    code = request.query_params.get("problem", "")
    if not code:
        return ""
    seconds = request.query_params.get("seconds", "")
    wait = f" Wait {seconds} s." if seconds.isdecimal() else ""
    return f"{_PROBLEMS.get(code) or f'That did not work: {sentence(code).lower()}.'}{wait}"


def trouble(request: Request, title: str, error: LimenError, *, status: int = 503) -> HTMLResponse:
    """A page that says what went wrong."""
    return page(request, "problem.html", title=title, text=shown(str(error), 400), status=status, problem="")


def missing(request: Request, what: str) -> HTMLResponse:
    return page(request, "problem.html", title=what, text="It may have been there before.", status=404, problem="")


def see(address: str) -> RedirectResponse:
    """After a form: the browser gets the page at `address`, and a reload repeats nothing."""
    return RedirectResponse(address, status_code=303)


def text_of(request: Request, name: str, longest: int = 256) -> str:
    """A field of what was posted, trimmed; empty where there is none. The gate has read the form."""
    value = request.state.posted.get(name, "")
    return value.strip()[:longest] if isinstance(value, str) else ""

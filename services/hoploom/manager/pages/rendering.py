"""Renders a page in the frame that all pages share: navigation, who is asking, the pause of all probing, the footer.

Addresses on pages are relative to where they stand, so they hold behind a router under any prefix.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from hoploom import __version__
from hoploom.manager import access
from hoploom.manager.pages import words
from hoploom.manager.seeing.seen import SeenMesh
from hoploom.manager.sessions import cookie
from hoploom.manager.sight import SIGHT
from hoploom.wire.people import Role

FOLDER = Path(__file__).resolve().parents[1] / "templates" / "pages"
NAV: Sequence[tuple[str, str]] = (
    ("", "Home"),
    ("fleet", "Fleet"),
    ("campaigns", "Campaigns"),
    ("map", "Map"),
    ("paths", "Paths"),
    ("matrix", "Matrix"),
    ("series", "Series"),
    ("stored", "Results"),
    ("mesh", "Mesh"),
    ("api", "API"),
)
"""Path below the root, and what people call it."""

ADMINS: Sequence[tuple[str, str]] = (("people", "People"),)


@functools.cache
def environment() -> jinja2.Environment:
    """Strict, autoescaping templates; what comes from elsewhere is a value and never a template."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= words.FILTERS
    return found


def render(request: web.Request, name: str, status: int = 200, **values: object) -> web.Response:
    """A page as an answer.

    Args:
        request: Who asks, and where.
        name: Of its template, such as "fleet.html.j2"; it extends "frame.html.j2".
        status: Of the answer.
        values: What it shows, beside what every page has: `root`, `here`, `look`, `person`, `csrf`, `version`,
            `development`, `nav`, `frame`.
    """
    text = environment().get_template(name).render({**_common(request), **values})
    return web.Response(status=status, text=text, content_type="text/html")


def to(request: web.Request, path: str, status: int = 303) -> web.Response:
    """Send who asks to another page of the mesh.

    Args:
        request: What is answered.
        path: Below the root, without a slash at its beginning, such as "campaigns/x"; "" is home.
        status: 303 asks for it with GET, whatever was asked before.
    """
    return web.Response(status=status, headers={"Location": f"{root(request)}{path}" or "./"})


def root(request: web.Request) -> str:
    """From the page that is asked for to home: "" or "../" as often as it lies deeper.

    Raises nothing; a slash that is written as %2F is a part of a name, and no deeper place.
    """
    return "../" * max(0, request.rel_url.raw_path.count("/") - 1)


@dataclass(frozen=True)
class Frame:
    """What the frame shows of the mesh.

    Attributes:
        mesh: Its name.
        paused: Whether all probing is paused.
        why_not: Why who asks cannot change that; empty where they can.
        contact: Who answers for what is probed now; empty where nobody is named.
        opt_outs: How many blocks nobody probes; None while that is not known.
        age_s: Seconds since the manager looked; None before its first look.
    """

    mesh: str
    paused: bool
    why_not: str
    contact: str
    opt_outs: int | None
    age_s: float | None


def _common(request: web.Request) -> Mapping[str, Any]:
    person = access.known(request)
    here = request.path.lstrip("/").partition("/")[0]
    return {
        "root": root(request),
        "here": here,
        # What a form answers stands at an address that gives nothing when it is asked for again.
        "look": "" if request.method in ("GET", "HEAD") else f"{root(request)}{here}",
        "person": person,
        "csrf": person.csrf if person else "",
        "version": __version__,
        "development": request.app.get(cookie.DEVELOPMENT, False),
        "nav": [*NAV, *(ADMINS if person and person.role is Role.ADMIN else ())],
        "frame": _frame(request.app[SIGHT].now(), person) if person and SIGHT in request.app else None,
    }


def _frame(seen: SeenMesh, person: access.Person) -> Frame:
    known = seen.overlay.found
    contacts = (str(each["campaign"].get("contact", "")) for each in seen.campaigns.found)
    return Frame(
        mesh=seen.mesh,
        paused=seen.paused,
        why_not="" if person.role >= Role.OPERATOR else f"for operators: you are {person.role.word}",
        contact=next(filter(None, contacts), ""),
        opt_outs=int(known["opt_outs"]) if known else None,
        age_s=None if seen.is_first else seen.age_s,
    )

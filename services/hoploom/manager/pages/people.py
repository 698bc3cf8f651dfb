"""The page on which admins see who may sign in, invite, and change what people may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from hoploom.kit.errors import BadRequest, Unavailable, Unprocessable
from hoploom.kit.forms import read_form
from hoploom.manager import access
from hoploom.manager.audit import audit
from hoploom.manager.pages.rendering import render, to
from hoploom.manager.pages.words import sentence
from hoploom.manager.people import users
from hoploom.manager.people.desk import DESK
from hoploom.manager.people.doors import Door
from hoploom.manager.people.handlers import DEFAULT_VALID_S, URLS, kept_out, named, with_role
from hoploom.manager.people.users import User
from hoploom.manager.sessions.book import BOOK
from hoploom.wire.people import ENTER, USER_NAME, Role


@dataclass(frozen=True)
class Row:
    """A person as the page shows it.

    Attributes:
        user: The record.
        sessions: How many are open, as known here.
    """

    user: User
    sessions: int


def routes() -> list[web.RouteDef]:
    """Its routes, for admins."""
    return [web.get("/people", show), web.post("/people/invite", invite), web.post("/people/{name}", change)]


async def show(request: web.Request) -> web.Response:
    """Everybody."""
    return await _page(request)


async def invite(request: web.Request) -> web.Response:
    """Invite, and show the link; it is shown this once."""
    sent = await read_form(request)
    name, word = str(sent.get("name", "")).strip(), str(sent.get("role", ""))
    try:
        if not USER_NAME.fullmatch(name):
            raise Unprocessable("a name is 1 to 63 lower-case letters, digits, dots and dashes, such as anna")
        role = Role.of(word) if word else None
        key, door = await request.app[DESK].invite(name, role, DEFAULT_VALID_S)
    except (BadRequest, Unavailable) as error:
        return await _page(request, error.status, problem=sentence(error), typed=name, chosen=word)
    audit(request, access.person(request), "invite", f"{door.user} as {door.role.word}")
    return await _page(request, made=door, key=key)


async def change(request: web.Request) -> web.Response:
    """What a button beside a person does."""
    try:
        await _carry_out(request, named(request), await read_form(request))
    except (BadRequest, Unavailable) as error:
        return await _page(request, error.status, problem=sentence(error))
    return to(request, "people")


async def _carry_out(request: web.Request, name: str, sent: Mapping[str, object]) -> None:
    desk, what = request.app[DESK], str(sent.get("do", ""))
    match what:
        case "role":
            edit, what = with_role(str(sent.get("role", "")))
            await desk.edit(name, edit)
        case "disable" | "enable":
            edit, _ = kept_out(on=what == "disable")
            await desk.edit(name, edit)
        case "sign-out":
            await desk.edit(name, users.signed_out())
        case "withdraw":
            await desk.book.close(name)
        case "remove":
            await desk.forget(name)
        case _:
            raise Unprocessable("this page does not know that button: load it again")
    audit(request, access.person(request), what, name)


async def _page(request: web.Request, status: int = 200, **values: object) -> web.Response:
    desk, away = request.app[DESK], ""
    known: Sequence[User] = ()
    invited: Sequence[Door] = ()
    try:
        known = sorted((await desk.store.read()).values(), key=lambda each: each.name)
        invited = await desk.book.open_doors(desk.now_us())
    except Unavailable as error:
        away = sentence(error)
    rows = [Row(each, len(request.app[BOOK].of(each.name))) for each in known]
    shown = {"problem": "", "typed": "", "chosen": "viewer", "made": None, "key": "", **values}
    urls = [f"{each.rstrip('/')}/{ENTER}" for each in request.app[URLS][:1]]
    return render(
        request, "people.html.j2", status, rows=rows, invited=invited, away=away, roles=list(Role), enter=ENTER,
        urls=urls, **shown,
    )  # fmt: skip

"""The HTTP API of people: admins invite, look, change roles, keep out and remove; the mesh's owner gets a door.

Keys of doors are in answers alone: never in a log, and never in an address that a browser sends.
"""

from typing import Any

from aiohttp import web

from hoploom import kit
from hoploom.kit.errors import BadRequest, Forbidden, NotFound
from hoploom.manager import access
from hoploom.manager.audit import audit
from hoploom.manager.people import users
from hoploom.manager.people.desk import DESK
from hoploom.manager.people.doors import Door
from hoploom.manager.people.users import Edit
from hoploom.trust.once import once
from hoploom.wire.fields import PRINTABLE, VERSION, Fields
from hoploom.wire.people import ENTER, OWNER, ROUTE, USER_NAME, Role

URLS = web.AppKey("people_urls", tuple[str, ...])
DEFAULT_VALID_S, MAX_VALID_S = 24 * 3600, 30 * 24 * 3600
_SECRET = {"Cache-Control": "no-store"}


def routes() -> list[web.RouteDef]:
    """All routes of the API; each is for admins."""
    return [
        web.get(ROUTE, get_users),
        web.post(f"{ROUTE}/invites", once(post_invite, access.name)),
        web.post(f"{ROUTE}/doors", post_door),
        web.patch(f"{ROUTE}/{{name}}", patch_user),
        web.delete(f"{ROUTE}/{{name}}", delete_user),
        web.post(f"{ROUTE}/{{name}}/sign-out", post_sign_out),
    ]


async def get_users(request: web.Request) -> web.Response:
    """Everybody, and who is invited."""
    desk = request.app[DESK]
    known = [each.public() for each in sorted((await desk.store.read()).values(), key=lambda each: each.name)]
    invited = [each.document() for each in await desk.book.open_doors(desk.now_us())]
    return web.json_response({"v": VERSION, "users": known, "invites": invited})


async def post_invite(request: web.Request) -> web.Response:
    """A key with which a person chooses a password; asked again it makes another, and the first is void."""
    known = Fields(await kit.read_json(request), "an invitation")
    known.only(("v", "name", "role", "valid_s"))
    valid_s = known.integer("valid_s", range(60, MAX_VALID_S + 1), DEFAULT_VALID_S)
    role = Role.of(known.text("role", PRINTABLE)) if known.has("role") else None
    key, door = await request.app[DESK].invite(known.text("name", USER_NAME), role, valid_s)
    audit(request, access.person(request), "invite", f"{door.user} as {door.role.word}, for {valid_s} s")
    return _with_key(request, key, door)


async def post_door(request: web.Request) -> web.Response:
    """A key that signs the mesh's owner in, as an admin.

    Raises:
        Forbidden: A person asks: nobody signs in as somebody else.
    """
    if access.person(request).by != "mesh":
        raise Forbidden("this is for the operators' token of the mesh: `hoploom ui` on its machine")
    known = Fields(await kit.read_json(request), "a door")
    known.only(("v", "name"))
    key, door = await request.app[DESK].door(known.text("name", USER_NAME, OWNER))
    audit(request, access.person(request), "open a door", door.user)
    return _with_key(request, key, door)


async def patch_user(request: web.Request) -> web.Response:
    """Another role, or kept out, or let in again; what ends the person's sessions."""
    name = named(request)
    known = Fields(await kit.read_json(request), "a change of a user")
    known.only(("v", "role", "disabled"))
    if known.has("role") == known.has("disabled"):
        raise BadRequest("say either role or disabled")
    if known.has("role"):
        change, what = with_role(known.text("role", PRINTABLE))
    else:
        change, what = kept_out(on=known.flag("disabled"))
    found = await request.app[DESK].edit(name, change)
    audit(request, access.person(request), what, name)
    return web.json_response({"v": VERSION, "user": found.public()})


async def delete_user(request: web.Request) -> web.Response:
    """Forget a person, or take an invitation back."""
    name = named(request)
    await request.app[DESK].forget(name)
    audit(request, access.person(request), "remove", name)
    return web.json_response({"v": VERSION, "name": name})


async def post_sign_out(request: web.Request) -> web.Response:
    """End all sessions of a person."""
    name = named(request)
    found = await request.app[DESK].edit(name, users.signed_out())
    audit(request, access.person(request), "end all sessions", name)
    return web.json_response({"v": VERSION, "user": found.public()})


def with_role(word: str) -> tuple[Edit, str]:
    """The change to a role, and how the log names it; raises Unprocessable for another word."""
    role = Role.of(word)
    return users.with_role(role), f"make {role.word}"


def kept_out(*, on: bool) -> tuple[Edit, str]:
    """The change to being disabled or not, and how the log names it."""
    return users.disabled(on=on), "disable" if on else "enable"


def named(request: web.Request) -> str:
    """Whom the path names; raises NotFound where nobody can be called so."""
    name = request.match_info["name"]
    if not USER_NAME.fullmatch(name):
        raise NotFound(f"there is no user {name[:63]!r}")
    return name


def _with_key(request: web.Request, key: str, door: Door) -> web.Response:
    told: dict[str, Any] = {"v": VERSION, "key": key, "path": f"{ENTER}#{key}", "door": door.document()}
    return web.json_response({**told, "urls": request.app[URLS]}, headers=_SECRET)

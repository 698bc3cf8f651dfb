"""Tokens over HTTP: everybody makes, sees and removes his own; with the operators' token of the mesh, anybody's."""

from aiohttp import web

from hoploom import kit
from hoploom.kit.errors import Forbidden, NotFound, Unprocessable
from hoploom.manager import access
from hoploom.manager.audit import audit
from hoploom.manager.people.store import USERS
from hoploom.manager.people.users import User
from hoploom.manager.tokens.book import DEFAULT_DAYS, MAX_DAYS, TokenBook
from hoploom.trust.once import once
from hoploom.trust.person_token import LONGEST_NAME, PersonToken
from hoploom.wire.fields import PRINTABLE, Fields
from hoploom.wire.people import USER_NAME, Role

ROUTE = "/api/v1/tokens"
BOOK = web.AppKey("token_book", TokenBook)
SECRET = {"Cache-Control": "no-store"}


def routes() -> list[web.RouteDef]:
    """All routes."""
    return [
        web.get(ROUTE, get_tokens),
        web.post(ROUTE, once(post_token, access.name)),
        web.delete(f"{ROUTE}/{{id}}", delete_token),
    ]


async def get_tokens(request: web.Request) -> web.Response:
    """One's own tokens; those of all people for admins."""
    found = await listed(request)
    return web.json_response({"v": 1, "tokens": [each.public() for each in found]})


async def post_token(request: web.Request) -> web.Response:
    """A new token: its text stands in this answer and nowhere else."""
    known = Fields(await kit.read_json(request), "a token")
    known.only(("v", "name", "role", "days", "user"))
    text, made = await make(
        request,
        owner=known.text("user", USER_NAME, access.person(request).name),
        name=known.text("name", PRINTABLE, longest=LONGEST_NAME),
        role=known.text("role", PRINTABLE, "", longest=16),
        days=known.integer("days", range(1, MAX_DAYS + 1), DEFAULT_DAYS),
    )
    return web.json_response({"v": 1, "token": text, **made.public()}, status=201, headers=SECRET)


async def delete_token(request: web.Request) -> web.Response:
    """Take a token back."""
    removed = await remove(request, request.match_info["id"])
    return web.json_response({"v": 1, **removed.public()})


async def listed(request: web.Request) -> list[PersonToken]:
    """The tokens that who asks may see; raises Unavailable where Consul is away."""
    person = access.person(request)
    found = await request.app[BOOK].all()
    return [each for each in found if person.role is Role.ADMIN or each.user == person.name]


async def make(request: web.Request, *, owner: str, name: str, role: str, days: int) -> tuple[str, PersonToken]:
    """A new token for whoever asks, or with the operators' token for anybody; an empty role is the owner's.

    Raises:
        Forbidden: It is asked for by a token of a person, for somebody else, or for a role above the owner's.
        NotFound: There is no such person.
        Unprocessable: It has no name, or there is no such role.
        Conflict: The owner has one of that name, or enough.
        Unavailable: Consul is away.
    """
    person = access.person(request)
    if person.by == "token":
        # Else a token that was lost would make others for ever.
        raise Forbidden("a token makes no tokens: sign in and make one on the page Tokens")
    if owner != person.name and person.by != "mesh":
        raise Forbidden("a token is made by its owner alone")
    if not name.strip():
        raise Unprocessable("say what the token is for: its name tells you later which one to remove")
    if len(name) > LONGEST_NAME or not PRINTABLE.fullmatch(name):
        raise Unprocessable(f"a token's name is one line of at most {LONGEST_NAME} characters")
    user = _user(request, owner)
    text, made = await request.app[BOOK].make(user, name.strip(), Role.of(role) if role else user.role, days)
    audit(request, person, "make a token", f"{made.id} ({made.name}) of {made.user}, {made.role.word}, {days} days")
    return text, made


async def remove(request: web.Request, wanted: str) -> PersonToken:
    """Take a token back, one's own or as an admin anybody's; raises NotFound and Unavailable."""
    person = access.person(request)
    removed = await request.app[BOOK].remove(wanted, "" if person.role is Role.ADMIN else person.name)
    audit(request, person, "remove a token", f"{removed.id} ({removed.name}) of {removed.user}")
    return removed


def _user(request: web.Request, name: str) -> User:
    user = request.app[USERS].users().get(name)
    if user is None:
        raise NotFound(f"there is no user {name}: who is invited becomes one by choosing a password")
    return user

"""A person's own account: another password, and the sessions that are open."""

from aiohttp import web

from hoploom.kit.errors import BadRequest, Forbidden, Unavailable
from hoploom.kit.forms import read_form
from hoploom.manager import access
from hoploom.manager.audit import audit
from hoploom.manager.pages.rendering import render, to
from hoploom.manager.pages.words import sentence
from hoploom.manager.people.desk import DESK
from hoploom.manager.people.password_rules import ADVISED, LEAST
from hoploom.manager.sessions import cookie, entering, record
from hoploom.manager.sessions.book import BOOK
from hoploom.wire.fields import SHA256

_DONE = {
    "password": "Your password is another one now. All your other sessions have ended.",
    "session": "That session has ended.",
    "others": "All your other sessions have ended.",
}
_LONGEST = 2_000


def routes() -> list[web.RouteDef]:
    """Its routes, for everybody who is signed in."""
    return [
        web.get("/account", show),
        web.post("/account/password", change_password),
        web.post("/account/sessions", end_sessions),
    ]


async def show(request: web.Request) -> web.Response:
    """The account of who asks."""
    return _page(request, done=_DONE.get(request.query.get("done", ""), ""))


async def change_password(request: web.Request) -> web.Response:
    """Another password for who knows the present one; this session goes on under another id."""
    name, sent = access.person(request).name, await read_form(request)
    present, chosen, again = (str(sent.get(each, ""))[:_LONGEST] for each in ("present", "password", "again"))
    try:
        _require_session(request)
        if chosen != again:
            raise BadRequest("the two new passwords are not the same")
        if await entering.signs_in(request, name, present) is None:
            raise Forbidden("the present password is another one")
        user = await request.app[DESK].set_password(name, chosen)
    except (BadRequest, Unavailable) as error:
        return _page(request, error.status, problem=sentence(error))
    audit(request, access.person(request), "change the password", name)
    response = to(request, "account?done=password")
    await entering.let_in(request, response, user)
    return response


async def end_sessions(request: web.Request) -> web.Response:
    """End one other session of one's own, or all others."""
    person, book, sent = access.person(request), request.app[BOOK], await read_form(request)
    digest = str(sent.get("session", ""))
    try:
        _require_session(request)
        if not digest:
            await book.end_all(person.name, but=_own(request))
            audit(request, person, "end all other sessions", person.name)
            return to(request, "account?done=others")
        if SHA256.fullmatch(digest) and any(each.digest == digest for each in book.of(person.name)):
            await book.end(digest)
            audit(request, person, "end a session", person.name)
    except (BadRequest, Unavailable) as error:
        return _page(request, error.status, problem=sentence(error))
    return to(request, "account?done=session")


def _require_session(request: web.Request) -> None:
    if access.person(request).by != "session":
        raise Forbidden("this is for people who have signed in, not for tokens")


def _own(request: web.Request) -> str:
    """Digest of the session that asks."""
    return record.digest(cookie.read(request))


def _page(request: web.Request, status: int = 200, **values: object) -> web.Response:
    person = access.person(request)
    known = request.app[DESK].store.users().get(person.name)
    shown = {"problem": "", "done": "", **values}
    return render(
        request, "account.html.j2", status, sessions=request.app[BOOK].of(person.name), own=_own(request),
        has_password=bool(known and known.hash), least=LEAST, advised=ADVISED, **shown,
    )  # fmt: skip

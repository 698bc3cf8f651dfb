"""The page behind a link that works once: in at once, or by the choice of a password first.

The key stands behind the `#` of the link, which a browser sends to nobody; a small script puts it into the form.
"""

import logging

from aiohttp import web

from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import BadRequest, TooMany, Unavailable
from hoploom.kit.forms import read_form
from hoploom.manager import access, same_origin
from hoploom.manager.asking_address import asker
from hoploom.manager.audit import audit
from hoploom.manager.enrolment.wrong_tokens import WrongTokens
from hoploom.manager.pages.rendering import render, to
from hoploom.manager.pages.words import sentence
from hoploom.manager.people.desk import DESK
from hoploom.manager.people.doors import SIGN_IN, Door, Refused
from hoploom.manager.people.password_rules import ADVISED, LEAST
from hoploom.manager.people.users import User
from hoploom.manager.sessions import entering
from hoploom.wire.people import ENTER

log = logging.getLogger(__name__)
WRONG_KEYS = web.AppKey("links_wrong_keys", WrongTokens)
_LONGEST = 2_000


def attach(app: web.Application) -> None:
    """Add the pages; they are open to all, for who comes has no session yet."""
    app[WRONG_KEYS] = WrongTokens()
    access.add(app, routes(), None)


def routes() -> list[web.RouteDef]:
    """Its routes."""
    return [
        web.get(f"/{ENTER}", show),
        web.post(f"/{ENTER}/key", enter),
        web.post(f"/{ENTER}/password", choose),
    ]


async def show(request: web.Request) -> web.Response:
    """The form for a key."""
    return _page(request)


async def enter(request: web.Request) -> web.Response:
    """Sign in, or show the form for a password."""
    same_origin.require_origin(request, told=True)
    key = await _sent(request, "key")
    try:
        door = await _opened(request, key)
        if door.purpose != SIGN_IN:
            return _page(request, key=key, door=door)
        return await _let_in(request, await request.app[DESK].enter(key))
    except (BadRequest, Unavailable) as error:
        return _page(request, error.status, problem=sentence(error))


async def choose(request: web.Request) -> web.Response:
    """Take a password, and sign in."""
    same_origin.require_origin(request, told=True)
    key, password = await _sent(request, "key"), await _sent(request, "password")
    door = None
    try:
        door = await _opened(request, key)
        if password != await _sent(request, "again"):
            raise BadRequest("the two passwords are not the same")
        user = await request.app[DESK].choose_password(key, password)
        audit(request, user.name, "choose a password", "by a link")
        return await _let_in(request, user)
    except Refused as error:
        return _page(request, error.status, problem=sentence(error))
    except (BadRequest, Unavailable) as error:
        return _page(request, error.status, problem=sentence(error), key=key if door else "", door=door)


async def _opened(request: web.Request, key: str) -> Door:
    """What a key opens; who tries too many wrong ones waits."""
    if not entering.may_sign_in(request):
        raise BadRequest("links work by HTTPS alone: open this one by the mesh's https address")
    wrong, address = request.app[WRONG_KEYS], asker(request)
    wait_s = wrong.wait_s(address, boottime_s())
    if wait_s:
        raise TooMany("too many wrong keys came from your address: try again later", wait_s)
    try:
        return await request.app[DESK].behind(key)
    except Refused as error:
        wrong.wrong(address, boottime_s())
        # Not into the audit, whose newest lines strangers could then push out.
        log.warning("a link is refused: %s, from %s", error.why, address)
        raise


async def _let_in(request: web.Request, user: User) -> web.Response:
    response = to(request, "")
    await entering.let_in(request, response, user)
    return response


def _page(request: web.Request, status: int = 200, **values: object) -> web.Response:
    shown = {"problem": "", "key": "", "door": None, **values}
    open_ = entering.may_sign_in(request)
    return render(request, "links.html.j2", status, open=open_, least=LEAST, advised=ADVISED, **shown)


async def _sent(request: web.Request, name: str) -> str:
    found = (await read_form(request)).get(name, "")
    return found[:_LONGEST] if isinstance(found, str) else ""

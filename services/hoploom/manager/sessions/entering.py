"""How people come in and go: a new session each time, and the cookie for it."""

import logging

from aiohttp import web

from hoploom.kit import metrics
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import Forbidden, TooMany
from hoploom.manager.asking_address import asker
from hoploom.manager.audit import audit
from hoploom.manager.people.desk import DESK
from hoploom.manager.people.users import User
from hoploom.manager.sessions import attempts, cookie
from hoploom.manager.sessions.attempts import ACCOUNT_MOST, ADDRESS_MOST
from hoploom.manager.sessions.book import BOOK
from hoploom.manager.sessions.sharing import ATTEMPTS

log = logging.getLogger(__name__)
_SIGN_INS = metrics.counter("hoploom_sign_ins_total", "Names and passwords that were sent, by outcome.", ("outcome",))


def may_sign_in(request: web.Request) -> bool:
    """Whether a password may come this way: by HTTPS, or in development."""
    return request.app[cookie.DEVELOPMENT] or cookie.is_private(request)


async def signs_in(request: web.Request, name: str, password: str) -> User | None:
    """Who signs in; None where name and password do not fit together, whatever is wrong with them.

    Args:
        request: Where it is asked.
        name: As it was typed.
        password: As it was typed.

    Raises:
        Forbidden: It came by plain HTTP.
        TooMany: Too many have failed, for this account or from this address.
        Unavailable: It cannot be told now.
    """
    if not may_sign_in(request):
        raise Forbidden("passwords are taken by HTTPS alone: open this page by the mesh's https address")
    keys, wait_s = _asked_for(request, name)
    if wait_s:
        _SIGN_INS.labels("too often").inc()
        raise TooMany("too many tries to sign in have failed: wait, and try again", wait_s)
    for key in keys:
        request.app[ATTEMPTS].tried(key, wall_us())
    user = await request.app[DESK].signs_in(name, password)
    if user is None:
        # The name may be a password that was typed into the wrong field.
        known = name if name in await request.app[DESK].store.read() else "somebody unknown"
        log.warning("sign-in of %s is refused, from %s", known, asker(request))
        _SIGN_INS.labels("refused").inc()
        return None
    _SIGN_INS.labels("good").inc()
    for key in keys:
        request.app[ATTEMPTS].succeeded(key, wall_us())
    return user


async def let_in(request: web.Request, response: web.StreamResponse, user: User) -> None:
    """Begin a session and give the browser its cookie; one that the browser had ends.

    Args:
        request: By which the person came.
        response: What is answered; it gets the cookie.
        user: Who has shown who it is, as stored now.

    Raises:
        Unavailable: Consul is away.
    """
    book = request.app[BOOK]
    before = await book.find(cookie.read(request))
    session_id = await book.begin(user, asker(request))
    if before is not None:
        await book.end(before.digest)
    cookie.put(request, response, session_id)
    audit(request, user.name, "sign-in", f"as {user.role.word} from {asker(request)}")


async def let_out(request: web.Request, response: web.StreamResponse) -> None:
    """End the session of a browser, at all managers; raises Unavailable while Consul is away, and then it goes on."""
    found = await request.app[BOOK].find(cookie.read(request))
    if found is not None:
        await request.app[BOOK].end(found.digest)
        audit(request, found.user, "sign-out", f"from {asker(request)}")
    cookie.drop(request, response)


def _asked_for(request: web.Request, name: str) -> tuple[tuple[str, ...], float]:
    """What a try counts for, and how long it has to wait."""
    address, found, now_us = asker(request), request.app[ATTEMPTS], wall_us()
    of_address, of_account = attempts.address(address), attempts.account(name)
    waits = [found.wait_s(of_address, ADDRESS_MOST, now_us)]
    if not any(each.address == address for each in request.app[BOOK].of(name)):
        # Whoever is signed in from there already is not kept out by others who try the same name elsewhere.
        waits.append(found.wait_s(of_account, ACCOUNT_MOST, now_us))
    return (of_address, of_account), max(waits)

"""Asks the input service for what a person has asked a manager for, in the person's name."""

from typing import Any

from aiohttp import web

from hoploom import kit
from hoploom.kit import credentials
from hoploom.kit.errors import BadRequest, Conflict, NotFound, Unavailable, Unprocessable
from hoploom.kit.http_client import TIMEOUT_S
from hoploom.manager import access
from hoploom.wire import on_behalf

TOKEN = web.AppKey("relay_operator_token", str)
_REFUSALS: dict[int, type[BadRequest]] = {
    each.status: each for each in (BadRequest, NotFound, Conflict, Unprocessable)
}


async def ask(
    request: web.Request, method: str, path: str, document: object = None, timeout_s: float = TIMEOUT_S
) -> dict[str, Any]:
    """Ask the input service, after the route has looked at the person's role.

    Args:
        request: Of the person.
        method: Such as "POST".
        path: Of the input service.
        document: To send as JSON; None sends nothing.
        timeout_s: How long it is waited for.

    Returns:
        Its answer.

    Raises:
        BadRequest: It refuses what the person wants: its own words, and its own status where that is the person's
            mistake.
        Unavailable: It is away, or does not know this manager's token.
    """
    headers = {**credentials.header(request.app[TOKEN]), **on_behalf.header(access.person(request).name)}
    sent: dict[str, Any] = {} if document is None else {"json": document}
    answer = await kit.mesh(request).client("input").request(method, path, headers=headers, timeout_s=timeout_s, **sent)
    if answer.status in _REFUSALS:
        raise _REFUSALS[answer.status](answer.reason())
    if not answer.ok:
        raise Unavailable(f"the input service refuses: {answer.reason()}")
    found: dict[str, Any] = answer.json()
    return found

"""Who may change the mesh here: whoever has the operators' token, and for whom; and people by tokens of their own."""

from aiohttp import web

from hoploom.trust import people
from hoploom.wire import on_behalf

OPERATOR = web.AppKey("input_operator_token", str)


def require(request: web.Request) -> str:
    """Let operators pass alone.

    Returns:
        Who asks, for people: the person that a manager names, or "operator".

    Raises:
        Unauthorized, Forbidden, Unavailable: As `people.steers`.
        BadRequest: The name of the person is none.
    """
    name = people.steers(request, request.app[OPERATOR])
    return on_behalf.read(request.headers, name) if name == people.OPERATOR else name

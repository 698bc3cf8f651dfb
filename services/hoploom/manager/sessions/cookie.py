"""The cookie that carries a session's id."""

from aiohttp import web

SECURE, PLAIN = "__Host-hoploom", "hoploom-dev"
DEVELOPMENT = web.AppKey("sessions_development", bool)


def name(request: web.Request) -> str:
    """What it is called: `__Host-` has a browser keep it to this host, and to HTTPS (ASVS 5.0, 3.3.1)."""
    return PLAIN if request.app[DEVELOPMENT] else SECURE


def read(request: web.Request) -> str:
    """The id that a browser sends; empty for none."""
    return request.cookies.get(name(request), "")


def put(request: web.Request, response: web.StreamResponse, session_id: str) -> None:
    """Give a browser the id: no script reads it, no other site has it sent, and it ends with the browser."""
    secure = not request.app[DEVELOPMENT]
    response.set_cookie(name(request), session_id, path="/", secure=secure, httponly=True, samesite="Strict")


def drop(request: web.Request, response: web.StreamResponse) -> None:
    """Have a browser forget it."""
    secure = not request.app[DEVELOPMENT]
    response.del_cookie(name(request), path="/", secure=secure, httponly=True, samesite="Strict")


def is_private(request: web.Request) -> bool:
    """Whether nobody on the way reads along, as the router before this manager says it."""
    return request.secure or request.headers.get("X-Forwarded-Proto", "") == "https"

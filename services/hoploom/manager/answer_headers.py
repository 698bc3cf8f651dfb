"""What every answer of a manager says to browsers, errors among them (ASVS 5.0, 3.4).

An answer that says more of itself keeps that: the script at /join allows nothing at all.
"""

from aiohttp import web

from hoploom.manager.sessions import cookie

POLICY = (
    "default-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; object-src 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
_ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: a browser then says `Origin: null` with our own forms, and none of them could be told apart.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_YEAR = "max-age=31536000"
_STATIC = "/static/"


def attach(app: web.Application) -> None:
    """Say it with every answer."""
    app.on_response_prepare.append(_say)


async def _say(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    # What does not depend on who asks may be kept, and is asked for again.
    kept = "no-cache" if request.path.startswith(_STATIC) else "no-store"
    response.headers.setdefault("Cache-Control", kept)
    if cookie.is_private(request):
        response.headers.setdefault("Strict-Transport-Security", _YEAR)

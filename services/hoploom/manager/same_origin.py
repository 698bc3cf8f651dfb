"""Whether a page of ours asks: what comes with a cookie may have been sent by anybody's page.

Three things are looked at (ASVS 5.0, 3.5.1-3): where the browser says that the request comes from, the `Origin`, and
for what changes something a word that only our pages know.
"""

import hmac
from urllib.parse import urlsplit

from aiohttp import web

from hoploom.kit.errors import Forbidden
from hoploom.kit.forms import read_form

FIELD, HEADER = "csrf", "X-CSRF"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def require(request: web.Request, csrf: str, *, files: bool = False) -> None:
    """Refuse what no page of ours has asked for.

    Args:
        request: It came by a cookie.
        csrf: What it has to say in the field `csrf` of a form or in the header `X-CSRF`; empty for a GET.
        files: Whether a form may have files.

    Raises:
        Forbidden: It is somebody else's page that asks, or what the request has to say is missing.
    """
    require_origin(request, told=bool(csrf))
    if not csrf:
        return
    sent = await _sent(request, files=files)
    if not hmac.compare_digest(sent.encode("utf-8", "surrogateescape"), csrf.encode()):
        raise Forbidden("this page is too old, or not ours: load it again and try once more")


def require_origin(request: web.Request, *, told: bool) -> None:
    """Refuse what the browser says to come from elsewhere.

    Args:
        request: Any.
        told: Whether the browser has to say anything at all; each does when it sends a form.

    Raises:
        Forbidden: It comes from elsewhere, or does not say.
    """
    site, origin = request.headers.get("Sec-Fetch-Site", ""), request.headers.get("Origin", "")
    # Whoever follows a link from elsewhere only looks.
    looks = not told and request.headers.get("Sec-Fetch-Mode") == "navigate"
    elsewhere = site not in ("", "same-origin", "none") and not looks
    if elsewhere or (origin and _host(origin) != request.host) or (told and not site and not origin):
        raise Forbidden("your browser does not say that a page of this manager asks for this: do it from here")


def _host(origin: str) -> str:
    """Host and port of an origin; empty for what is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


async def _sent(request: web.Request, *, files: bool) -> str:
    if HEADER in request.headers:
        return request.headers[HEADER]
    if request.content_type not in FORMS:
        return ""
    found = (await read_form(request, files=files)).get(FIELD, "")
    return found if isinstance(found, str) else ""

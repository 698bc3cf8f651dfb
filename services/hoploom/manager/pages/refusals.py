"""Shows a page to a person, where a program is told by a problem document that something did not work."""

from aiohttp import web

from hoploom.kit.errors import BadRequest, TooLarge, Unavailable
from hoploom.kit.http_app import Handler
from hoploom.manager import access
from hoploom.manager.pages import rendering


def attach(app: web.Application) -> None:
    """Show refusals; call it before `access.attach`, whose refusals are shown too."""
    app.middlewares.append(_show)


def is_for_a_person(request: web.Request) -> bool:
    """Whether a browser asks for something to look at."""
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith("/api/")


@web.middleware
async def _show(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not is_for_a_person(request):
        return await handler(request)
    try:
        return await handler(request)
    except TooLarge as error:
        most = f"{request.client_max_size / 1e6:.0f} MB"
        reason = f"what was sent is over {most} in all: split the list, and make a campaign of each part"
        if access.known(request) is None:
            # What strangers may send is less, and no list.
            reason = str(error)
        return rendering.render(request, "refusal.html.j2", 413, heading=error.title, reason=reason)
    except (BadRequest, Unavailable) as error:
        answer = rendering.render(
            request, "refusal.html.j2", error.status, heading=error.title, reason=str(error)
        )
        if isinstance(error, Unavailable):
            answer.headers["Retry-After"] = str(round(error.retry_after_s))
        return answer

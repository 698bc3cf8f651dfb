"""Tokens: a person's own tokens for programs, made, seen once and taken back."""

from typing import Any

from aiohttp import web

from hoploom.kit.errors import BadRequest
from hoploom.kit.forms import read_form
from hoploom.manager import access
from hoploom.manager.pages import rendering
from hoploom.manager.tokens import handlers
from hoploom.manager.tokens.book import DEFAULT_DAYS, MAX_DAYS
from hoploom.wire.people import Role

PATH = "/account/tokens"


def routes() -> list[web.RouteDef]:
    """The page and its two forms."""
    return [
        web.get(PATH, tokens),
        web.post(PATH, post_token),
        web.post(f"{PATH}/{{id}}/remove", post_removal),
    ]


async def tokens(request: web.Request) -> web.Response:
    """The page."""
    return await _page(request)


async def post_token(request: web.Request) -> web.Response:
    """Make one: this answer alone shows it."""
    typed = {name: str(value) for name, value in (await read_form(request)).items()}
    try:
        text, made = await handlers.make(
            request,
            owner=access.person(request).name,
            name=typed.get("name", ""),
            role=typed.get("role", ""),
            days=_days(typed.get("days", str(DEFAULT_DAYS))),
        )
    except BadRequest as error:
        return await _page(request, error.status, why=str(error), typed=typed)
    answer = await _page(request, text=text, made=made)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def post_removal(request: web.Request) -> web.Response:
    """Take one back."""
    await handlers.remove(request, request.match_info["id"])
    return rendering.to(request, PATH[1:])


async def _page(request: web.Request, status: int = 200, **values: Any) -> web.Response:
    person = access.person(request)
    own = [each for each in await handlers.listed(request) if each.user == person.name]
    shown: dict[str, Any] = {"text": "", "made": None, "why": "", **values}
    empty = {"name": "", "role": "", "days": str(DEFAULT_DAYS)}
    shown["typed"] = {**empty, **dict(values.get("typed") or {})}
    roles = [role.word for role in Role if role <= person.role]
    return rendering.render(
        request, "tokens.html.j2", status, tokens=own, roles=roles, most_days=MAX_DAYS, **shown
    )


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < len("10000") and 1 <= int(text) <= MAX_DAYS):
        raise BadRequest(f"a token is good for 1 to {MAX_DAYS} days")
    return int(text)

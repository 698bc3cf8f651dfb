"""A new campaign: the form, its plan, and the start of exactly what was planned.

The form carries all of it: nothing is kept between two requests, so any manager takes the next one. The plan page says
by a digest what was planned; another content is planned again, and the same content started twice is one campaign.
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.web_request import FileField

from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.kit.forms import read_form
from hoploom.manager import campaign_form, planning, relay
from hoploom.manager.access import person
from hoploom.manager.audit import audit
from hoploom.manager.pages import rendering
from hoploom.manager.sight import SIGHT
from hoploom.targets.plan import Plan
from hoploom.wire import plans
from hoploom.wire.campaign_request import CampaignRequest

LONG = ("blocks", "excludes")
LONGEST = 2000
"""Characters of every other field; what is longer is cut, and refused by its own bound."""

CREATE_S = 30.0
_OLD = "What you typed is another plan than the one that was shown: here is the new one. Nothing was sent."
_AWAY = "Whether it was made is not known: {}. Start it again; the same form makes no second campaign."


@dataclass(frozen=True)
class Shown:
    """What the page shows.

    Attributes:
        typed: The text of each field.
        key: Of this form.
        errors: Sentences by field.
        plan: What would be done, as `plans.shown`; None where nothing is planned.
        planned: Digest of what the plan is of.
        note: A sentence above the plan.
    """

    typed: Mapping[str, str]
    key: str
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    plan: Mapping[str, Any] | None = None
    planned: str = ""
    note: str = ""


def routes() -> list[web.RouteDef]:
    """The form, and what becomes of it; for operators."""
    return [web.get("/campaigns/new", get), web.post("/campaigns/new", post)]


async def get(request: web.Request) -> web.Response:
    """An empty form."""
    return _page(request, Shown(campaign_form.DEFAULTS, secrets.token_hex(8)))


async def post(request: web.Request) -> web.Response:
    """Plan what is typed, or start what was planned."""
    form = await read_form(request, files=True)
    # A form may have several files, and a mapping has one value a name; it is read already.
    files = (await request.post()).getall("lists", [])
    typed, key = await _typed(form, files), _text(form, "key")[:64]
    found = await asyncio.to_thread(campaign_form.read, typed, key)
    if found.request is None:
        return _page(request, Shown(typed, key, found.errors), 422)
    try:
        plan = await planning.plan(found.request)
    except BadRequest as error:
        return _page(request, Shown(typed, key, {"": [f"{campaign_form.in_words(str(error))}."]}), 422)
    shown = Shown(typed, key, _lacks(plan, found.request), plans.shown(plan, found.request), found.digest)
    if shown.errors:
        return _page(request, shown, 422)
    if _text(form, "step") != "start":
        return _page(request, shown)
    return await _start(request, shown, found.request, form)


async def _start(
    request: web.Request, shown: Shown, wanted: CampaignRequest, form: Mapping[str, object]
) -> web.Response:
    parts = shown.typed, shown.key
    if _text(form, "planned") != shown.planned:
        return _page(request, Shown(*parts, plan=shown.plan, planned=shown.planned, note=_OLD), 422)
    if shown.plan and shown.plan["needs_contact"] and _text(form, "agreed") != "yes":
        missing = {"agreed": ["These are other people's networks: say that you answer for the probes."]}
        return _page(request, Shown(*parts, missing, shown.plan, shown.planned), 422)
    try:
        made = await relay.ask(request, "POST", "/api/v1/campaigns", wanted.to_json(), CREATE_S)
    except BadRequest as error:
        return _page(request, Shown(*parts, {"": [f"{campaign_form.in_words(str(error))}."]}), 422)
    except Unavailable as error:
        refused = Shown(*parts, {"": [_AWAY.format(error)]}, shown.plan, shown.planned)
        return _page(request, refused, 503)
    campaign = made["campaign"]
    audit(request, person(request), "make a campaign", f"{campaign['id']}, {campaign['targets']} targets")
    await request.app[SIGHT].fresh()
    return rendering.to(request, f"campaigns/{campaign['id']}")


def _lacks(plan: Plan, wanted: CampaignRequest) -> dict[str, Sequence[str]]:
    if not plans.lacks_contact(plan, wanted):
        return {}
    return {"contact": ["Other people's networks are probed: name who answers for it, such as noc@example.org."]}


def _page(request: web.Request, shown: Shown, status: int = 200) -> web.Response:
    choices = {"kinds": campaign_form.KINDS, "scopes": campaign_form.SCOPES}
    return rendering.render(request, "new_campaign.html.j2", status, shown=shown, typed=shown.typed, **choices)


async def _typed(form: Mapping[str, object], files: Iterable[object]) -> dict[str, str]:
    typed = {name: _text(form, name, default) for name, default in campaign_form.DEFAULTS.items()}
    typed = {name: text if name in LONG else text[:LONGEST] for name, text in typed.items()}
    lists = await asyncio.to_thread(_read, [each for each in files if isinstance(each, FileField) and each.filename])
    return {**typed, "blocks": campaign_form.with_lists(typed["blocks"], lists)}


def _read(files: Sequence[FileField]) -> list[tuple[str, str]]:
    return [(each.filename, each.file.read().decode("utf-8-sig", errors="replace")) for each in files]


def _text(form: Mapping[str, object], name: str, default: str = "") -> str:
    """The text of a field; one that is not sent by a browser, a box without its tick, is empty."""
    found = form.get(name, default if name not in campaign_form.BOXES else "")
    return found.replace("\r\n", "\n") if isinstance(found, str) else ""

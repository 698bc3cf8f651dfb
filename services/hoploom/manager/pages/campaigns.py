"""Campaigns: all of them with how far they are, and one with its parts, its settings, and what may be done with it."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from hoploom.kit.errors import BadRequest, NotFound, Unavailable
from hoploom.kit.forms import read_form
from hoploom.manager import relay
from hoploom.manager.access import person
from hoploom.manager.audit import audit
from hoploom.manager.pages import campaign_rows, rendering
from hoploom.manager.pages.campaign_rows import STATES, Row
from hoploom.manager.seeing.seen import SeenMesh
from hoploom.manager.sight import SIGHT
from hoploom.wire.fields import CAMPAIGN_ID

PAGE = 50
ANSWER_S = 1.0
"""So long the page of one waits to be told how it stands; it shows what was seen last in any case."""

_NUMBER = re.compile("[1-9][0-9]{0,5}")
_LONGEST = 200
_ASKED: Mapping[str, tuple[str, dict[str, Any] | None]] = {
    "pause": ("/api/v1/overlay/pause", {"v": 1, "paused": True}),
    "resume": ("/api/v1/overlay/pause", {"v": 1, "paused": False}),
    "stop": ("/api/v1/campaigns/{}/stop", None),
}


def routes() -> list[web.RouteDef]:
    """What everybody may see."""
    return [web.get("/campaigns", campaigns), web.get("/campaigns/{id}", one)]


def steering() -> list[web.RouteDef]:
    """What operators may do."""
    return [web.post("/campaigns/{id}/{act:pause|resume|stop}", steer)]


async def campaigns(request: web.Request) -> web.Response:
    """All of them, `PAGE` at a time; `q=` and `state=` choose, `page=` says which."""
    seen = request.app[SIGHT].now()
    every = campaign_rows.rows(seen)
    text, state = request.query.get("q", "").strip()[:_LONGEST], request.query.get("state", "")
    found = [each for each in every if _is_wanted(each, text.casefold(), state if state in STATES else "")]
    number = min(_number(request), max(1, -(-len(found) // PAGE)))
    return rendering.render(
        request,
        "campaigns.html.j2",
        seen=seen,
        rows=found[(number - 1) * PAGE : number * PAGE],
        found=len(found),
        whole=len(every),
        states=[(name, count) for name in STATES if (count := Counter(each.stands.state for each in every)[name])],
        wish={"q": text, "state": state},
        number=number,
        size=PAGE,
        link=f"?{_query(text, state)}page=",
    )


async def one(request: web.Request) -> web.Response:
    """One campaign.

    Raises:
        NotFound: There is none of that id.
        Unavailable: None has been seen yet.
    """
    seen, campaign = request.app[SIGHT].now(), request.match_info["id"]
    told = await _told(request, campaign)
    row = campaign_rows.row(told, seen) if told else _seen(seen, campaign)
    shards = {} if row.is_over else {group: await _shards(request, row, group) for group in row.found["groups"]}
    return rendering.render(request, "campaign.html.j2", seen=seen, row=row, shards=shards, is_old=told is None)


async def steer(request: web.Request) -> web.Response:
    """Pause one, let it go on, or stop it for good; then show it."""
    campaign, act = request.match_info["id"], request.match_info["act"]
    if not CAMPAIGN_ID.fullmatch(campaign):
        raise NotFound(f"there is no campaign {campaign[:63]!r}")
    path, document = _ASKED[act]
    if act == "stop" and (await read_form(request)).get("sure") != "yes":
        raise BadRequest("a stop is for good: tick the box that says so")
    asked = {**document, "campaign": campaign} if document else None
    answer = await relay.ask(request, "POST", path.format(campaign), asked)
    if answer["changed"]:
        audit(request, person(request), f"{act} a campaign", campaign)
    await request.app[SIGHT].fresh()
    return rendering.to(request, f"campaigns/{campaign}")


async def _told(request: web.Request, campaign: str) -> Mapping[str, Any] | None:
    """What the input service says of one now, for it was perhaps made a moment ago; None where it does not in time."""
    if not CAMPAIGN_ID.fullmatch(campaign):
        raise NotFound(f"there is no campaign {campaign[:63]!r}: Campaigns lists all")
    try:
        return await relay.ask(request, "GET", f"/api/v1/campaigns/{campaign}", timeout_s=ANSWER_S)
    except Unavailable:
        return None


def _seen(seen: SeenMesh, campaign: str) -> Row:
    """One as it was seen last; raises NotFound or Unavailable where it was not."""
    found = next((each for each in campaign_rows.rows(seen) if each.campaign["id"] == campaign), None)
    if found:
        return found
    if not seen.campaigns.found and (seen.is_first or seen.campaigns.away):
        raise Unavailable(f"campaigns are not known yet: {seen.campaigns.away or 'this manager has just started'}")
    raise NotFound(f"there is no campaign {campaign[:63]!r}: Campaigns lists all")


async def _shards(request: web.Request, row: Row, group: str) -> list[Mapping[str, Any]] | None:
    """The shards of a group that are this datacenter's; None where nobody says in time."""
    path = f"/api/v1/campaigns/{row.campaign['id']}/shards?{urlencode({'group': group})}"
    try:
        answer = await relay.ask(request, "GET", path, timeout_s=ANSWER_S)
    except (BadRequest, Unavailable):
        return None
    rows: list[Mapping[str, Any]] = answer["shards"]
    return rows


def _is_wanted(row: Row, text: str, state: str) -> bool:
    words = (row.campaign["id"], row.campaign["name"], row.contact)
    return (not state or row.stands.state == state) and any(text in each.casefold() for each in words)


def _number(request: web.Request) -> int:
    text = request.query.get("page", "")
    return int(text) if _NUMBER.fullmatch(text) else 1


def _query(text: str, state: str) -> str:
    wish = {name: each for name, each in (("q", text), ("state", state)) if each}
    return f"{urlencode(wish)}&" if wish else ""

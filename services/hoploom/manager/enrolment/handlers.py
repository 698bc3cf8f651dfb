"""The HTTP side of enrolment: operators invite, look and remove; workers join, renew and leave.

Every change stands in the log with the address that asked for it, and so does every token that was refused.
"""

import logging
from dataclasses import asdict
from typing import Any

from aiohttp import web

from hoploom import kit
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Conflict, NotFound, TooMany
from hoploom.kit.external_nodes import EDGE
from hoploom.kit.last_known import LastKnown
from hoploom.kit.logs import request_id
from hoploom.manager import edge_workers
from hoploom.manager.access import name as name_of
from hoploom.manager.access import person
from hoploom.manager.asking_address import asker
from hoploom.manager.audit import audit
from hoploom.manager.enrolment.admission import Refused
from hoploom.manager.enrolment.book import Listed
from hoploom.manager.enrolment.desk import Desk
from hoploom.manager.enrolment.records import Described, WorkerRecord
from hoploom.manager.enrolment.wrong_tokens import WrongTokens
from hoploom.manager.registry import REGISTRY
from hoploom.trust.once import once
from hoploom.wire.commands import EVERYBODY
from hoploom.wire.enrolment import LEAVE, RENEW, ROUTE, WORKER_NAME, EnrolRequest, Proof
from hoploom.wire.fields import Fields

log = logging.getLogger(__name__)
DESK = web.AppKey("enrolment_desk", Desk)
LISTED = web.AppKey("enrolment_listed", LastKnown[Listed])
WRONG_TOKENS = web.AppKey("enrolment_wrong_tokens", WrongTokens)
URLS = web.AppKey("enrolment_urls", tuple[str, ...])
DEFAULT_VALID_S, MAX_VALID_S = 24 * 3600, 30 * 24 * 3600
KEPT_S = 60.0
"""The list of workers is shown for so long after it was last read; a Consul that restarts is back before."""

_INVITATION = ("v", "name", "place", "latitude", "longitude", "max_rate_pps", "valid_s")
_SECRET = {"Cache-Control": "no-store"}


def of_workers() -> list[web.RouteDef]:
    """What workers call, who prove by what they send who they are."""
    return [
        web.post(f"{ROUTE}/enrol", post_enrol),
        web.post(f"{ROUTE}/challenge", post_challenge),
        web.post(f"{ROUTE}/{RENEW}", post_renewal),
        web.post(f"{ROUTE}/{LEAVE}", post_leave),
    ]


def of_operators() -> list[web.RouteDef]:
    """What operators call."""
    return [
        web.post(f"{ROUTE}/invites", once(post_invite, name_of)),
        web.get(ROUTE, get_workers),
        web.get(f"{ROUTE}/{{name}}", get_worker),
        web.delete(f"{ROUTE}/{{name}}", delete_worker),
    ]


async def post_invite(request: web.Request) -> web.Response:
    """A one-time token for a new worker; asked again it makes another, and the first is void."""
    known = Fields(await kit.read_json(request), "an invitation")
    known.only(_INVITATION)
    valid_s = known.integer("valid_s", range(60, MAX_VALID_S + 1), DEFAULT_VALID_S)
    wish = Described.read(known)
    await _refuse_own(request, wish.name)
    token, made = await request.app[DESK].invite(wish, valid_s)
    audit(request, person(request), "invite", f"worker {made.name} for {valid_s} s")
    answer = {"v": 1, "token": token, "invite": asdict(made), "urls": request.app[URLS]}
    return web.json_response(answer, headers=_SECRET)


async def post_enrol(request: web.Request) -> web.Response:
    """A credential in exchange for a token; the same key is answered the same again, at any manager."""
    wrong, address = request.app[WRONG_TOKENS], asker(request)
    wait_s = wrong.wait_s(address, boottime_s())
    if wait_s:
        raise TooMany("too many wrong tokens came from your address: try again later", wait_s)
    asked = EnrolRequest.from_json(await kit.read_json(request))
    try:
        answer, new = await request.app[DESK].enrol(asked)
    except Refused as error:
        wrong.wrong(address, boottime_s())
        _audit(request, "a token is refused: %s", error.why)
        raise
    what = "joined" if new else "asked again for its enrolment"
    _audit(request, "worker %s %s, number %s, hoploom %s on %s", answer.name, what, answer.number, asked.version,
           asked.machine)
    return web.json_response(answer.to_json(), headers=_SECRET)


async def post_challenge(request: web.Request) -> web.Response:
    """Something to sign."""
    return web.json_response({"v": 1, "challenge": request.app[DESK].challenge()})


async def post_renewal(request: web.Request) -> web.Response:
    """A new credential for a signed challenge."""
    proof = Proof.from_json(await kit.read_json(request))
    answer = await request.app[DESK].renew(proof, RENEW)
    log.info("worker %s has a new credential", answer.name)
    return web.json_response(answer.to_json(), headers=_SECRET)


async def post_leave(request: web.Request) -> web.Response:
    """A worker takes itself off; revoked ones may too."""
    proof = Proof.from_json(await kit.read_json(request))
    record = await request.app[DESK].proven(proof, LEAVE)
    await request.app[DESK].book.forget(record.name)
    _audit(request, "worker %s left", record.name)
    return web.json_response({"v": 1, "name": record.name})


async def get_workers(request: web.Request) -> web.Response:
    """All enrolled workers, and the invitations that are open; as last known while Consul is away, with its `Age`."""
    (workers, invites), age_s = await request.app[LISTED].get()
    rows = [_row(request.app, each) for each in workers]
    document = {"v": 1, "workers": rows, "invites": [asdict(each) for each in invites]}
    return web.json_response(document, headers={"Age": f"{age_s:.0f}"})


async def get_worker(request: web.Request) -> web.Response:
    """One enrolled worker."""
    name = _name(request)
    book = request.app[DESK].book
    record = await book.worker(name)
    if record is None:
        if any(each.name == name for each in await book.invites()):
            raise NotFound(f"{name} is invited and has not joined yet")
        raise NotFound(f"no worker {name} is enrolled here")
    return web.json_response({"v": 1, "worker": _row(request.app, record)})


async def delete_worker(request: web.Request) -> web.Response:
    """Forget a worker: it gets no credential any more, and its invitations are void."""
    name = _name(request)
    if not await request.app[DESK].book.forget(name):
        raise NotFound(f"no worker {name} is enrolled or invited here")
    audit(request, person(request), "remove", f"worker {name} is forgotten")
    return web.json_response({"v": 1, "name": name})


async def _refuse_own(request: web.Request, name: str) -> None:
    """Two workers of one name would have one number, and the credential of one could speak for the other."""
    if name == EVERYBODY:
        # Its commands would be everybody's, and go when it is removed.
        raise Conflict(f"{name} means every worker where workers are commanded: choose another name")
    _, found = await kit.mesh(request).consul.instances("ping", passing=False)
    if any(each.meta.get("worker") == name and EDGE not in each.meta for each in found):
        raise Conflict(f"{name} is a worker on one of the mesh's own machines: choose another name")


def _name(request: web.Request) -> str:
    name = request.match_info["name"]
    if not WORKER_NAME.fullmatch(name):
        raise NotFound(f"no worker is called {name[:63]!r}")
    return name


def _row(app: web.Application, record: WorkerRecord) -> dict[str, Any]:
    """A worker as its record says, and as it was heard."""
    heard = app[REGISTRY].worker(record.name)
    seen = edge_workers.rows([heard])[0] if heard else None
    return {**asdict(record), "revoked": app[DESK].is_revoked(record.name), "seen": seen}


def _audit(request: web.Request, what: str, *words: object) -> None:
    log.info(f"{what}; asked for by request %s from %s", *words, request_id.get(), asker(request))

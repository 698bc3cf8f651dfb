"""The worker's way to the mesh: leases and orders from the input service, results to the output service.

Each call is one try: who calls knows how long it has time, and tries again.
"""

import asyncio
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hoploom.kit import ServiceClient
from hoploom.kit.errors import BadRequest, Forbidden, Unauthorized, Unavailable, Unprocessable
from hoploom.kit.http_client import Answer
from hoploom.ping_service.holding import Held
from hoploom.targets.address_set import AddressSet
from hoploom.targets.target_set import digest, from_document
from hoploom.wire import batch_codec
from hoploom.wire.batch import OTHER_CONTENT
from hoploom.wire.campaign_request import MAX_RATE_PPS
from hoploom.wire.fields import Fields
from hoploom.wire.lease import MAX_TTL_S, Lease, LeaseDone, LeaseRenewal, LeaseRequest, LeaseReturn
from hoploom.wire.overlay import OverlayDocument

log = logging.getLogger(__name__)
WAIT_S = 20
"""A long poll for orders; the input service allows 25 s."""

MAX_SETS = 4
"""Target sets kept: two leases of two families at once."""

_SAY_TIMEOUT_S = 3.0
_LONG_TIMEOUT_S = 30.0
_NO_CONTENT, _NOT_MODIFIED = 204, 304
_ENDED = frozenset({403, 404, 409, 410})
_REFUSED = frozenset({400, 413, 422})
"""So the output refuses a batch for good. All else passes. 409: it is being stored just now, unless its title says that
another batch has its id; 404: whoever answers for the rest of the paths stores nothing; 401 and 403: the token is being
changed, or was forgotten, which people cure."""

_SLOWEST_BYTES_S = 16_384
"""A line that is slower than this, in bytes a second, is too slow for results."""


class LeaseEnded(BadRequest):
    """The lease is not ours any more: ended, handed out again, or never known."""

    def __init__(self, status: int, reason: str) -> None:
        """Say which."""
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Renewal:
    """What a renewal was answered with.

    Attributes:
        ttl_s: Seconds that the lease lives from when the renewal was sent.
        rate_pps: Packets a second from now on; 0 for no limit.
    """

    ttl_s: int
    rate_pps: int


class Bearer(Protocol):
    """Who this worker is."""

    def headers(self) -> Mapping[str, str]:
        """The headers that every request carries now."""

    def renew_soon(self) -> None:
        """Somebody did not accept them."""


class LeaseClient:
    """Asks and tells, with what proves who this worker is."""

    def __init__(self, edge: ServiceClient, bearer: Bearer, worker: str) -> None:
        """Speak through the mesh's edge: Fabio, or whatever stands at the mesh's address; under the worker's name."""
        self._edge, self._bearer, self._worker = edge, bearer, worker
        self._sets: dict[str, AddressSet] = {}

    async def ask(self, wanted: LeaseRequest) -> Lease | None:
        """Work to do, or None when there is none now.

        Raises:
            Unavailable: Nobody answers; the same request may be sent again.
            Forbidden: This worker was revoked.
            BadRequest: The request is refused.
        """
        answer = await self._post("/leases", wanted.to_json())
        if answer.status == _NO_CONTENT:
            return None
        if answer.status == Forbidden.status:
            raise Forbidden(answer.reason())
        if not answer.ok:
            raise BadRequest(f"the request for work is refused ({answer.status}): {answer.reason()}")
        return Lease.from_json(_part(answer, "lease"))

    async def renew(self, held: Held) -> Renewal:
        """Go on with a lease, and say how far its results are stored.

        Raises:
            Unavailable: Nobody answers who knows.
            LeaseEnded: It is not ours any more.
        """
        message = LeaseRenewal(**self._about(held), stored_upto=held.stored_upto)
        known = Fields({"v": 1, **await self._say("renew", held, message)}, "the answer to a renewal")
        ttl_s = known.integer("ttl_s", range(1, MAX_TTL_S + 1), held.lease.ttl_s)
        return Renewal(ttl_s, known.integer("rate_pps", range(MAX_RATE_PPS + 1), held.rate_pps))

    async def done(self, held: Held) -> None:
        """Tell that every result of a lease is stored; raises as `renew`."""
        await self._say("done", held, LeaseDone(**self._about(held)))

    async def give_back(self, held: Held, reason: str) -> None:
        """Have the rest of a lease handed out again; raises as `renew`."""
        message = LeaseReturn(**self._about(held), stored_upto=held.stored_upto, reason=reason)
        await self._say("return", held, message)

    async def orders(self, known: int) -> OverlayDocument | None:
        """The overlay as soon as its version is another than the known one; None after a while without news.

        Raises:
            Unavailable: Nobody answers who knows it.
            BadRequest: It is not understood.
        """
        path = f"/api/v1/overlay?known={known}&wait_s={WAIT_S}"
        answer = await self._request("GET", path, timeout_s=_LONG_TIMEOUT_S)
        if answer.status == _NOT_MODIFIED:
            return None
        if not answer.ok:
            raise Unavailable(f"the overlay cannot be read ({answer.status}): {answer.reason()}")
        return OverlayDocument.from_json(_part(answer, "overlay"))

    async def address_set(self, revision: str) -> AddressSet:
        """The targets of a revision; fetched once, and checked against its name.

        Raises:
            Unavailable: Nobody answers, or with something else.
            Unprocessable: It has the right name, and is no set of targets all the same.
        """
        if revision not in self._sets:
            path = f"/api/v1/sets/{revision}"
            answer = await self._request("GET", path, timeout_s=_LONG_TIMEOUT_S)
            if not answer.ok:
                raise Unavailable(f"the target set is refused: {answer.reason()}")
            # In a thread: a hundred thousand blocks take seconds, and leases have to be renewed meanwhile.
            found = await asyncio.to_thread(_laid_out, answer, revision)
            if len(self._sets) >= MAX_SETS:
                del self._sets[next(iter(self._sets))]
            self._sets[revision] = found
        return self._sets[revision]

    async def submit(self, batch: str, body: bytes) -> None:
        """Have a batch stored.

        Args:
            batch: Its id.
            body: The batch, packed.

        Raises:
            Unavailable: Nobody stores it now.
            BadRequest: The output refuses it for good.
        """
        headers = {"Idempotency-Key": batch, "Content-Type": batch_codec.MEDIA_TYPE_ZSTD}
        timeout_s = _LONG_TIMEOUT_S + len(body) / _SLOWEST_BYTES_S
        answer = await self._request("POST", "/results", timeout_s=timeout_s, data=body, headers=headers)
        if not answer.ok:
            # Of others, who answer for all paths, nobody knows what they mean by it.
            is_refused = (answer.status in _REFUSED and answer.is_problem) or answer.title == OTHER_CONTENT
            raise (BadRequest if is_refused else Unavailable)(f"{answer.reason()} ({answer.status})")
        if _part(answer, "batch") != batch:
            raise Unavailable("something else answers for the output service")

    def _about(self, held: Held) -> dict[str, str]:
        lease = held.lease
        return {"worker": self._worker, "campaign": lease.campaign, "group": lease.group, "token": lease.token}

    async def _say(self, verb: str, held: Held, message: LeaseDone) -> Mapping[str, Any]:
        answer = await self._post(f"/leases/{held.id}/{verb}", message.to_json())
        if answer.status in _ENDED:
            raise LeaseEnded(answer.status, answer.reason())
        if not answer.ok:
            raise Unavailable(f"POST {verb} is refused ({answer.status}): {answer.reason()}")
        found = answer.json()
        return found if isinstance(found, dict) else {}

    async def _post(self, path: str, document: Mapping[str, Any]) -> Answer:
        """One POST to the input service.

        Raises:
            Unavailable: Nobody answers, or somebody who knows no such path: no input instance is routed yet, or one
                that is older than the path.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        answer = await self._request("POST", path, timeout_s=_SAY_TIMEOUT_S, json=dict(document), headers=headers)
        if answer.is_elsewhere:
            raise Unavailable(f"nobody serves {path.partition('?')[0]} now ({answer.status})")
        return answer

    async def _request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> Answer:
        """One request in this worker's name; who is not let in has its credential renewed."""
        shown = {**self._bearer.headers(), **(headers or {})}
        answer = await self._edge.request(method, path, headers=shown, **options)
        if answer.status == Unauthorized.status:
            self._bearer.renew_soon()
        return answer


def _part(answer: Answer, name: str) -> object:
    """A part of an answer; None where there is none, which nobody takes for what it should be."""
    document = answer.json()
    return document.get(name) if isinstance(document, dict) else None


def _laid_out(answer: Answer, revision: str) -> AddressSet:
    document = answer.json()
    try:
        if digest(document) != revision:
            raise Unavailable("the target set is not what its name says")
        return AddressSet(from_document(document))
    except ValueError as error:
        raise Unprocessable(f"the target set cannot be laid out: {error}") from error

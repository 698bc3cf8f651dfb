"""The worker's side of the mesh: leases from the input service, results to the output service, all through Fabio."""

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hoploom.kit import ServiceClient, credentials
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.targets.address_set import AddressSet
from hoploom.targets.target_set import digest, from_document
from hoploom.wire import batch_codec
from hoploom.wire.batch import Batch
from hoploom.wire.lease import Lease, LeaseDone, LeaseRequest

log = logging.getLogger(__name__)
# Nothing to do: asked again so often, in seconds. A new campaign starts within this time.
IDLE_S = 1.0
_LONGEST_PAUSE_S = 15.0
_SUBMIT_TIMEOUT_S = 30.0
_NO_CONTENT, _CONFLICT, _NOT_FOUND = 204, 409, 404


class LeaseClient:
    """Asks and tells; every call is repeated until somebody answers, because a worker has nothing better to do."""

    def __init__(self, fabio: ServiceClient, token: str) -> None:
        """Speak through Fabio, with the workers' token."""
        self._fabio = fabio
        self._headers = credentials.header(token)
        self._sets: dict[str, AddressSet] = {}

    async def lease(self, worker: str, group: str, rate_pps: int) -> Lease | None:
        """Work to do, or None when there is none now."""
        wanted = LeaseRequest(
            request_id=uuid.uuid4().hex, worker=worker, group=group or worker, rate_pps=rate_pps, families=(4, 6)
        )
        status, document = await self._post("/leases", wanted.to_json())
        return None if status == _NO_CONTENT else Lease.from_json(document["lease"])

    async def address_set(self, revision: str) -> AddressSet:
        """The targets of a revision; fetched once, and checked against its name."""
        if revision not in self._sets:
            answer = await self._fabio.request("GET", f"/api/v1/sets/{revision}", timeout_s=_SUBMIT_TIMEOUT_S)
            if not answer.ok:
                raise Unavailable(f"the target set is refused: {answer.reason()}")
            document = answer.json()
            if digest(document) != revision:
                raise Unavailable("the target set is not what its name says")
            self._sets = {revision: AddressSet(from_document(document))}
        return self._sets[revision]

    async def submit(self, batch: Batch) -> bool:
        """Have a batch stored; False when the output refuses it for good."""
        headers = {**self._headers, "Idempotency-Key": batch.batch, "Content-Type": batch_codec.MEDIA_TYPE_ZSTD}
        pause_s = 0.1
        while True:
            # Tells the output how old the batch is, by our own clock.
            sent = replace(batch, sent_monotonic_us=time.monotonic_ns() // 1000)
            try:
                answer = await self._fabio.request(
                    "POST", "/results", data=batch_codec.pack(sent), headers=headers, timeout_s=_SUBMIT_TIMEOUT_S
                )
            except Unavailable as error:
                log.warning("results wait: %s", error)
            else:
                if answer.status not in (_CONFLICT, _NOT_FOUND):
                    return self._accepted(batch, answer.status, answer.reason() if not answer.ok else "")
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    def _accepted(self, batch: Batch, status: int, reason: str) -> bool:
        if reason:
            log.error("batch %s is refused for good (%s): %s", batch.batch, status, reason)
        return not reason

    async def done(self, lease: Lease, worker: str) -> None:
        """Tell that every result of a lease is stored."""
        body = LeaseDone(worker=worker, campaign=lease.campaign, group=lease.group).to_json()
        await self._post(f"/leases/{lease.id}/done", body)

    async def _post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        headers = {**self._headers, "Idempotency-Key": uuid.uuid4().hex}
        answer = await self._fabio.request("POST", path, json=body, headers=headers)
        if not answer.ok:
            raise BadRequest(f"POST {path} is refused ({answer.status}): {answer.reason()}")
        return answer.status, answer.json() if answer.body else None

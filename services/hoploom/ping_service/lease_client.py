"""The worker's side of the mesh: leases from the input service, results to the output service, all through Fabio."""

import asyncio
import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hoploom.kit import ServiceClient, credentials
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.kit.http_client import Answer
from hoploom.targets.address_set import AddressSet
from hoploom.targets.target_set import digest, from_document
from hoploom.wire import batch_codec
from hoploom.wire.batch import Batch
from hoploom.wire.lease import Lease, LeaseDone, LeaseRequest

log = logging.getLogger(__name__)
# Nothing to do: asked again so often, in seconds. A new campaign starts within this time.
IDLE_S = 1.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_SUBMIT_TIMEOUT_S = 30.0
_NO_CONTENT, _CONFLICT, _NOT_FOUND = 204, 409, 404


class LeaseClient:
    """Asks and tells; every call is repeated until somebody answers, because a worker has nothing better to do."""

    def __init__(self, fabio: ServiceClient, token: str) -> None:
        """Speak through Fabio, with the workers' token."""
        self._fabio = fabio
        self._headers = credentials.header(token)
        self._sets: dict[str, AddressSet] = {}
        self.waiting = ""

    async def lease(self, worker: str, group: str, rate_pps: int) -> Lease | None:
        """Work to do, or None when there is none now; the same request until it is answered, so no lease is lost."""
        wanted = LeaseRequest(
            request_id=uuid.uuid4().hex, worker=worker, group=group or worker, rate_pps=rate_pps, families=(4, 6)
        )
        status, document = await self._insist("/leases", wanted.to_json())
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
        for pause_s in _pauses():
            # Tells the output how old the batch is, by our own clock.
            sent = replace(batch, sent_monotonic_us=time.monotonic_ns() // 1000)
            answer = await self._try("results wait", "/results", data=batch_codec.pack(sent), headers=headers)
            if answer is not None and answer.status not in (_CONFLICT, _NOT_FOUND):
                return self._accepted(batch, answer)
            await asyncio.sleep(pause_s)
        raise AssertionError("the pauses never end")

    def _accepted(self, batch: Batch, answer: Answer) -> bool:
        self.waiting = ""
        if not answer.ok:
            log.error("batch %s is refused for good (%s): %s", batch.batch, answer.status, answer.reason())
        return answer.ok

    async def done(self, lease: Lease, worker: str) -> None:
        """Tell that every result of a lease is stored; a lease that has ended meanwhile is no matter any more."""
        body = LeaseDone(worker=worker, campaign=lease.campaign, group=lease.group).to_json()
        try:
            await self._insist(f"/leases/{lease.id}/done", body)
        except BadRequest as error:
            log.warning("lease %s is not taken back: %s", lease.id, error)

    async def _insist(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        headers = {**self._headers, "Idempotency-Key": uuid.uuid4().hex}
        for pause_s in _pauses():
            answer = await self._try("no work", path, json=body, headers=headers)
            # Whoever answers for the rest of the paths knows no leases: no input instance is routed yet.
            if answer is not None and (answer.status != _NOT_FOUND or path != "/leases"):
                self.waiting = ""
                if not answer.ok:
                    raise BadRequest(f"POST {path} is refused ({answer.status}): {answer.reason()}")
                return answer.status, answer.json() if answer.body else None
            await asyncio.sleep(pause_s)
        raise AssertionError("the pauses never end")

    async def _try(self, what: str, path: str, **options: Any) -> Answer | None:
        """One POST; None when nobody answered."""
        try:
            return await self._fabio.request("POST", path, timeout_s=_SUBMIT_TIMEOUT_S, **options)
        except Unavailable as error:
            self._wait(what, error)
            return None

    def _wait(self, what: str, error: Unavailable) -> None:
        if not self.waiting:
            log.warning("%s: %s", what, error)
        self.waiting = f"{what}: {error}"[:200]


def _pauses() -> Iterator[float]:
    """Growing pauses in seconds."""
    pause_s = _FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

"""Invitations and enrolled workers in Consul's KV store. Every change may be asked for again, at any manager."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hoploom.kit.clock import wall_us
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Conflict, Unavailable
from hoploom.manager.enrolment import admission
from hoploom.manager.enrolment.records import (
    INVITES,
    Described,
    Invite,
    WorkerRecord,
    described,
    invite_key,
    packed,
    read_invite,
    read_worker,
    worker_key,
)
from hoploom.trust.numbers import Numbers
from hoploom.trust.roll import WORKERS

log = logging.getLogger(__name__)
ORDERS = "hoploom/orders/"
# Lost races in a row; each means that another manager has just decided on the same token.
_TRIES = 10


class Listed(NamedTuple):
    """What is shown of a book.

    Attributes:
        workers: By name.
        invites: Those that are open, by name.
    """

    workers: Sequence[WorkerRecord]
    invites: Sequence[Invite]


class Book:
    """The invitations and the workers of this datacenter."""

    def __init__(self, consul: ConsulApi, numbers: Numbers, now_us: Callable[[], int] = wall_us) -> None:
        """Know the store, who gives numbers, and the time in microseconds since 1970."""
        self._consul, self._numbers, self._now_us = consul, numbers, now_us

    async def invite(self, wish: Described, digest: str, valid_s: int) -> Invite:
        """Let whoever has a token become a worker; older invitations to the same name are void.

        Args:
            wish: Who it is to be.
            digest: SHA-256 of the token, in hex.
            valid_s: Seconds that the token works.

        Raises:
            Conflict: A worker of this name is enrolled.
            Unavailable: Consul is away.
        """
        if await self.worker(wish.name) is not None:
            raise Conflict(
                f"{wish.name} is enrolled: to let another machine take its name, `hoploom worker rm {wish.name}` first"
            )
        now_us = self._now_us()
        made = Invite(**described(wish), invited_us=now_us, until_us=now_us + valid_s * 1_000_000)
        if not await self._consul.kv_put(invite_key(digest), packed(made), cas=0):
            raise Unavailable("the invitation could not be written: ask again")
        for key in admission.void(await self._stored_invites(), made, now_us):
            await self._consul.kv_delete(key)
        return made

    async def enrol(self, digest: str, key: str) -> tuple[WorkerRecord, bool]:
        """Exchange a token for a worker's record.

        Args:
            digest: SHA-256 of the token, in hex.
            key: The public key that is to be the worker's, proven to be the asker's.

        Returns:
            The record, and whether it is new.

        Raises:
            admission.Refused: The token is good for nobody, or for another key.
            Unavailable: Consul is away; whether it was done is not known, and it may be asked again.
        """
        for _ in range(_TRIES):
            entry = await self._consul.kv_get(invite_key(digest), consistent=True)
            invite = read_invite(entry.value) if entry else None
            known = await self.worker(invite.name) if invite else None
            before = admission.admitted(invite, known, key, self._now_us())
            if before is not None:
                return before, False
            assert entry is not None
            assert invite is not None
            number = await self._numbers.of_worker(invite.name)
            used, record = admission.enrolled(invite, number, key, self._now_us())
            operations = [
                {"Verb": "cas", "Key": entry.key, "Value": packed(used), "Index": entry.modify_index},
                {"Verb": "cas", "Key": worker_key(record.name), "Value": packed(record), "Index": 0},
            ]
            if await self._consul.kv_txn(operations) is not None:
                return record, True
        raise Unavailable("too many others use the same token just now")

    async def worker(self, name: str) -> WorkerRecord | None:
        """An enrolled worker; None where there is none of this name."""
        entry = await self._consul.kv_get(worker_key(name), consistent=True)
        return read_worker(entry.value) if entry else None

    async def listed(self) -> Listed:
        """All enrolled workers, and the invitations that are open."""
        return Listed(await self.workers(), await self.invites())

    async def workers(self) -> list[WorkerRecord]:
        """All enrolled workers, by name."""
        return [read_worker(each.value) for each in await self._consul.kv_list(WORKERS)]

    async def invites(self) -> list[Invite]:
        """The invitations that nobody has used and that have not expired, by name."""
        found, now_us = await self._stored_invites(), self._now_us()
        unused = (each for each in found.values() if not each.key and now_us < each.until_us)
        return sorted(unused, key=lambda each: each.name)

    async def forget(self, name: str) -> bool:
        """Leave nothing of a worker but its number, which results carry, and of its invitations.

        Returns:
            Whether there was anything.
        """
        stored = await self._stored_invites()
        gone = [key for key, each in stored.items() if each.name == name]
        # A damaged record goes too, and no other damaged one keeps it here.
        known = await self._consul.kv_get(worker_key(name), consistent=True)
        for key in (*gone, worker_key(name), f"{ORDERS}{name}"):
            await self._consul.kv_delete(key)
        return known is not None or bool(gone)

    async def _stored_invites(self) -> dict[str, Invite]:
        """Those that are understood; nobody joins by another."""
        found = {}
        for each in await self._consul.kv_list(INVITES):
            try:
                found[each.key] = read_invite(each.value)
            except Unavailable as error:
                log.warning("%s is passed over: %s", each.key, error)
        return found

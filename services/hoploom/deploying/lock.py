"""One deploy of a service at a time, in all datacenters together, and what is known of one that broke off.

The lock is a key `hoploom/deploys/SERVICE/.lock` that hangs on a Consul session, as those of `consul lock` do (they
exclude each other). Its value says who, since when, to what and how far. A deploy that comes to an end removes it; one
that was killed leaves it without a session, and the next deploy of that service finds it.

A session is known in its own datacenter alone. So whoever deploys locks the key of the own datacenter, which shows that
he lives, and the key of one datacenter decides between those who did so in different ones (`claim`): the first by name
of all that are joined, which is the same wherever one asks.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from hoploom.deploying import claim
from hoploom.deploying.claim import Claim, Seat
from hoploom.deploying.record import Record, has_died
from hoploom.kit.consul_api import LOCK_FLAG, ConsulApi, KvEntry
from hoploom.kit.errors import ConfigError, Unavailable

FOLDER = "hoploom/deploys/"
TTL_S = 10
"""The shortest that Consul knows; it ends a session after at most twice that."""

RENEW_EVERY_S = 3.0
_TRIES, _AGAIN_S = 20, 0.25
"""A lock whose session has ended may be taken after its delay of a second."""


class Lock:
    """The lock of one service."""

    def __init__(self, consul: ConsulApi, service: str) -> None:
        """Hold nothing yet."""
        self._consul, self._service = consul, service
        self._key = f"{FOLDER}{service}/.lock"
        self._session = ""
        self._claim: Claim | None = None

    async def seen(self) -> Record | None:
        """What is known of a deploy that is going on, or broke off."""
        seat = await self._seat()
        entry = await seat.read(seat.home)
        return Record.of(entry.value) if entry else None

    async def take(self, record: Record) -> Record | None:
        """Take the lock.

        Args:
            record: What to write there.

        Returns:
            What an earlier deploy left that broke off; None where none did.

        Raises:
            ConfigError: Another deploy of this service is going on, in whatever datacenter.
            Unavailable: Consul does not answer, here or in the datacenter that decides.
        """
        seat = await self._seat()
        mine = replace(record, dc=seat.own)
        left = await self._locked(seat, mine)
        if seat.own == seat.home:
            return left
        self._claim = Claim(seat, self._service, mine)
        try:
            return await self._claim.take()
        except BaseException:
            self._claim = None
            await self._drop()
            await self.leave()
            raise

    async def _seat(self) -> Seat:
        known = await self._consul.datacenters()
        own = await self._consul.own_dc() if len(known) > 1 else known[0]
        return Seat(self._consul, self._key, own, min(known))

    async def _locked(self, seat: Seat, record: Record) -> Record | None:
        """Lock the own datacenter's key."""
        entry = await self._consul.kv_get(self._key, consistent=True)
        if entry and entry.session:
            await self._free(entry)
        self._session = await self._consul.session_create(
            # No checks: it shall outlive a restart of the agent's node check.
            {"Name": f"deploy of {self._service}", "TTL": f"{TTL_S}s", "LockDelay": "1s", "Behavior": "release",
             "NodeChecks": [], "ServiceChecks": []}
        )  # fmt: skip
        for _ in range(_TRIES):
            entry = await self._consul.kv_get(self._key, consistent=True)
            left = Record.of(entry.value) if entry else None
            try:
                await claim.require_free(seat, self._service, entry)
            except BaseException:
                await self.leave()
                raise
            # What somebody elsewhere has claimed since is not what was judged.
            if await self._written(left or record, entry.modify_index if entry else 0):
                return left
            await asyncio.sleep(_AGAIN_S)
        await self.leave()
        raise Unavailable(f"Consul does not give the lock {self._key}, which nobody holds")

    async def _free(self, entry: KvEntry) -> None:
        """End the session of a holder that has died on this machine; raises the refusal for any other."""
        record = Record.of(entry.value)
        if record is None or not record.process or not has_died(record.process):
            raise ConfigError(claim.refusal(self._service, entry))
        await self._consul.session_destroy(entry.session)

    async def note(self, record: Record) -> None:
        """Write how far it is; raises Unavailable where the lock is not ours any more."""
        if not (await self._claim.write(record) if self._claim else await self._written(record)):
            raise Unavailable("the lock of this deploy is not ours any more")

    async def _written(self, record: Record, index: int | None = None) -> bool:
        take = {"Verb": "lock", "Key": self._key, "Value": record.as_bytes(), "Flags": LOCK_FLAG}
        same = {"Verb": "check-index", "Key": self._key, "Index": index}
        first = [] if index is None else [same] if index else [{"Verb": "check-not-exists", "Key": self._key}]
        return bool(await self._consul.kv_txn([*first, {**take, "Session": self._session}]))

    async def keep(self, lost: Callable[[str], None]) -> None:
        """Renew the session for ever; calls `lost` with who has it instead, and ends, when it has ended."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            try:
                if not await self._consul.session_renew(self._session):
                    entry = await self._consul.kv_get(self._key, consistent=True)
                    record = Record.of(entry.value) if entry and entry.session else None
                    lost(record.who if record else "nobody")
                    return
                if self._claim and (other := await self._claim.other()) is not None:
                    lost(other)
                    return
            except Unavailable:
                continue

    async def forget(self, last: Record | None = None) -> None:
        """Nothing is left to go on with: the key goes, if it still is ours, and how it ended is kept beside it."""
        if self._claim:
            await self._claim.forget(last)
        await self._drop(None if self._claim else last)

    async def _drop(self, last: Record | None = None) -> None:
        check = {"Verb": "check-session", "Key": self._key, "Session": self._session}
        kept = [{"Verb": "set", "Key": claim.last(self._key), "Value": last.as_bytes()}] if last else []
        await self._consul.kv_txn([check, {"Verb": "delete", "Key": self._key}, *kept])

    async def leave(self) -> None:
        """End the session; what stands in the key stays."""
        if self._session:
            await self._consul.session_destroy(self._session)
            self._session = ""
